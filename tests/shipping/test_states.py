"""The shipment's table of moves, every pair of it, and the fold of a carrier's facts in any order."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shipping.states import (
    LABEL_LIVE,
    POSITIONS,
    RESTING,
    STATES,
    CarrierException,
    CarrierFact,
    Flag,
    ShipmentStatus,
    Standing,
    advance,
    forward,
    may_move,
    standing_after,
)

S = ShipmentStatus
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
PAIRS = list(itertools.product(S, S))
_DOOR = "out_for_delivery delivery_attempted available_for_pickup"
_OPEN_ENDS = "delivered returning_to_sender returned_to_sender lost"
_MOVING = f"in_transit {_DOOR} undeliverable {_OPEN_ENDS}"
OWN = f"""
    pending: booking voided
    booking: pending booking_unknown booking_failed label_purchased
    booking_unknown: pending booking booking_failed label_purchased
    booking_failed: pending voided
    label_purchased: void_requested handed_over
    void_requested: pending voided void_refused handed_over
    voided: pending handed_over
    void_refused: pending void_requested handed_over
    handed_over: picked_up {_MOVING}
    picked_up: {_MOVING}
    in_transit: {_DOOR} undeliverable {_OPEN_ENDS}
    out_for_delivery: in_transit delivery_attempted available_for_pickup undeliverable {_OPEN_ENDS}
    delivery_attempted: in_transit out_for_delivery available_for_pickup undeliverable {_OPEN_ENDS}
    available_for_pickup: in_transit out_for_delivery delivery_attempted undeliverable {_OPEN_ENDS}
    delivered: delivery_corrected returning_to_sender
    delivery_corrected: {_MOVING}
    undeliverable: in_transit {_DOOR} {_OPEN_ENDS}
    returning_to_sender: in_transit delivered returned_to_sender lost
    returned_to_sender: delivery_corrected
    lost: in_transit {_DOOR} undeliverable delivered returning_to_sender returned_to_sender
"""
CARRIER = f"""
    label_purchased: voided picked_up {_MOVING}
    void_requested: voided picked_up {_MOVING}
    voided: picked_up {_MOVING}
    void_refused: voided picked_up {_MOVING}
    handed_over: picked_up {_MOVING}
    picked_up: {_MOVING}
    in_transit: {_DOOR} undeliverable {_OPEN_ENDS}
    out_for_delivery: delivery_attempted available_for_pickup undeliverable {_OPEN_ENDS}
    delivery_attempted: out_for_delivery available_for_pickup undeliverable {_OPEN_ENDS}
    available_for_pickup: out_for_delivery delivery_attempted undeliverable {_OPEN_ENDS}
    delivered: returning_to_sender
    delivery_corrected: {_MOVING}
    undeliverable: in_transit {_DOOR} {_OPEN_ENDS}
    returning_to_sender: returned_to_sender lost
    lost: in_transit {_DOOR} undeliverable delivered returning_to_sender returned_to_sender
"""


def _moves(table: str) -> set[tuple[str, str]]:
    rows = [row.strip().partition(":") for row in table.splitlines() if row.strip()]
    return {(old, new) for old, _, moves in rows for new in moves.split()}


def fact(position: S | None, hour: int, *, flags: frozenset[Flag] = frozenset(), text: str = "") -> CarrierFact:
    content = f"{position}|{hour}|{sorted(flags)}|{text}"
    return CarrierFact(START + timedelta(hours=hour), content, position, flags)


def test_every_state_has_a_row_in_the_table() -> None:
    assert set(STATES) == set(S)


@pytest.mark.parametrize("status", list(S))
def test_a_state_that_does_not_rest_says_how_long_it_may_last_and_what_unblocks_it(status: S) -> None:
    rule = STATES[status]
    if status in RESTING:
        assert rule.dwell is None
    else:
        assert rule.dwell is not None
        assert rule.dwell > timedelta(0)
        assert rule.holder
        assert rule.unblock


@pytest.mark.parametrize(("current", "target"), PAIRS)
def test_our_own_moves_are_these_pair_by_pair(current: S, target: S) -> None:
    assert may_move(current, target) is ((current.value, target.value) in _moves(OWN))


@pytest.mark.parametrize(("current", "reported"), PAIRS)
def test_a_carriers_report_never_raises_and_leads_forward_or_nowhere(current: S, reported: S) -> None:
    # The carrier's "delivered" of a parcel on its way back means: to its sender.
    returned = (current, reported) == (S.RETURNING_TO_SENDER, S.DELIVERED)
    wanted = S.RETURNED_TO_SENDER if returned else reported
    leads_on = (current.value, wanted.value) in _moves(CARRIER)
    before = Standing(current)

    after = advance(before, fact(reported, 1))

    assert forward(current, reported) is (wanted if leads_on else None)
    assert after.position is (wanted if leads_on else current)
    assert bool(after.applied) is leads_on


@pytest.mark.parametrize("status", list(S))
def test_no_state_moves_to_itself(status: S) -> None:
    assert not may_move(status, status)
    assert forward(status, status) is None


def test_every_state_can_be_reached_from_planning() -> None:
    reached = {S.PENDING}
    frontier = [S.PENDING]
    while frontier:
        rule = STATES[frontier.pop()]
        found = (rule.own | rule.carrier) - reached
        reached |= found
        frontier.extend(found)
    assert reached == set(S)


def test_a_label_is_live_from_its_purchase_until_its_void_is_requested() -> None:
    assert S.LABEL_PURCHASED in LABEL_LIVE
    assert S.DELIVERED in LABEL_LIVE
    assert S.VOID_REQUESTED not in LABEL_LIVE
    assert S.BOOKING_UNKNOWN not in LABEL_LIVE


def test_missing_steps_are_jumped_over_not_invented() -> None:
    standing = standing_after(S.HANDED_OVER, [fact(S.DELIVERED, 30)])
    assert standing.position is S.DELIVERED
    assert standing.applied == {fact(S.DELIVERED, 30).content}


def test_a_late_scan_of_an_earlier_step_stays_on_the_timeline() -> None:
    standing = standing_after(S.HANDED_OVER, [fact(S.DELIVERED, 30), fact(S.IN_TRANSIT, 3)])
    assert standing.position is S.DELIVERED
    assert standing.position_at == START + timedelta(hours=30)


def test_delivered_on_the_way_back_means_returned_to_the_sender() -> None:
    standing = standing_after(S.HANDED_OVER, [fact(S.RETURNING_TO_SENDER, 5), fact(S.DELIVERED, 30)])
    assert standing.position is S.RETURNED_TO_SENDER


def test_a_lost_parcel_that_is_scanned_again_is_alive() -> None:
    standing = standing_after(S.HANDED_OVER, [fact(S.LOST, 5), fact(S.OUT_FOR_DELIVERY, 30)])
    assert standing.position is S.OUT_FOR_DELIVERY


def test_damage_stays_while_the_parcel_keeps_moving() -> None:
    damaged = fact(S.IN_TRANSIT, 2, flags=frozenset({Flag.DAMAGED}))
    standing = standing_after(S.HANDED_OVER, [damaged, fact(S.DELIVERED, 30)])
    assert standing.position is S.DELIVERED
    assert standing.flags == {Flag.DAMAGED}


def test_a_hold_ends_with_the_next_movement_and_a_delay_at_the_door() -> None:
    held = fact(None, 2, flags=frozenset({Flag.ON_HOLD, Flag.DELAYED}))
    moving = [held, fact(S.IN_TRANSIT, 4)]
    assert standing_after(S.HANDED_OVER, moving).flags == {Flag.DELAYED}
    assert standing_after(S.HANDED_OVER, [*moving, fact(S.OUT_FOR_DELIVERY, 9)]).flags == frozenset()


def test_each_failed_attempt_is_counted_once() -> None:
    first = CarrierFact(START, "first", S.DELIVERY_ATTEMPTED, exception=CarrierException.FAILED_ATTEMPT)
    second = CarrierFact(
        START + timedelta(days=1), "second", S.DELIVERY_ATTEMPTED, exception=CarrierException.FAILED_ATTEMPT
    )
    assert standing_after(S.HANDED_OVER, [second, first, first, second]).failed_attempts == 2


def test_a_repair_is_taken_at_its_word_and_later_scans_lead_on_from_it() -> None:
    wrong = fact(S.DELIVERED, 10)
    repair = CarrierFact(START + timedelta(hours=12), "repair", S.DELIVERY_CORRECTED, forced=True)
    assert standing_after(S.HANDED_OVER, [wrong, repair]).position is S.DELIVERY_CORRECTED
    assert standing_after(S.HANDED_OVER, [wrong, repair, fact(S.DELIVERED, 40)]).position is S.DELIVERED


facts = st.builds(
    CarrierFact,
    occurred_at=st.integers(0, 6).map(lambda hour: START + timedelta(hours=hour)),
    content=st.text("abcdef", min_size=1, max_size=4),
    position=st.sampled_from([None, *POSITIONS, S.VOIDED]),
    flags=st.sets(st.sampled_from(list(Flag)), max_size=2).map(frozenset),
    exception=st.sampled_from([None, CarrierException.FAILED_ATTEMPT, CarrierException.DELAY]),
)


@given(
    start=st.sampled_from([S.LABEL_PURCHASED, S.HANDED_OVER, S.VOID_REFUSED]),
    known=st.lists(facts, max_size=10, unique_by=lambda one: one.content),
    choose=st.data(),
)
def test_any_order_and_repetition_of_the_same_scans_gives_the_same_standing(
    start: S, known: list[CarrierFact], choose: st.DataObject
) -> None:
    again = choose.draw(st.lists(st.sampled_from(known), max_size=10)) if known else []
    shuffled = choose.draw(st.permutations(known + again))
    assert standing_after(start, shuffled) == standing_after(start, known)


@given(known=st.lists(facts, max_size=10, unique_by=lambda one: one.content))
def test_hand_over_before_or_after_the_first_scans_gives_the_same_position(known: list[CarrierFact]) -> None:
    moving = [one for one in known if one.position not in {None, S.VOIDED}]
    before = standing_after(S.LABEL_PURCHASED, moving)
    after = standing_after(S.HANDED_OVER, moving)
    if moving:
        assert before == after
    else:
        assert (before.position, after.position) == (S.LABEL_PURCHASED, S.HANDED_OVER)
