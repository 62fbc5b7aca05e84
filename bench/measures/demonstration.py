"""Placed to delivered in the demonstration's shape: `doorstep demo` as anybody runs it, in a home of its own."""

import asyncio
import json
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from bench import machine
from bench.session import Session
from bench.table import Result
from deploy.local import control, names, state
from deploy.local.site import REPOSITORY

_PATIENCE_SECONDS = 1800.0
_BEDS = (names.POSTGRES, names.BROKER)


async def measure(session: Session) -> Mapping[str, Result]:
    """Run the demonstration once, with nothing else of ours at work; its summary tells orders and seconds."""
    await session.rig.run_only()
    limit = await session.limit("a")
    home = session.rig.stack.site.home.with_name("bench-demo")
    try:
        seconds, bots = await _demonstrate(home, session.plan.demo_orders)
        used = _used(home)
    finally:
        await asyncio.to_thread(_throw_away, home)
    orders = session.plan.demo_orders
    rate = orders / seconds
    apart = {"bots": bots, names.SIMULATOR: used.pop(names.SIMULATOR, 0.0)}
    suite: dict[str, JsonValue] = dict(machine.per_order(used, orders))
    beside: dict[str, JsonValue] = dict(machine.per_order(apart, orders))
    session.say(f"  {orders} orders in {seconds:.0f} s")
    return {
        "delivered": Result(
            [rate / limit],
            f"{rate:.1f} orders/s ÷ {limit:,.0f}/s",
            {"cpu_ms_per_order": suite, "bots_and_simulator_cpu_ms_per_order": beside, "seconds": seconds},
        )
    }


async def _demonstrate(home: Path, orders: int) -> tuple[float, float]:
    """Give the demonstration's seconds, and the processor seconds of its command: the bots and the driver."""
    report = home.with_name("bench-demo.json")
    report.unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("doorstep")),
        *("demo", "--orders", str(orders), "--json", "--report", str(report)),
        cwd=REPOSITORY,
        env={**os.environ, names.HOME: str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(_PATIENCE_SECONDS):
        out, _ = await process.communicate()
    # Its own judgement of the story is not ours: without a report it has failed.
    if not report.exists():
        raise RuntimeError(f"the demonstration failed: {out.decode()[-600:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    summary = json.loads(report.read_text())
    report.unlink()
    bots = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float(summary["seconds"]), bots


def _used(home: Path) -> dict[str, float]:
    """Read the processor seconds of the demonstration's processes, start-up included, before they are stopped."""
    record = state.read(home)
    marks = record.processes if record is not None else {}
    return {name: machine.cpu_seconds(mark.pid) for name, mark in marks.items() if mark.is_alive()}


def _throw_away(home: Path) -> None:
    if home.exists():
        control.reset(home)
