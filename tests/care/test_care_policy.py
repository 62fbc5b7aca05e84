"""Care's policy: priorities, dispositions, authority, playbooks, and when a customer hears from us."""

from datetime import UTC, datetime, timedelta

import pytest

from services.care.policy.authority import DEFAULT_LIMITS, Authority, Limits, authority_of
from services.care.policy.deadlines import ESCALATIONS, TARGETS
from services.care.policy.dispositions import disposition_of, joins
from services.care.policy.messages import (
    TOPIC_OF,
    AtSending,
    News,
    Silence,
    Told,
    Topic,
    plan_message,
    still_true,
)
from services.care.policy.numbers import case_number
from services.care.policy.playbooks import PLAYBOOKS, Stake, suggest
from services.care.policy.priority import IMPACT, Circumstances, Priority, because, priority_of
from services.care.states import (
    CASES,
    FAMILY_OF,
    CaseState,
    ClockKind,
    DispositionKind,
    ExceptionKind,
    Family,
    Level,
    RemedyKind,
)

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
DAY = timedelta(days=1)
PLAIN = Circumstances()


@pytest.mark.parametrize("kind", ExceptionKind)
def test_every_kind_has_its_family_impact_playbook_and_topic(kind: ExceptionKind) -> None:
    assert kind in FAMILY_OF
    assert kind in IMPACT
    assert kind in PLAYBOOKS
    assert kind in TOPIC_OF


def test_a_late_parcel_alone_is_never_a_p1() -> None:
    passed = NOW - DAY
    assert priority_of(ExceptionKind.LOST, Level.CONFIRMED, passed, NOW, PLAIN) is Priority.P2
    again = Circumstances(second_failure=True)
    assert priority_of(ExceptionKind.LOST, Level.CONFIRMED, passed, NOW, again) is Priority.P1


def test_a_priority_says_what_it_was_made_of() -> None:
    again = Circumstances(second_failure=True, perishable=True)
    assert because(ExceptionKind.LOST, Level.CONFIRMED, NOW - DAY, NOW, again) == (
        "the customer has no usable goods; too late; goods that do not keep; the customer's second failure"
    )
    assert because(ExceptionKind.STALLED, Level.AT_RISK, NOW + 2 * DAY, NOW, PLAIN) == (
        "for information; less than three days are left"
    )
    assert because(ExceptionKind.STALLED, Level.SUSPECTED, None, NOW, PLAIN) == "it may come later; no deadline"


PERISHABLE, SAFETY = Circumstances(perishable=True), Circumstances(safety=True)
GIFT_TODAY, GIFT_NEXT_WEEK = Circumstances(gift_due_at=NOW + DAY / 2), Circumstances(gift_due_at=NOW + 7 * DAY)


@pytest.mark.parametrize(
    ("circumstances", "priority"),
    [
        (PLAIN, Priority.P2),
        (SAFETY, Priority.P1),
        (PERISHABLE, Priority.P1),
        (GIFT_TODAY, Priority.P1),
        (GIFT_NEXT_WEEK, Priority.P2),
    ],
)
def test_what_cannot_wait_is_a_p1(circumstances: Circumstances, priority: Priority) -> None:
    assert priority_of(ExceptionKind.LOST, Level.CONFIRMED, NOW - DAY, NOW, circumstances) is priority


@pytest.mark.parametrize("circumstances", [PERISHABLE, SAFETY, GIFT_TODAY])
def test_a_mere_risk_is_no_p1_even_for_what_cannot_wait(circumstances: Circumstances) -> None:
    days_left = NOW + 2 * DAY
    assert priority_of(ExceptionKind.STALLED, Level.SUSPECTED, days_left, NOW, circumstances) is Priority.P3


def test_goods_that_perish_and_dated_gifts_weigh_one_more() -> None:
    weights = [
        priority_of(ExceptionKind.STALLED, Level.SUSPECTED, NOW + 5 * DAY, NOW, circumstances)
        for circumstances in (PLAIN, SAFETY, PERISHABLE, GIFT_NEXT_WEEK)
    ]
    assert weights == [Priority.P4, Priority.P4, Priority.P3, Priority.P3]


def test_priority_rises_as_the_promise_comes_nearer() -> None:
    days_left = [5, 2, 0.5, -1]
    priorities = [
        priority_of(ExceptionKind.STALLED, Level.SUSPECTED, NOW + days * DAY, NOW, PLAIN) for days in days_left
    ]
    assert priorities == [Priority.P4, Priority.P3, Priority.P3, Priority.P2]


def test_a_higher_priority_has_shorter_targets() -> None:
    assert Priority.P3.raised() is Priority.P2
    assert Priority.P1.raised() is Priority.P1
    for kind in (ClockKind.NOTIFY, ClockKind.FIRST_RESPONSE):
        assert TARGETS[Priority.P1][kind].time < TARGETS[Priority.P2][kind].time < TARGETS[Priority.P3][kind].time


def test_escalation_goes_up_step_by_step() -> None:
    assert [(step.share, step.tells) for step in ESCALATIONS] == [(0.75, "assignee"), (1.0, "lead"), (1.5, "manager")]


def test_a_mere_risk_is_watched_and_a_predicted_delay_is_a_case() -> None:
    watched = disposition_of(ExceptionKind.TRANSIT_RISK, Level.AT_RISK, "")
    assert watched.kind is DispositionKind.SUPPRESSED
    assert watched.reason
    predicted = disposition_of(ExceptionKind.TRANSIT_RISK, Level.PREDICTED, "")
    assert predicted.kind is DispositionKind.CASE


def test_what_a_silent_feed_explains_is_suppressed_with_that_reason() -> None:
    explained = disposition_of(ExceptionKind.STALLED, Level.SUSPECTED, "feed_silent")
    assert (explained.kind, explained.reason) == (DispositionKind.SUPPRESSED, "feed_silent")


def test_a_broken_promise_joins_the_case_that_already_explains_it() -> None:
    assert joins(ExceptionKind.PROMISE_BREACHED, frozenset({Family.STOCK})) is Family.STOCK
    assert joins(ExceptionKind.PROMISE_BREACHED, frozenset()) is Family.DELIVERY
    assert joins(ExceptionKind.DAMAGE, frozenset({Family.DELIVERY})) is Family.CONDITION


def test_no_case_moves_on_from_its_end_and_every_working_state_can_be_resolved() -> None:
    for state in CaseState:
        if CASES.is_terminal(state):
            assert not any(CASES.allows(state, other) for other in CaseState)
        elif state is not CaseState.RESOLVED:
            assert CASES.allows(state, CaseState.RESOLVED)
            assert CASES.rules[state].unblock


@pytest.mark.parametrize(
    ("amount", "authority"),
    [
        (15_00, Authority.AUTOMATIC),
        (15_01, Authority.AGENT),
        (50_01, Authority.SENIOR),
        (200_01, Authority.LEAD),
        (500_01, None),
    ],
)
def test_an_amount_needs_the_lowest_authority_whose_limit_it_fits(amount: int, authority: Authority | None) -> None:
    assert Limits().smallest_for(amount, "EUR") is authority


def test_the_highest_role_decides_and_a_picker_may_grant_nothing() -> None:
    assert authority_of(frozenset({"care", "care_lead"})) is Authority.LEAD
    assert authority_of(frozenset({"picker"})) is None
    assert DEFAULT_LIMITS[Authority.AGENT].per_action == 50_00


def test_a_cheap_lost_parcel_is_reshipped_by_itself_and_a_dear_one_is_proposed() -> None:
    cheap = suggest(ExceptionKind.LOST, Stake(12_00, 1, 1, 5_00, "EUR"), Limits())
    dear = suggest(ExceptionKind.LOST, Stake(320_00, 1, 1, 5_00, "EUR"), Limits())
    assert (cheap[0].remedy, cheap[0].automatic) == (RemedyKind.RESHIP, True)
    assert (dear[0].remedy, dear[0].automatic, dear[0].authority) == (RemedyKind.RESHIP, False, Authority.LEAD)


def test_only_the_touched_units_are_priced() -> None:
    one_of_three = suggest(ExceptionKind.DAMAGE, Stake(100_00, 1, 3, 0, "EUR"), Limits())
    assert one_of_three[0].cost == 33_34


def news(*, revision: int = 1, state: str = "transit_risk", promised_by: datetime = NOW + DAY) -> News:
    return News(Topic.DELAY, revision, promised_by, state)


def test_less_than_p1_waits_twenty_minutes_for_its_siblings() -> None:
    assert plan_message(news(), [], NOW, Priority.P2).send_at == NOW + timedelta(minutes=20)
    assert plan_message(news(), [], NOW, Priority.P1).send_at == NOW


def test_the_same_news_is_told_once() -> None:
    told = [Told(news(), NOW - 3 * DAY)]
    assert plan_message(news(), told, NOW, Priority.P2).silence is Silence.SAME_NEWS


def test_parcels_share_a_message_about_to_leave() -> None:
    assert plan_message(news(), [Told(news(), NOW, waiting=True)], NOW, Priority.P2).silence is Silence.COALESCED
    other = Told(news(state="stalled"), NOW, waiting=True, joinable=True)
    assert plan_message(news(), [other], NOW, Priority.P2).silence is Silence.COALESCED


def test_other_news_is_not_joined_to_a_message_that_is_leaving_right_now() -> None:
    leaving = Told(news(state="stalled"), NOW, waiting=True)
    assert plan_message(news(), [leaving], NOW, Priority.P2).silence is None


def test_news_that_was_told_is_not_joined_to_the_next_message() -> None:
    told = [Told(news(), NOW - timedelta(hours=1)), Told(news(state="stalled"), NOW, waiting=True, joinable=True)]
    assert plan_message(news(), told, NOW, Priority.P2).silence is Silence.SAME_NEWS


def test_a_newer_date_is_not_coalesced_into_the_message_that_gives_way_to_it() -> None:
    waiting = [Told(news(revision=2), NOW, waiting=True)]
    newer = news(revision=3, promised_by=NOW + 2 * DAY)
    assert plan_message(newer, waiting, NOW, Priority.P2).send_at == NOW + timedelta(minutes=20)
    gives_way = AtSending(3, delivered=False, cancelled=False, retold=True)
    assert still_true(news(revision=2), gives_way) is Silence.SUPERSEDED


def test_a_topic_returns_within_a_day_only_when_it_got_a_day_worse_or_changed() -> None:
    told = [Told(news(), NOW - timedelta(hours=5))]
    hardly_worse = news(revision=2, promised_by=NOW + DAY + timedelta(hours=2))
    a_day_worse = news(revision=2, promised_by=NOW + 2 * DAY)
    changed = news(revision=2, state="promise_breached")
    assert plan_message(hardly_worse, told, NOW, Priority.P2).silence is Silence.TOO_SOON
    assert plan_message(a_day_worse, told, NOW, Priority.P2).silence is None
    assert plan_message(changed, told, NOW, Priority.P2).silence is None


def test_a_customer_hears_from_us_at_most_twice_a_day_and_the_rest_the_next_day() -> None:
    hours = ((Topic.STOCK, 5), (Topic.DELIVERY_ATTEMPT, 2))
    told = [Told(News(topic, 1, None, "x"), NOW - timedelta(hours=ago)) for topic, ago in hours]
    third = plan_message(news(), told, NOW, Priority.P1)
    assert (third.silence, third.send_at) == (None, NOW + timedelta(hours=19))
    after = [*told, Told(news(), NOW + timedelta(hours=19), waiting=True)]
    assert plan_message(News(Topic.LOSS, 1, None, "lost"), after, NOW, Priority.P2).send_at == NOW + timedelta(hours=22)


def test_a_storefront_that_writes_itself_is_not_doubled() -> None:
    assert plan_message(news(), [], NOW, Priority.P1, storefront_writes=True).silence is Silence.STOREFRONT_WRITES


def test_a_message_is_dropped_when_it_stopped_being_true() -> None:
    assert still_true(news(), AtSending(1, delivered=True, cancelled=False)) is Silence.DELIVERED
    assert still_true(news(), AtSending(2, delivered=False, cancelled=False)) is Silence.SUPERSEDED
    assert still_true(news(), AtSending(1, delivered=False, cancelled=True)) is Silence.CANCELLED
    assert still_true(news(), AtSending(1, delivered=False, cancelled=False)) is None
    healed = AtSending(1, delivered=False, cancelled=False, healed=True)
    assert still_true(news(), healed) is Silence.HEALED
    damaged = News(Topic.DAMAGE, 1, None, "damage")
    assert still_true(damaged, AtSending(1, delivered=True, cancelled=False)) is None


_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def test_a_case_number_with_one_character_misheard_is_no_case_number() -> None:
    known = {case_number(serial) for serial in range(1, 3000)}
    assert len(known) == 2999
    for number in sorted(known)[::97]:
        for place in range(2, len(number)):
            wrong = {number[:place] + letter + number[place + 1 :] for letter in _ALPHABET if letter != number[place]}
            assert not wrong & known, number
