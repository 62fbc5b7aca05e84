"""Which truck a fulfilment order must catch."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from services.inventory.actions.cut_offs import cut_off_for, resolve, week_of
from services.inventory.queries.locations import CutOff, Location

WORKDAYS = tuple(CutOff("standard", day, "14:00", "17:00") for day in range(5))
EXPRESS = (CutOff("express", 0, "10:00", "12:00"),)


def _berlin(*cut_offs: CutOff, holidays: frozenset[str] = frozenset()) -> Location:
    return Location("B", "Berlin", "DE", "10115", "DE", "Europe/Berlin", cut_offs, holidays, active=True)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("ship_by", "now", "cut_off"),
    [
        pytest.param("2026-11-04T16:00", "2026-11-02T08:00", "2026-11-04T16:00", id="the truck of ship_by itself"),
        pytest.param("2026-11-04T15:59", "2026-11-02T08:00", "2026-11-03T16:00", id="the last truck before it"),
        pytest.param("2026-11-08T23:00", "2026-11-02T08:00", "2026-11-06T16:00", id="Friday, as none goes on Sunday"),
        pytest.param("2026-11-02T16:00", "2026-11-03T08:00", "2026-11-03T16:00", id="late already: the next truck"),
        pytest.param("2026-11-06T16:00", "2026-11-06T16:30", "2026-11-09T16:00", id="late on Friday: Monday"),
        pytest.param("2026-07-03T23:00", "2026-07-02T08:00", "2026-07-03T15:00", id="summer time"),
    ],
)
def test_the_last_truck_that_keeps_the_promise_counts(ship_by: str, now: str, cut_off: str) -> None:
    assert cut_off_for(_berlin(*WORKDAYS), "standard", _at(ship_by), _at(now)) == _at(cut_off)


def test_no_truck_goes_on_a_holiday() -> None:
    place = _berlin(*WORKDAYS, holidays=frozenset({"2026-11-04"}))
    assert cut_off_for(place, "standard", _at("2026-11-04T20:00"), _at("2026-11-02T08:00")) == _at("2026-11-03T16:00")


def test_a_service_level_has_trucks_of_its_own_else_those_of_all() -> None:
    place = _berlin(*EXPRESS, CutOff("*", 0, "14:00", "16:00"))
    ship_by, now = _at("2026-11-02T20:00"), _at("2026-11-01T08:00")
    assert cut_off_for(place, "express", ship_by, now) == _at("2026-11-02T11:00")
    assert cut_off_for(place, "overnight", ship_by, now) == _at("2026-11-02T15:00")


def test_a_truck_that_leaves_in_the_night_keeps_a_promise_of_the_next_morning() -> None:
    place = _berlin(CutOff("*", 0, "22:00", "02:00"))
    assert cut_off_for(place, "standard", _at("2026-11-03T06:00"), _at("2026-11-01T08:00")) == _at("2026-11-03T01:00")


def test_a_place_without_trucks_of_its_own_keeps_the_usual_week() -> None:
    ship_by, now = _at("2026-11-02T20:00"), _at("2026-11-01T08:00")
    assert cut_off_for(_berlin(), "standard", ship_by, now) == _at("2026-11-02T16:00")
    assert cut_off_for(None, "standard", ship_by, now) == ship_by


def _readers_week(cut_offs: Sequence[CutOff], level: str) -> dict[int, tuple[str, str]]:
    """Read a week as orders does: `*` first, then the level's own."""
    week: dict[int, tuple[str, str]] = {}
    for wanted in ("*", level):
        week |= {c.weekday: (c.order_by, c.truck_at) for c in cut_offs if c.service_level == wanted}
    return week


@pytest.mark.parametrize(
    "given",
    [
        (),
        EXPRESS,
        WORKDAYS[::2],
        (*EXPRESS, CutOff("*", 0, "14:00", "16:00"), CutOff("*", 5, "09:00", "10:00")),
    ],
)
@pytest.mark.parametrize("level", ["economy", "standard", "express"])
def test_the_told_calendar_gives_who_reads_it_the_week_we_work_by(given: tuple[CutOff, ...], level: str) -> None:
    ours = {day: (c.order_by, c.truck_at) for day, c in week_of(given, level).items()}

    assert _readers_week(resolve(given), level) == ours
