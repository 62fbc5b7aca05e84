"""Business time: what care's clocks promise, by example and by property."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.care.clocks import (
    BusinessCalendar,
    CalendarError,
    Clock,
    ClockMove,
    Target,
    add_business,
    add_business_days,
    business_between,
)

NINE_TO_FIVE = BusinessCalendar.weekly("UTC", "09:00-17:00")
CALENDARS = (
    NINE_TO_FIVE,
    BusinessCalendar.weekly("Europe/Berlin", "08:00-12:00,13:00-17:30", holidays=[date(2026, 12, 25)]),
    BusinessCalendar.weekly("America/New_York", "00:00-24:00", days=range(7)),
    BusinessCalendar.weekly("America/Sao_Paulo", "00:00-02:30,02:45-06:00,22:00-24:00", days=range(7)),
    BusinessCalendar.weekly("Australia/Lord_Howe", "01:00-02:15,02:20-04:00", days=(0, 3, 6)),
)
calendars = st.sampled_from(CALENDARS)
moments = st.datetimes(datetime(2017, 1, 1), datetime(2019, 3, 31), timezones=st.just(UTC))  # noqa: DTZ001
durations = st.timedeltas(timedelta(0), timedelta(days=12))


def replay(calendar: BusinessCalendar, target: Target, history: Iterable[tuple[ClockMove, datetime]]) -> Clock:
    """Build a clock from what happened to it."""
    clock = Clock(target)
    for move, moment in history:
        clock = clock.move(calendar, move, moment)
    return clock


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_one_business_hour_on_friday_afternoon_ends_on_monday_morning() -> None:
    assert add_business(NINE_TO_FIVE, at("2026-11-20T16:30"), timedelta(hours=1)) == at("2026-11-23T09:30")


def test_a_holiday_is_skipped() -> None:
    calendar = BusinessCalendar.weekly("UTC", "09:00-17:00", holidays=[date(2026, 12, 25)])
    assert add_business(calendar, at("2026-12-24T16:30"), timedelta(hours=1)) == at("2026-12-28T09:30")


def test_a_lunch_break_does_not_count() -> None:
    calendar = BusinessCalendar.weekly("UTC", "09:00-12:00,13:00-17:00")
    assert add_business(calendar, at("2026-11-20T11:30"), timedelta(hours=1)) == at("2026-11-20T13:30")


def test_the_hour_skipped_in_spring_is_not_worked() -> None:
    calendar = BusinessCalendar.weekly("Europe/Berlin", "00:00-24:00", days=range(7))
    spring_day = datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin"))
    assert business_between(calendar, spring_day, spring_day + timedelta(days=1)) == timedelta(hours=23)


def test_the_hour_repeated_in_autumn_is_worked_twice() -> None:
    calendar = BusinessCalendar.weekly("Europe/Berlin", "00:00-24:00", days=range(7))
    autumn_day = datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin"))
    assert business_between(calendar, autumn_day, autumn_day + timedelta(days=1)) == timedelta(hours=25)


def test_two_business_days_from_thursday_noon_end_on_monday_noon() -> None:
    assert Clock(Target(days=2), at("2026-11-19T12:00")).due_at(NINE_TO_FIVE) == at("2026-11-23T12:00")


def test_business_days_from_the_weekend_count_from_mondays_opening() -> None:
    assert add_business_days(NINE_TO_FIVE, at("2026-11-21T12:00"), 1) == at("2026-11-24T09:00")


def test_a_calendar_that_never_opens_says_so() -> None:
    closed = BusinessCalendar("UTC", ((),) * 7)
    with pytest.raises(CalendarError, match="nothing opens"):
        add_business(closed, at("2026-11-20T16:30"), timedelta(hours=1))


@given(calendars, moments, durations)
def test_the_open_time_between_a_start_and_its_due_time_is_the_duration(
    calendar: BusinessCalendar, start: datetime, duration: timedelta
) -> None:
    assert business_between(calendar, start, add_business(calendar, start, duration)) == duration


@given(calendars, moments, durations, durations)
def test_adding_in_two_parts_is_adding_the_sum(
    calendar: BusinessCalendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    in_parts = add_business(calendar, add_business(calendar, start, first), second)
    assert in_parts == add_business(calendar, start, first + second)


@given(calendars, moments, moments, durations)
def test_a_later_start_is_never_due_earlier(
    calendar: BusinessCalendar, one: datetime, other: datetime, duration: timedelta
) -> None:
    earlier, later = min(one, other), max(one, other)
    assert add_business(calendar, earlier, duration) <= add_business(calendar, later, duration)


@given(calendars, moments, st.integers(0, 9))
def test_more_business_days_are_never_due_earlier(calendar: BusinessCalendar, start: datetime, days: int) -> None:
    assert add_business_days(calendar, start, days) < add_business_days(calendar, start, days + 1)


@given(calendars, moments, durations, durations)
def test_a_pause_never_moves_a_due_time_earlier(
    calendar: BusinessCalendar, start: datetime, target: timedelta, paused: timedelta
) -> None:
    unpaused = Clock(Target(target), start).due_at(calendar)
    due_at = Clock(Target(target), start, paused).due_at(calendar)
    assert due_at is not None
    assert unpaused is not None
    assert due_at >= unpaused


@given(calendars, st.lists(moments, min_size=3, max_size=8), st.data())
def test_whatever_happens_to_a_clock_its_due_time_never_moves_earlier_and_replays_alike(
    calendar: BusinessCalendar, times: list[datetime], data: st.DataObject
) -> None:
    moves = data.draw(st.lists(st.sampled_from(ClockMove), min_size=len(times) - 1, max_size=len(times) - 1))
    history = [(ClockMove.START, min(times)), *zip(moves, sorted(times)[1:], strict=True)]
    stages = [Clock(Target(timedelta(hours=7)))]
    for move, moment in history:
        stages.append(stages[-1].move(calendar, move, moment))
    dues = [due_at for clock in stages if (due_at := clock.due_at(calendar)) is not None]
    assert all(earlier <= later for earlier, later in pairwise(dues))
    assert replay(calendar, Target(timedelta(hours=7)), history) == stages[-1]


def test_a_reopened_clock_resumes_where_it_stood() -> None:
    history = [
        (ClockMove.START, at("2026-11-16T09:00")),
        (ClockMove.FULFIL, at("2026-11-16T12:00")),
        (ClockMove.REOPEN, at("2026-11-18T09:00")),
    ]
    clock = replay(NINE_TO_FIVE, Target(timedelta(hours=4)), history)
    assert clock.due_at(NINE_TO_FIVE) == at("2026-11-18T10:00")


def test_waiting_for_the_customer_does_not_count() -> None:
    history = [
        (ClockMove.START, at("2026-11-16T09:00")),
        (ClockMove.PAUSE, at("2026-11-16T10:00")),
        (ClockMove.RESUME, at("2026-11-17T10:00")),
    ]
    clock = replay(NINE_TO_FIVE, Target(timedelta(hours=4)), history)
    assert clock.due_at(NINE_TO_FIVE) == at("2026-11-17T13:00")


def test_a_hastened_clock_counts_its_shorter_target_from_now_and_keeps_an_earlier_due_time() -> None:
    clock = replay(NINE_TO_FIVE, Target(days=2), [(ClockMove.START, at("2026-11-16T09:00"))])
    hastened = clock.hastened(NINE_TO_FIVE, Target(timedelta(hours=4)), at("2026-11-16T13:00"))
    assert hastened.due_at(NINE_TO_FIVE) == at("2026-11-16T17:00")
    late = clock.hastened(NINE_TO_FIVE, Target(timedelta(hours=4)), at("2026-11-17T16:00"))
    assert late.due_at(NINE_TO_FIVE) == clock.due_at(NINE_TO_FIVE)
