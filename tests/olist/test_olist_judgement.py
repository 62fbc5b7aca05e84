"""What the services say is held against the data; every way to lose, double or oversell is named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cli.olist import rows
from cli.olist.evidence import (
    CaseSeen,
    EffectSeen,
    Evidence,
    ExceptionSeen,
    LevelSeen,
    LineSeen,
    OrderSeen,
    ParcelSeen,
    PromiseSeen,
    StockSeen,
)
from cli.olist.judge import Run, Verdict, judge
from cli.olist.plan import Fate, Plan, plan
from tests.olist.dataset import ITEM, DataSet

UNSENT = {"order_delivered_carrier_date": "", "order_delivered_customer_date": ""}
DELIVERED_AT = datetime(2031, 5, 12, 21, 30, tzinfo=UTC)
END = datetime(2031, 5, 21, 2, 59, 59, tzinfo=UTC)


@pytest.fixture
def recorded(tmp_path: Path) -> dict[str, Plan]:
    """One order of each fate."""
    written = DataSet()
    written.add("delivered")
    written.add("refused", (), order_status="unavailable", **UNSENT)
    written.add("cancelled", (ITEM,), order_status="canceled", **UNSENT)
    written.add("waiting", (ITEM,), order_status="invoiced", **UNSENT)
    written.add("lost", order_status="shipped", order_delivered_customer_date="")
    read = rows.read(written.write(tmp_path))
    return {purchase.reference: plan(purchase) for purchase in read.purchases}


def seen(
    reference: str, status: str, *, number: str = "", delivered_at: datetime | None = None, **units: int
) -> OrderSeen:
    line = LineSeen.model_validate({"sku": "p-1", "location": "s-1", "quantity": sum(units.values()), **units})
    parcels = [ParcelSeen(tracking_number=number, delivered_at=delivered_at)] if number else []
    promise = PromiseSeen(deliver_by_latest=END, outcome="kept" if delivered_at else None)
    return OrderSeen(id=uuid4(), reference=reference, status=status, promise=promise, lines=[line], shipments=parcels)


def evidence_of(orders: list[OrderSeen], cases: list[str], risks: list[ExceptionSeen] | None = None) -> Evidence:
    """Give what the services would say of four units received, two shipped and one still reserved."""
    ids = {order.reference: order.id for order in orders}
    return Evidence(
        orders=orders,
        cases=[CaseSeen(order_id=ids[name], kind="lost", family="parcel", state="open") for name in cases],
        risks=risks or [],
        stock=[stock(on_hand=2, reserved=1)],
        effects=[effect("receive", 4, 0), effect("reserve", 0, 3), effect("hand_over", -2, -2)],
    )


def stock(on_hand: int, reserved: int) -> StockSeen:
    return StockSeen(
        sku="p-1", location="s-1", on_hand=on_hand, reserved=reserved, damaged=0, quarantined=0,
        available=on_hand - reserved,
    )  # fmt: skip


def effect(act: str, on_hand: int, reserved: int) -> EffectSeen:
    return EffectSeen(sku="p-1", location="s-1", act=act, on_hand=on_hand, reserved=reserved, damaged=0, quarantined=0)


def as_the_data_say() -> list[OrderSeen]:
    return [
        seen("delivered", "completed", number="SP1", delivered_at=DELIVERED_AT, delivered=1),
        seen("cancelled", "cancelled", cancelled=1),
        seen("waiting", "open", reserved=1),
        seen("lost", "completed", number="SP2", lost=1),
    ]


def judged(plans: dict[str, Plan], evidence: Evidence, received: int = 4) -> Verdict:
    accepted: dict[str, UUID] = {name: uuid4() for name in plans if name != "refused"}
    return judge(Run(plans, accepted, {"refused": ["/lines"]}, {("p-1", "s-1"): received}), evidence)


def test_a_replay_as_the_data_say_has_nothing_to_report(recorded: dict[str, Plan]) -> None:
    verdict = judged(recorded, evidence_of(as_the_data_say(), ["waiting", "lost"]))
    assert verdict.mismatches == []
    assert set(verdict.conservation.as_counts().values()) == {0}
    assert verdict.outcomes["invoiced", str(Fate.WAITING), str(Fate.WAITING)] == 1
    assert verdict.units["ordered"] == 4
    assert (verdict.units["delivered"], verdict.units["lost"], verdict.units["reserved"]) == (1, 1, 1)


def test_an_order_that_waits_without_a_case_is_stuck(recorded: dict[str, Plan]) -> None:
    verdict = judged(recorded, evidence_of(as_the_data_say(), ["lost"]))
    assert verdict.conservation.stuck == ["waiting: open"]
    assert [mismatch.actual for mismatch in verdict.mismatches] == ["open, without a case"]


def test_a_loss_that_care_did_not_see_is_a_mismatch(recorded: dict[str, Plan]) -> None:
    verdict = judged(recorded, evidence_of(as_the_data_say(), ["waiting"]))
    assert [mismatch.actual for mismatch in verdict.mismatches] == ["lost, without a case"]


def test_an_accepted_order_that_is_gone_is_lost(recorded: dict[str, Plan]) -> None:
    verdict = judged(recorded, evidence_of(as_the_data_say()[:3], ["waiting"]))
    assert verdict.conservation.lost == ["lost"]
    assert [mismatch.actual for mismatch in verdict.mismatches] == ["accepted, then gone"]


def test_an_order_or_a_parcel_that_is_there_twice_is_doubled(recorded: dict[str, Plan]) -> None:
    orders = as_the_data_say()
    orders.append(seen("delivered", "completed", number="SP1", delivered_at=DELIVERED_AT, delivered=1))
    verdict = judged(recorded, evidence_of(orders, ["waiting", "lost"]))
    assert verdict.conservation.doubled == ["order delivered", "parcel SP1"]


def test_more_units_out_than_came_in_are_oversold(recorded: dict[str, Plan]) -> None:
    verdict = judged(recorded, evidence_of(as_the_data_say(), ["waiting", "lost"]), received=2)
    assert verdict.conservation.oversold == ["p-1@s-1: 3 of 2"]


def test_stock_that_differs_from_its_ledger_is_named(recorded: dict[str, Plan]) -> None:
    evidence = evidence_of(as_the_data_say(), ["waiting", "lost"])
    evidence.effects.pop()
    (sentence,) = judged(recorded, evidence).conservation.unbalanced_stock
    assert sentence.startswith("p-1@s-1: (2, 1)")


def test_a_line_whose_buckets_do_not_add_up_is_named(recorded: dict[str, Plan]) -> None:
    orders = as_the_data_say()
    orders[2].lines[0].reserved = 0
    verdict = judged(recorded, evidence_of(orders, ["waiting", "lost"]))
    assert verdict.conservation.unbalanced_lines == ["waiting line p-1: 0 of 1"]


def test_a_delivery_at_another_time_than_the_datas_is_a_mismatch(recorded: dict[str, Plan]) -> None:
    orders = as_the_data_say()
    orders[0].shipments[0].delivered_at = DELIVERED_AT + timedelta(minutes=5)
    (mismatch,) = judged(recorded, evidence_of(orders, ["waiting", "lost"])).mismatches
    assert mismatch.actual.startswith("delivered at 2031-05-12T21:35:00")


def test_a_promise_settled_against_the_data_is_a_mismatch(recorded: dict[str, Plan]) -> None:
    orders = as_the_data_say()
    orders[0].promise.outcome = "broken"
    (mismatch,) = judged(recorded, evidence_of(orders, ["waiting", "lost"])).mismatches
    assert mismatch.actual == "delivered, the promise broken"


def test_an_order_refused_for_something_else_is_a_mismatch(recorded: dict[str, Plan]) -> None:
    run = Run(recorded, {}, {"refused": ["/lines", "/total"]}, {})
    mismatches = judge(run, Evidence([], [], [], [], [])).mismatches
    assert "refused for /lines, /total" in {mismatch.actual for mismatch in mismatches}


def test_flags_of_judged_orders_are_scored_by_level(recorded: dict[str, Plan]) -> None:
    orders = as_the_data_say()
    levels = [
        LevelSeen(at=DELIVERED_AT - timedelta(days=2), level="at_risk"),
        LevelSeen(at=DELIVERED_AT - timedelta(days=1), level="predicted"),
    ]
    risks = [ExceptionSeen(order_id=orders[0].id, kind="transit_risk", levels=levels)]
    predicted, any_level, baseline = judged(recorded, evidence_of(orders, ["waiting", "lost"], risks)).scores
    assert (predicted.delivered, predicted.late, predicted.flagged) == (1, 0, 1)
    assert any_level.flagged == 1
    assert baseline.flagged == 0
