"""Steps lie on a grid that ends a moment before the hour, and skip what is empty."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.olist.slots import Slots, parse_step

HOURS = Slots(timedelta(hours=1))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2031-05-05 13:00:00", "2031-05-05 13:59:58"),
        ("2031-05-05 13:59:58", "2031-05-05 13:59:58"),
        ("2031-05-05 13:59:59", "2031-05-05 14:59:58"),
        ("2031-05-05 23:59:59.5", "2031-05-06 00:59:58"),
    ],
)
def test_a_moment_belongs_to_the_slot_that_ends_next(moment: str, end: str) -> None:
    assert HOURS.end_of(at(moment)) == at(end)


def test_the_next_step_goes_to_whatever_is_due_first_and_skips_empty_slots() -> None:
    now = at("2031-05-05 13:59:58")
    assert HOURS.next_end(now, at("2031-05-06 08:10:00"), at("2031-05-05 20:30:00"), None) == at("2031-05-05 20:59:58")
    assert HOURS.next_end(now, None) is None


def test_what_is_overdue_lies_in_the_next_slot() -> None:
    assert HOURS.next_end(at("2031-05-05 13:59:58"), at("2031-05-05 12:00:00")) == at("2031-05-05 14:59:58")


def test_what_happens_on_a_day_is_known_before_its_promises_end() -> None:
    last_minute_in_brazil = at("2031-05-21 02:58:00")
    assert HOURS.end_of(last_minute_in_brazil) < at("2031-05-21 02:59:59")


def test_a_step_is_written_with_its_unit() -> None:
    assert [parse_step(text) for text in ("30m", "1h", "1d")] == [
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(days=1),
    ]
    with pytest.raises(ValueError, match="write it as 30m"):
        parse_step("1 hour")


def test_a_step_of_nothing_or_of_a_week_is_refused() -> None:
    for step in (timedelta(0), timedelta(days=7)):
        with pytest.raises(ValueError, match="at least a minute"):
            Slots(step)
