"""Each order's fate follows from its row; what the data do not say is an assumption with a name."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.olist import rows
from cli.olist.facts import Deed, Facts, facts_of
from cli.olist.plan import Assumption, Fate, Plan, plan
from tests.olist.dataset import ITEM, DataSet, Row

HOUR = timedelta(hours=1)
UNSENT = {"order_delivered_carrier_date": "", "order_delivered_customer_date": ""}


def planned(tmp_path: Path, items: tuple[Row, ...] = (ITEM,), **changes: str) -> Plan:
    recorded = DataSet()
    recorded.add("o-1", items, **changes)
    return plan(rows.read(recorded.write(tmp_path)).purchases[0])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_delivered_order_follows_its_recorded_times(tmp_path: Path) -> None:
    order = planned(tmp_path)
    assert order.fate is Fate.DELIVERED
    assert (order.approved_at, order.handed_over_at) == (at("2031-05-05 13:20:00"), at("2031-05-07 18:00:00"))
    assert order.ends_at == at("2031-05-12 21:30:00")
    assert order.assumptions == ()
    assert order.judged
    assert not order.late


def test_the_promise_ends_with_its_local_day(tmp_path: Path) -> None:
    assert planned(tmp_path).promise_end == at("2031-05-21 02:59:59")


@pytest.mark.parametrize(
    ("delivered", "late"),
    [("2031-05-20 23:59:00", False), ("2031-05-21 00:01:00", True), ("2031-06-02 11:00:00", True)],
)
def test_an_order_is_late_when_its_day_is_over(tmp_path: Path, delivered: str, late: bool) -> None:
    assert planned(tmp_path, order_delivered_customer_date=delivered).late is late


@pytest.mark.parametrize("status", ["unavailable", "canceled", "created"])
def test_an_order_without_lines_must_be_refused(tmp_path: Path, status: str) -> None:
    order = planned(
        tmp_path, (), order_status=status, order_delivered_carrier_date="", order_delivered_customer_date=""
    )
    assert order.fate is Fate.REFUSED
    assert [fact.deed for fact in facts_of(order, HOUR)] == [Deed.PURCHASE]


def test_equal_units_are_one_line_and_other_prices_or_sellers_are_others(tmp_path: Path) -> None:
    dear, elsewhere = {**ITEM, "price": "25.0"}, {**ITEM, "seller_id": "s-2"}
    order = planned(tmp_path, (ITEM, elsewhere, ITEM, dear))
    assert [(line.seller, line.price, line.quantity) for line in order.lines] == [
        ("s-1", 1990, 2),
        ("s-2", 1990, 1),
        ("s-1", 2500, 1),
    ]
    assert order.sellers == ("s-1", "s-2")
    assert order.total == 3 * 1990 + 2500 + 4 * 872


def test_a_cancelled_order_is_cancelled_a_day_after_its_approval(tmp_path: Path) -> None:
    order = planned(
        tmp_path, order_status="canceled", order_delivered_carrier_date="", order_delivered_customer_date=""
    )
    assert order.fate is Fate.CANCELLED
    assert order.cancelled_at == at("2031-05-06 13:20:00")
    assert order.assumptions == (Assumption.CANCELLED,)


@pytest.mark.parametrize("status", ["processing", "invoiced"])
def test_an_order_that_never_leaves_waits_with_a_case(tmp_path: Path, status: str) -> None:
    order = planned(tmp_path, order_status=status, order_delivered_carrier_date="", order_delivered_customer_date="")
    assert order.fate is Fate.WAITING
    assert [fact.deed for fact in facts_of(order, HOUR)] == [Deed.PURCHASE, Deed.APPROVE]


def test_an_order_shipped_without_an_end_is_lost_after_its_promise(tmp_path: Path) -> None:
    order = planned(tmp_path, order_status="shipped", order_delivered_customer_date="")
    assert order.fate is Fate.LOST
    assert order.ends_at == at("2031-06-06 18:00:00")
    assert not order.judged


def test_a_delivery_without_a_time_is_assumed_and_not_judged(tmp_path: Path) -> None:
    order = planned(tmp_path, order_delivered_customer_date="")
    assert order.fate is Fate.DELIVERED
    assert order.ends_at == at("2031-05-20 15:00:00")
    assert not order.judged
    assert order.assumptions == (Assumption.NO_DELIVERY_TIME,)


def test_a_delivery_before_its_hand_over_keeps_both_times(tmp_path: Path) -> None:
    order = planned(tmp_path, order_delivered_customer_date="2031-05-06 09:00:00")
    assert order.assumptions == (Assumption.DELIVERED_FIRST,)
    assert order.ends_at == at("2031-05-06 12:00:00")
    assert order.handed_over_at == at("2031-05-07 18:00:00")


@pytest.mark.parametrize(
    ("approved", "assumed"), [("", Assumption.UNAPPROVED), ("2031-05-08 10:00:00", Assumption.APPROVED_LATE)]
)
def test_what_has_left_was_paid_by_then(tmp_path: Path, approved: str, assumed: Assumption) -> None:
    order = planned(tmp_path, order_approved_at=approved)
    assert order.approved_at == order.handed_over_at
    assert order.assumptions == (assumed,)
    deeds = Facts(facts_of(order, HOUR)).take(at("2031-06-01 00:00:00"))
    assert [fact.deed for fact in deeds] == [Deed.PURCHASE, Deed.APPROVE, Deed.PACK, Deed.HAND_OVER]


def test_an_order_is_packed_one_step_before_the_truck_and_never_unpaid(tmp_path: Path) -> None:
    order = planned(tmp_path, order_approved_at="2031-05-07 14:40:00")
    packed = {fact.deed: fact.at for fact in facts_of(order, HOUR)}
    assert packed[Deed.PACK] == at("2031-05-07 17:40:00")
    assert {fact.deed: fact.at for fact in facts_of(planned(tmp_path), HOUR)}[Deed.PACK] == at("2031-05-07 17:00:00")


def test_facts_are_given_out_once_in_the_order_in_which_they_happen(tmp_path: Path) -> None:
    facts = Facts(facts_of(planned(tmp_path), HOUR))
    assert facts.next_at == at("2031-05-05 13:00:00")
    assert [fact.deed for fact in facts.take(at("2031-05-05 13:30:00"))] == [Deed.PURCHASE, Deed.APPROVE]
    assert facts.take(at("2031-05-05 13:30:00")) == []
    assert facts.next_at == at("2031-05-07 17:00:00")
    assert facts.last_at == at("2031-05-07 18:00:00")
