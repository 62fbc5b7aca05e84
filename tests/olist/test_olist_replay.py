"""Twenty made-up orders with every trap of the data, replayed by the command through a running suite of its own."""

import asyncio
import json
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.olist.plan import Fate
from tests.olist.dataset import CUSTOMER, ITEM, ORDER, PRODUCT, DataSet

ROOT = Path(__file__).resolve().parents[2]
UNSENT = {"order_delivered_carrier_date": "", "order_delivered_customer_date": ""}
UNAPPROVED = {"order_approved_at": ""}
USUAL = {name: value for name, value in ORDER.items() if name.endswith(("_at", "_date", "_timestamp"))}


def shifted(hours: int) -> dict[str, str]:
    """Move all times of the usual order."""
    times = {name: datetime.fromisoformat(value) + timedelta(hours=hours) for name, value in USUAL.items()}
    times["order_estimated_delivery_date"] = times["order_estimated_delivery_date"].replace(hour=0)
    return {name: moment.strftime("%Y-%m-%d %H:%M:%S") for name, moment in times.items()}


def recorded() -> DataSet:
    """Make up the orders."""
    heavy = {**PRODUCT, "product_id": "p-heavy", "product_weight_g": "22000.0"}
    weightless = {**PRODUCT, "product_id": "p-weightless", "product_weight_g": "0.0"}
    written = DataSet(products=[PRODUCT, heavy, weightless])
    for number in range(8):
        written.add(f"usual-{number}", **shifted(7 * number))
    written.add("late", **{**shifted(3), "order_delivered_customer_date": "2031-05-23 09:00:00"})
    written.add("very-late", **{**shifted(5), "order_delivered_customer_date": "2031-05-30 19:00:00"})
    written.add("two-sellers", (ITEM, {**ITEM, "seller_id": "s-2"}), **shifted(9))
    written.add("two-parcels", ({**ITEM, "product_id": "p-heavy"},) * 2, **shifted(11))
    written.add("weightless", ({**ITEM, "product_id": "p-weightless"},), **shifted(13))
    written.add("before-hand-over", **{**shifted(0), "order_delivered_customer_date": "2031-05-07 09:00:00"})
    written.add("unapproved", **{**shifted(15), **UNAPPROVED})
    written.add("without-delivery-time", **{**shifted(17), "order_delivered_customer_date": ""})
    written.add("cancelled", **{**shifted(2), **UNSENT, "order_status": "canceled"})
    written.add("invoiced", **{**shifted(4), **UNSENT, "order_status": "invoiced"})
    written.add("lost", **{**shifted(6), "order_status": "shipped", "order_delivered_customer_date": ""})
    written.add("lineless", (), **{**shifted(8), **UNSENT, **UNAPPROVED, "order_status": "unavailable"})
    written.customers = [{**CUSTOMER, "customer_zip_code_prefix": "69900", "customer_state": "AC"}]
    return written


async def replay(directory: Path, home: Path, *options: str) -> tuple[int, str, str]:
    """Run the command to its end; gives its status, its answer and what else it said."""
    command = (sys.executable, "-m", "cli.main", "replay-orders", "olist", str(directory), "--own-home", str(home))
    process = await asyncio.create_subprocess_exec(
        *command,
        *options,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answer, said = await process.communicate()
    return process.returncode or 0, answer.decode(), said.decode()


@pytest.mark.timeout(900)
async def test_every_order_ends_as_its_row_says_and_nothing_is_lost_doubled_oversold_or_stuck(tmp_path: Path) -> None:
    directory = tmp_path / "recorded"
    directory.mkdir()
    recorded().write(directory)
    file = tmp_path / "report.json"

    options = ("--step", "6h", "--report", str(file), "--json", "--assert")
    status, answer, said = await replay(directory, tmp_path / "home", *options)

    assert status == 0, said
    report: dict[str, Any] = json.loads(answer)
    assert json.loads(file.read_text()) == report
    assert report["failures"] == []
    assert (report["orders"], report["placed"], report["refused"]) == (20, 19, 1)
    assert {(row["actual"], row["orders"]) for row in report["outcomes"]} == {
        (str(Fate.DELIVERED), 16),
        (str(Fate.CANCELLED), 1),
        (str(Fate.WAITING), 1),
        (str(Fate.LOST), 1),
        (str(Fate.REFUSED), 1),
    }
    units = report["units"]
    assert (units["ordered"], units["delivered"], units["cancelled"], units["lost"], units["reserved"]) == (
        21,
        18,
        1,
        1,
        1,
    )
    assert report["check"] == []
    assert [score["late"] for score in report["flags"]] == [2, 2, 2]
    assert any("cancelled 24 h after approval" in assumed for assumed in report["assumptions"])
