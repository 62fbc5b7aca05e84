"""Transition tables pair by pair, and the buckets of a line."""

from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders import states
from services.orders.actions.numbers import ALPHABET, is_order_number, order_number
from services.orders.states import Buckets, FulfilmentStatus, Totals, buckets_of, fulfilment_status, payment_status
from shared.errors import IllegalMoveError
from shared.states import TransitionTable

LEGAL: dict[str, set[tuple[str, str]]] = {
    "OrderState": {
        ("placed", "open"), ("placed", "cancelled"), ("placed", "rejected"), ("open", "completed"),
        ("open", "cancelled"),
    },
    "HoldState": {("open", "released")},
    "ReleaseState": {("released", "planned")},
    "CancellationState": {("pending", "answered")},
    "RemedyState": {("waiting", "executed"), ("waiting", "refused"), ("executed", "refused")},
    "RefundState": {("approved", "requested"), ("requested", "succeeded"), ("requested", "failed")},
    "DeliveryState": {("pending", "delivered"), ("pending", "failed")},
}  # fmt: skip
TABLES: list[TransitionTable[Any]] = [
    states.ORDER, states.HOLD, states.RELEASE, states.CANCELLATION, states.REMEDY, states.REFUND, states.DELIVERY,
]  # fmt: skip
PAIRS = [(table, old, new) for table in TABLES for old, new in product(table.rules, repeat=2)]


@pytest.mark.parametrize(("table", "old", "new"), PAIRS, ids=lambda value: str(getattr(value, "states", value)))
def test_every_pair_of_states_is_legal_or_refused(table: TransitionTable[Any], old: StrEnum, new: StrEnum) -> None:
    if (old.value, new.value) in LEGAL[table.states.__name__]:
        table.check(old, new)
    else:
        with pytest.raises(IllegalMoveError):
            table.check(old, new)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.states.__name__)
def test_every_state_that_may_end_says_who_holds_it_and_what_unblocks_it(table: TransitionTable[Any]) -> None:
    for state in table.non_terminal():
        rule = table.rules[state]
        assert rule.dwell is not None
        assert rule.holder
        assert rule.unblock


counts = st.integers(0, 12)
totals = st.builds(
    Totals, counts, counts, counts, counts, counts, counts, counts, counts, counts, counts, counts
)  # fmt: skip


@given(totals)
def test_buckets_always_add_up_to_what_was_ordered(known: Totals) -> None:
    found = buckets_of(known)

    assert found.total == known.ordered
    assert all(count >= 0 for count in found)


@given(st.integers(1, 9), st.data())
def test_a_later_stage_implies_the_earlier_ones(ordered: int, data: st.DataObject) -> None:
    delivered = data.draw(st.integers(0, ordered))

    found = buckets_of(Totals(ordered=ordered, delivered=delivered))

    assert found == Buckets(open=ordered - delivered, delivered=delivered)


@given(st.integers(1, 9), st.data())
def test_a_source_that_lags_hides_no_unit(ordered: int, data: st.DataObject) -> None:
    handed_over = data.draw(st.integers(0, ordered))
    packed = data.draw(st.integers(0, ordered))

    found = buckets_of(Totals(ordered=ordered, reserved=ordered, handed_over=handed_over, packed=packed))

    assert found.in_transit == handed_over
    assert found.packed == max(0, packed - handed_over)
    assert found.reserved == ordered - max(packed, handed_over)


def test_units_put_back_count_as_cancelled_not_as_picked() -> None:
    found = buckets_of(Totals(ordered=3, reserved=3, picked=3, cancelled=1))

    assert found == Buckets(picked=2, cancelled=1)


@pytest.mark.parametrize(
    ("units", "picking", "wanted"),
    [
        (Buckets(open=2), False, FulfilmentStatus.UNFULFILLED),
        (Buckets(reserved=1, backordered=1), False, FulfilmentStatus.BACKORDERED),
        (Buckets(reserved=2), False, FulfilmentStatus.ALLOCATED),
        (Buckets(reserved=2), True, FulfilmentStatus.PICKING),
        (Buckets(picked=1, reserved=1), True, FulfilmentStatus.PICKING),
        (Buckets(picked=7, backordered=3), True, FulfilmentStatus.BACKORDERED),
        (Buckets(reserved=7, backordered=3), True, FulfilmentStatus.PICKING),
        (Buckets(packed=2), True, FulfilmentStatus.PACKED),
        (Buckets(packed=1, in_transit=1), True, FulfilmentStatus.PARTIALLY_SHIPPED),
        (Buckets(in_transit=2), True, FulfilmentStatus.SHIPPED),
        (Buckets(in_transit=1, delivered=1), True, FulfilmentStatus.PARTIALLY_DELIVERED),
        (Buckets(delivered=1, cancelled=1), True, FulfilmentStatus.DELIVERED),
    ],
)
def test_the_status_shown_follows_from_the_units(units: Buckets, picking: bool, wanted: FulfilmentStatus) -> None:
    assert fulfilment_status(units, picking=picking) is wanted


@pytest.mark.parametrize(
    ("totals", "wanted"),
    [
        ((0, 0, 0, 0), "pending"),
        ((100, 0, 0, 0), "authorized"),
        ((100, 40, 0, 0), "partially_captured"),
        ((100, 100, 0, 0), "captured"),
        ((100, 100, 30, 0), "partially_refunded"),
        ((100, 100, 100, 0), "refunded"),
        ((100, 0, 0, 100), "voided"),
    ],
)
def test_the_payment_status_follows_from_the_totals(totals: tuple[int, int, int, int], wanted: str) -> None:
    authorized, captured, refunded, voided = totals

    found = payment_status(100, authorized=authorized, captured=captured, refunded=refunded, voided=voided)

    assert found == wanted


@given(st.integers(0, 10**9))
def test_an_order_number_is_short_and_passes_its_own_check(ordinal: int) -> None:
    number = order_number(ordinal)

    assert 7 <= len(number) <= 8
    assert is_order_number(number)


@given(st.integers(0, 10**8), st.integers(0, 6), st.sampled_from(ALPHABET))
def test_one_wrong_character_in_an_order_number_is_noticed(ordinal: int, place: int, wrong: str) -> None:
    number = order_number(ordinal)
    mistyped = number[:place] + wrong + number[place + 1 :]

    assert mistyped == number or not is_order_number(mistyped)


def test_order_numbers_do_not_repeat() -> None:
    assert len({order_number(ordinal) for ordinal in range(20_000)}) == 20_000
