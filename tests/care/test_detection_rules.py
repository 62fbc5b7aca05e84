"""Detection rules in the trade's words: each is a pure function of facts and the clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.care.clocks import BusinessCalendar
from services.care.policy.messages import TOPIC_OF, Topic
from services.care.quantiles import Distribution, History, Stage
from services.care.rules import FEED_SILENT, ORDER_RULES, evaluate
from services.care.rules.facts import (
    Basis,
    CarrierFeed,
    FulfilmentFacts,
    LineFacts,
    OrderFacts,
    ParcelFacts,
    Position,
    PromiseFacts,
    StepFacts,
)
from services.care.rules.finding import Finding
from services.care.rules.thresholds import Thresholds
from services.care.states import ExceptionKind, Level

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BASIS = Basis(Thresholds(), History(), BusinessCalendar.weekly("UTC", "00:00-24:00"))

IN_HOUSE = OrderFacts(
    order_id="order-1",
    placed_at=MONDAY,
    service_level="standard",
    country="DE",
    zone="10",
    promise=PromiseFacts(1, MONDAY + DAY, MONDAY + 10 * DAY),
    units_in_house=2,
    undelivered_units=2,
)
PARCEL = ParcelFacts("parcel-1", "simulated", "ground", handed_over_at=MONDAY + 8 * HOUR)
UNDERWAY = replace(IN_HOUSE, units_in_house=0, parcels=(PARCEL,))


def underway(**changes: object) -> OrderFacts:
    return replace(UNDERWAY, parcels=(replace(PARCEL, **changes),))  # type: ignore[arg-type]


def found(facts: OrderFacts, now: datetime, basis: Basis = BASIS) -> dict[ExceptionKind, Finding]:
    return {finding.kind: finding for finding in evaluate(facts, now, basis).findings}


def test_an_order_in_good_time_shows_no_exception_and_says_when_to_look_again() -> None:
    verdict = evaluate(IN_HOUSE, MONDAY, BASIS)
    assert verdict.findings == ()
    assert verdict.next_check_at is not None
    assert verdict.next_check_at > MONDAY


def test_a_delay_is_seen_before_a_label_exists() -> None:
    late = replace(IN_HOUSE, promise=PromiseFacts(1, MONDAY + DAY, MONDAY + 3 * DAY))
    finding = found(late, MONDAY + DAY)[ExceptionKind.PRESHIP_RISK]
    assert finding.level in {Level.AT_RISK, Level.PREDICTED}
    assert finding.evidence["promise_revision"] == 1


def test_a_delay_before_shipping_grows_from_at_risk_to_predicted_as_time_passes() -> None:
    late = replace(IN_HOUSE, promise=PromiseFacts(1, MONDAY + DAY, MONDAY + 4 * DAY))
    now = MONDAY
    levels: list[Level] = []
    while now < MONDAY + 4 * DAY:
        finding = found(late, now).get(ExceptionKind.PRESHIP_RISK)
        if finding and (not levels or levels[-1] is not finding.level):
            levels.append(finding.level)
        again = evaluate(late, now, BASIS).next_check_at
        assert again is not None
        now = again
    assert levels == [Level.AT_RISK, Level.PREDICTED]


def test_a_deep_pick_queue_makes_a_delay_foreseeable() -> None:
    promise = PromiseFacts(1, MONDAY + DAY, MONDAY + 5 * DAY)
    plan = FulfilmentFacts("f-1", "berlin", MONDAY + 8 * HOUR, planned_at=MONDAY)
    calm = replace(IN_HOUSE, promise=promise, fulfilments=(plan,))
    swamped = replace(calm, fulfilments=(replace(plan, queue_depth=3000),))
    assert ExceptionKind.PRESHIP_RISK not in found(calm, MONDAY)
    assert found(swamped, MONDAY)[ExceptionKind.PRESHIP_RISK].level is Level.PREDICTED


def overdue(order: OrderFacts, now: datetime) -> Level | None:
    finding = found(order, now).get(ExceptionKind.FULFILMENT_OVERDUE)
    return finding.level if finding else None


def test_work_that_will_not_be_done_by_the_cut_off_is_at_risk_before_it() -> None:
    plan = FulfilmentFacts("f-1", "berlin", MONDAY + 8 * HOUR, planned_at=MONDAY)
    assert overdue(replace(IN_HOUSE, fulfilments=(plan,)), MONDAY) is None
    assert overdue(replace(IN_HOUSE, fulfilments=(plan,)), MONDAY + 7.9 * HOUR) is Level.AT_RISK
    slow = replace(plan, started_at=MONDAY + 7.5 * HOUR)
    assert overdue(replace(IN_HOUSE, fulfilments=(slow,)), MONDAY + 7.5 * HOUR) is Level.AT_RISK


def test_what_is_packed_only_waits_for_its_truck() -> None:
    packed = FulfilmentFacts("f-1", "berlin", MONDAY + 8 * HOUR, planned_at=MONDAY, packed_at=MONDAY + 7 * HOUR)
    assert overdue(replace(IN_HOUSE, fulfilments=(packed,)), MONDAY + 8 * HOUR) is None


def test_a_passed_cut_off_without_hand_over_is_a_breach() -> None:
    plan = FulfilmentFacts("f-1", "berlin", MONDAY + 8 * HOUR, planned_at=MONDAY, packed_at=MONDAY + 7 * HOUR)
    assert overdue(replace(IN_HOUSE, fulfilments=(plan,)), MONDAY + 9 * HOUR) is Level.BREACHED
    handed_over = replace(plan, handed_over_at=MONDAY + 7 * HOUR)
    assert overdue(replace(IN_HOUSE, fulfilments=(handed_over,)), MONDAY + 9 * HOUR) is None


def test_a_parcel_without_a_first_scan_is_seen_after_one_carrier_day() -> None:
    assert ExceptionKind.NO_FIRST_SCAN not in found(UNDERWAY, MONDAY + DAY)
    assert ExceptionKind.NO_FIRST_SCAN in found(UNDERWAY, MONDAY + DAY + 9 * HOUR)


def test_a_parcel_left_on_the_dock_is_seen_after_twelve_hours_when_its_siblings_were_scanned() -> None:
    left = underway(siblings_scanned=0.95)
    assert ExceptionKind.NO_FIRST_SCAN in found(left, MONDAY + 21 * HOUR)


def test_a_parcel_left_on_the_dock_is_looked_at_when_the_scans_of_its_siblings_would_matter() -> None:
    rule = next(rule for rule in ORDER_RULES if rule.name == "no_first_scan")
    _, again_at = rule.findings(UNDERWAY, MONDAY + 9 * HOUR, BASIS)
    assert again_at is not None
    assert again_at < MONDAY + 21 * HOUR
    left, _ = rule.findings(underway(siblings_scanned=0.95), again_at, BASIS)
    assert [finding.kind for finding in left] == [ExceptionKind.NO_FIRST_SCAN]
    _, later = rule.findings(UNDERWAY, again_at, BASIS)
    assert later is not None
    assert found(UNDERWAY, later)[ExceptionKind.NO_FIRST_SCAN].evidence["siblings_scanned"] == 0.0


def test_a_weekend_is_no_carrier_day() -> None:
    friday = underway(handed_over_at=MONDAY + 4 * DAY)
    assert ExceptionKind.NO_FIRST_SCAN not in found(friday, MONDAY + 6 * DAY)


def test_a_stalled_parcel_clears_itself_on_the_next_scan() -> None:
    silent = underway(last_scan_at=MONDAY + 10 * HOUR, position=Position.IN_TRANSIT)
    now = MONDAY + 4 * DAY
    assert ExceptionKind.STALLED in found(silent, now)
    assert ExceptionKind.STALLED not in found(underway(last_scan_at=now, position=Position.IN_TRANSIT), now)


def test_a_silent_feed_explains_a_stalled_parcel() -> None:
    silent = underway(last_scan_at=MONDAY + 10 * HOUR, position=Position.IN_TRANSIT)
    basis = replace(BASIS, silent_carriers=frozenset({"simulated"}))
    assert found(silent, MONDAY + 4 * DAY, basis)[ExceptionKind.STALLED].suppressed_by.startswith("feed_silent")


def test_a_carriers_estimate_past_the_promise_counts_at_once_but_not_before_its_first_scan() -> None:
    estimate = MONDAY + 11 * DAY
    unscanned = underway(carrier_estimate=estimate)
    scanned = underway(carrier_estimate=estimate, last_scan_at=MONDAY + 10 * HOUR)
    assert ExceptionKind.TRANSIT_RISK not in found(unscanned, MONDAY + 11 * HOUR)
    assert found(scanned, MONDAY + 11 * HOUR)[ExceptionKind.TRANSIT_RISK].level is Level.PREDICTED


def test_without_a_history_a_carriers_estimate_within_the_promise_is_believed_until_it_has_passed() -> None:
    promise = PromiseFacts(1, MONDAY + DAY, MONDAY + 5 * DAY)
    unestimated = replace(underway(last_scan_at=MONDAY + 2 * DAY, position=Position.IN_TRANSIT), promise=promise)
    vouched = replace(unestimated, parcels=(replace(unestimated.parcels[0], carrier_estimate=MONDAY + 4 * DAY),))
    history = History({(Stage.TRANSIT, "standard/DE"): tuple(float(hours) for hours in range(24, 624, 6))})
    assert ExceptionKind.TRANSIT_RISK in found(unestimated, MONDAY + 3 * DAY)
    assert ExceptionKind.TRANSIT_RISK not in found(vouched, MONDAY + 3 * DAY)
    assert ExceptionKind.TRANSIT_RISK in found(vouched, MONDAY + 4 * DAY + HOUR)
    assert ExceptionKind.TRANSIT_RISK in found(vouched, MONDAY + 3 * DAY, replace(BASIS, history=history))


def test_a_parcel_its_carrier_calls_delayed_starts_afresh() -> None:
    scanned = MONDAY + 7 * DAY + 12 * HOUR
    moving = underway(last_scan_at=scanned, position=Position.IN_TRANSIT)
    delayed = underway(last_scan_at=scanned, position=Position.IN_TRANSIT, flags=frozenset({"delayed"}))
    assert ExceptionKind.TRANSIT_RISK not in found(moving, scanned)
    assert found(delayed, scanned + 12 * HOUR)[ExceptionKind.TRANSIT_RISK].evidence["carrier_says_delayed"] is True


def test_a_parcel_gets_riskier_at_exactly_the_moments_the_rule_announced() -> None:
    history = History({(Stage.TRANSIT, "standard/DE"): tuple(float(hours) for hours in range(24, 324, 3))})
    basis = replace(BASIS, history=history)
    parcel = underway(last_scan_at=MONDAY + 10 * HOUR)
    rule = next(rule for rule in ORDER_RULES if rule.name == "transit_risk")
    _, again_at = rule.findings(parcel, MONDAY + 9 * HOUR, basis)
    assert again_at is not None
    before, _ = rule.findings(parcel, again_at - timedelta(minutes=1), basis)
    after, _ = rule.findings(parcel, again_at, basis)
    assert [finding.level for finding in before] != [finding.level for finding in after]


def test_promises_that_were_kept_in_such_a_case_calm_the_lane() -> None:
    slow_lane = {(Stage.TRANSIT, "standard/DE"): tuple(float(hours) for hours in range(24, 624, 6))}
    kept = {(Stage.PROMISE_SLACK, "DE"): tuple(float(hours) for hours in range(1, 101))}
    parcel = underway(last_scan_at=MONDAY + 10 * HOUR)
    assert ExceptionKind.TRANSIT_RISK in found(parcel, MONDAY + 5 * DAY, replace(BASIS, history=History(slow_lane)))
    calm = replace(BASIS, history=History(slow_lane | kept))
    assert ExceptionKind.TRANSIT_RISK not in found(parcel, MONDAY + 5 * DAY, calm)


def test_a_promise_ends_with_its_day_and_not_before() -> None:
    assert UNDERWAY.promise is not None
    end = UNDERWAY.promise.deliver_by
    assert ExceptionKind.PROMISE_BREACHED not in found(UNDERWAY, end - timedelta(seconds=1))
    assert found(UNDERWAY, end)[ExceptionKind.PROMISE_BREACHED].level is Level.BREACHED
    delivered = replace(UNDERWAY, undelivered_units=0)
    assert ExceptionKind.PROMISE_BREACHED not in found(delivered, end)


def test_the_first_failed_attempt_only_informs_and_the_second_is_a_case() -> None:
    scanned = MONDAY + 10 * HOUR
    first, second = underway(attempts=1, last_scan_at=scanned), underway(attempts=2, last_scan_at=scanned)
    assert found(first, MONDAY + DAY)[ExceptionKind.FAILED_ATTEMPT].level is Level.AT_RISK
    assert found(second, MONDAY + DAY)[ExceptionKind.FAILED_ATTEMPT].level is Level.CONFIRMED


def test_a_pick_up_about_to_expire_is_a_case() -> None:
    waiting = underway(
        position=Position.AVAILABLE_FOR_PICKUP,
        last_scan_at=MONDAY + DAY,
        pickup_expires_at=MONDAY + 8 * DAY,
    )
    assert ExceptionKind.FAILED_ATTEMPT not in found(waiting, MONDAY + 5 * DAY)
    assert ExceptionKind.FAILED_ATTEMPT in found(waiting, MONDAY + 6 * DAY)


def test_damage_is_seen_though_the_parcel_still_moves() -> None:
    damaged = underway(flags=frozenset({"damaged"}), position=Position.IN_TRANSIT, last_scan_at=MONDAY + DAY)
    assert found(damaged, MONDAY + DAY)[ExceptionKind.DAMAGE].level is Level.CONFIRMED


@pytest.mark.parametrize(("international", "days"), [(False, 7), (True, 20)])
def test_loss_is_suspected_after_silence_and_later_taken_as_certain(international: bool, days: int) -> None:
    silent = replace(underway(last_scan_at=MONDAY, position=Position.IN_TRANSIT), international=international)
    assert ExceptionKind.LOSS_SUSPECTED not in found(silent, MONDAY + days * DAY)
    assert ExceptionKind.LOSS_SUSPECTED in found(silent, MONDAY + days * DAY + HOUR)
    assert ExceptionKind.LOST in found(silent, MONDAY + 41 * DAY)


def test_silence_past_the_carriers_own_estimate_suspects_loss_earlier() -> None:
    silent = underway(last_scan_at=MONDAY + DAY, carrier_estimate=MONDAY + 2 * DAY, position=Position.IN_TRANSIT)
    assert ExceptionKind.LOSS_SUSPECTED in found(silent, MONDAY + 4 * DAY + HOUR)


def test_a_carrier_that_confirms_the_loss_is_believed_at_once() -> None:
    lost = underway(last_scan_at=MONDAY + DAY, position=Position.LOST)
    kinds = found(lost, MONDAY + DAY)
    assert kinds[ExceptionKind.LOST].evidence["confirmed_by_carrier"] is True
    assert ExceptionKind.LOSS_SUSPECTED not in kinds
    assert ExceptionKind.STALLED not in kinds


def test_an_unhealed_short_is_an_exception_of_its_line() -> None:
    short = replace(IN_HOUSE, lines=(LineFacts("line-1", short=1, short_reason="not_found"),))
    assert str(found(short, MONDAY)[ExceptionKind.SHORT_PICK].subject) == "line:line-1"


def test_goods_expected_after_the_promise_are_a_slip() -> None:
    line = LineFacts("line-1", backordered=1, expected_at=MONDAY + 9 * DAY)
    in_time = replace(line, expected_at=MONDAY + 2 * DAY)
    slipped, fine = replace(IN_HOUSE, lines=(line,)), replace(IN_HOUSE, lines=(in_time,))
    assert found(slipped, MONDAY)[ExceptionKind.BACKORDER_SLIP].level is Level.PREDICTED
    assert ExceptionKind.BACKORDER_SLIP not in found(fine, MONDAY)


def test_a_step_past_its_dwell_is_stuck_unless_a_carrier_holds_it() -> None:
    step = StepFacts("allocated", "inventory", since=MONDAY, due_at=MONDAY + HOUR, unblock="plan the fulfilment")
    ours = replace(IN_HOUSE, steps=(step,))
    theirs = replace(IN_HOUSE, steps=(replace(step, step="parcel:p-1/handed_over", holder="carrier"),))
    assert found(ours, MONDAY + 2 * HOUR)[ExceptionKind.STUCK_FLOW].evidence["unblock"] == "plan the fulfilment"
    assert ExceptionKind.STUCK_FLOW not in found(theirs, MONDAY + 2 * HOUR)


def test_a_label_whose_booking_or_void_hangs_at_the_carrier_is_stuck_and_a_parcel_on_its_way_is_not() -> None:
    held = StepFacts("parcel:p-1/booking_unknown", "carrier", since=MONDAY, due_at=MONDAY + HOUR)
    for step, is_stuck in (("booking_unknown", True), ("void_requested", True), ("in_transit", False)):
        order = replace(IN_HOUSE, steps=(replace(held, step=f"parcel:p-1/{step}"),))
        assert (ExceptionKind.STUCK_FLOW in found(order, MONDAY + 2 * HOUR)) is is_stuck, step


def test_what_cannot_be_delivered_is_a_problem_and_not_on_its_way_back() -> None:
    kept = found(underway(position=Position.UNDELIVERABLE, last_scan_at=MONDAY + DAY), MONDAY + DAY)
    assert ExceptionKind.DELIVERY_PROBLEM in kept
    assert ExceptionKind.RETURNED_TO_SENDER not in kept
    assert Topic.RETURN is not TOPIC_OF[ExceptionKind.DELIVERY_PROBLEM]
    back = found(underway(position=Position.RETURNING, last_scan_at=MONDAY + DAY), MONDAY + DAY)
    assert ExceptionKind.RETURNED_TO_SENDER in back
    assert ExceptionKind.DELIVERY_PROBLEM not in back


def test_a_carriers_whole_feed_falling_silent_is_one_finding_about_the_carrier() -> None:
    feed = CarrierFeed("simulated", last_event_at=MONDAY, parcels_underway=200)
    early, again_at = FEED_SILENT.findings(feed, MONDAY + HOUR, BASIS)
    assert early == []
    assert again_at is not None
    late, _ = FEED_SILENT.findings(feed, again_at, BASIS)
    assert [str(finding.subject) for finding in late] == ["carrier:simulated"]


def test_a_quiet_feed_with_hardly_any_parcels_says_nothing() -> None:
    feed = CarrierFeed("simulated", last_event_at=MONDAY, parcels_underway=3)
    assert FEED_SILENT.findings(feed, MONDAY + 30 * DAY, BASIS) == ([], None)


def test_every_finding_carries_its_rule_version_and_plain_evidence() -> None:
    facts = replace(underway(flags=frozenset({"damaged"}), position=Position.LOST), undelivered_units=1)
    findings = evaluate(facts, MONDAY + 20 * DAY, BASIS).findings
    assert findings
    for finding in findings:
        assert finding.version >= 1
        assert all(isinstance(value, str | int | float | bool | None) for value in finding.evidence.values())


def test_the_chance_of_lateness_grows_while_nothing_arrives() -> None:
    lane = Distribution(tuple(float(hours) for hours in range(1, 101)), learned=True)
    chances = [lane.chance_beyond(90, elapsed) for elapsed in range(90)]
    assert chances == sorted(chances)
    assert lane.chance_beyond(90, 90) == 1.0


@pytest.mark.parametrize("step", ["order/hold_address", "parcel:1/address_refused"])
def test_an_address_that_intake_or_the_carrier_refuses_is_a_problem_until_the_step_ends(step: str) -> None:
    waiting = replace(IN_HOUSE, steps=(StepFacts(step, "support", MONDAY, MONDAY + 2 * DAY),))
    assert found(waiting, MONDAY + HOUR)[ExceptionKind.ADDRESS_PROBLEM].evidence["step"] == step
    assert ExceptionKind.ADDRESS_PROBLEM not in found(IN_HOUSE, MONDAY + HOUR)


def test_a_parcel_its_carrier_holds_for_its_address_is_a_problem_until_it_moves_on() -> None:
    asked = frozenset({"on_hold", "address_problem"})
    stopped = underway(position=Position.IN_TRANSIT, last_scan_at=MONDAY + 9 * HOUR, flags=asked)
    moving = underway(position=Position.IN_TRANSIT, last_scan_at=MONDAY + 10 * HOUR)
    assert ExceptionKind.ADDRESS_PROBLEM in found(stopped, MONDAY + 10 * HOUR)
    assert ExceptionKind.ADDRESS_PROBLEM not in found(moving, MONDAY + 11 * HOUR)


def test_a_parcel_on_a_label_given_back_is_a_case_until_it_arrives() -> None:
    astray = frozenset({"voided_label_used"})
    stray = underway(position=Position.IN_TRANSIT, last_scan_at=MONDAY + 9 * HOUR, flags=astray)
    arrived = underway(position=Position.DELIVERED, last_scan_at=MONDAY + 30 * HOUR, flags=astray)
    assert found(stray, MONDAY + 10 * HOUR)[ExceptionKind.VOIDED_LABEL_USED].level is Level.CONFIRMED
    assert ExceptionKind.VOIDED_LABEL_USED not in found(arrived, MONDAY + 31 * HOUR)
