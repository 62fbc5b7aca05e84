"""Routing is pure: the fewest locations that serve what can be served, the best of them first."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.inventory.actions.cut_offs import Dispatch, next_dispatch
from services.inventory.actions.routing import Ask, Site, route
from services.inventory.queries.locations import CutOff, Location
from shared.ids import new_id

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)


def _site(code: str, *, keeps: bool = True, near: bool = True, hours: int = 1) -> Site:
    return Site(code, NOON + hours * HOUR, keeps, near)


def _ask(sku: str, quantity: int, *, pinned: str | None = None, avoided: frozenset[str] = frozenset()) -> Ask:
    return Ask(new_id(), sku, quantity, pinned, avoided)


def _places(asks: list[Ask], free: dict[tuple[str, str], int], sites: list[Site]) -> dict[str, int]:
    served: dict[str, int] = {}
    for placement in route(asks, free, sites):
        served[placement.location] = served.get(placement.location, 0) + placement.quantity
    return served


def test_the_location_that_keeps_the_promise_wins_over_the_nearer_one() -> None:
    sites = [_site("near", keeps=False), _site("far", near=False, hours=3)]

    assert _places([_ask("a", 2)], {("a", "near"): 9, ("a", "far"): 9}, sites) == {"far": 2}


def test_one_late_location_wins_over_two_in_time() -> None:
    sites = [_site("one"), _site("two"), _site("late", keeps=False)]
    free = {("a", "one"): 1, ("b", "two"): 1, ("a", "late"): 1, ("b", "late"): 1}

    assert _places([_ask("a", 1), _ask("b", 1)], free, sites) == {"late": 2}


def test_among_equals_the_earliest_truck_wins() -> None:
    sites = [_site("a-slow", hours=9), _site("b-fast", hours=2)]

    assert _places([_ask("a", 1)], {("a", "a-slow"): 1, ("a", "b-fast"): 1}, sites) == {"b-fast": 1}


def test_a_location_that_shorted_the_line_is_not_offered_again() -> None:
    sites = [_site("one"), _site("two", keeps=False)]

    served = _places([_ask("a", 1, avoided=frozenset({"one"}))], {("a", "one"): 5, ("a", "two"): 5}, sites)

    assert served == {"two": 1}


def test_a_pinned_line_brings_the_others_to_its_location() -> None:
    sites = [_site("one"), _site("pin", hours=9)]
    asks = [_ask("a", 1, pinned="pin"), _ask("b", 1)]

    assert _places(asks, {("a", "pin"): 1, ("b", "pin"): 1, ("b", "one"): 1}, sites) == {"pin": 2}


def test_two_lines_of_one_sku_share_what_is_there() -> None:
    assert _places([_ask("a", 2), _ask("a", 2)], {("a", "one"): 3}, [_site("one")]) == {"one": 3}


@given(
    counts=st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("12345678901")), st.integers(0, 4)),
    wanted=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), min_size=1, max_size=4),
)
def test_as_many_units_as_possible_are_placed_and_never_more_than_are_free(
    counts: dict[tuple[str, str], int], wanted: list[tuple[str, int]]
) -> None:
    sites = [_site(code) for code in sorted({code for _, code in counts})]

    placements = route([_ask(sku, count) for sku, count in wanted], counts, sites)

    for sku in "abc":
        asked = sum(count for code, count in wanted if code == sku)
        there = sum(count for (code, _), count in counts.items() if code == sku)
        assert sum(p.quantity for p in placements if p.ask.sku == sku) == min(asked, there)
    for key, there in counts.items():
        assert sum(p.quantity for p in placements if (p.ask.sku, p.location) == key) <= there


def _location(*cut_offs: CutOff, holidays: frozenset[str] = frozenset()) -> Location:
    return Location("L", "L", "DE", "10115", "DE", "Europe/Berlin", cut_offs, holidays, active=True)


def test_an_order_after_the_cut_off_takes_the_next_open_days_truck() -> None:
    cut_offs = [CutOff("standard", day, "12:30", "17:00") for day in (0, 1, 2)]
    place = _location(*cut_offs, holidays=frozenset({"2026-11-17"}))

    dispatch = next_dispatch(place, "standard", NOON)  # 13:00 in Berlin

    assert dispatch == Dispatch(datetime(2026, 11, 18, 11, 30, tzinfo=UTC), datetime(2026, 11, 18, 16, tzinfo=UTC))


def test_the_clock_change_moves_the_truck_with_local_time() -> None:
    place = _location(CutOff("standard", 0, "12:00", "17:00"))

    summer = next_dispatch(place, "standard", datetime(2026, 10, 19, tzinfo=UTC))
    winter = next_dispatch(place, "standard", datetime(2026, 10, 26, tzinfo=UTC))

    assert (summer.truck_at.hour, winter.truck_at.hour) == (15, 16)


def test_a_level_without_its_own_cut_offs_takes_the_truck_of_all_and_never_another_levels() -> None:
    express = CutOff("express", 0, "20:00", "21:00")

    by_all = next_dispatch(_location(express, CutOff("*", 1, "12:00", "16:00")), "standard", NOON)
    by_nobody = next_dispatch(_location(express), "standard", NOON)

    assert by_all.truck_at == datetime(2026, 11, 17, 15, tzinfo=UTC)
    assert by_nobody == next_dispatch(_location(), "standard", NOON)
    assert by_nobody.truck_at == datetime(2026, 11, 16, 16, tzinfo=UTC)


def test_a_truck_before_its_cut_off_leaves_in_the_night_after() -> None:
    place = _location(CutOff("*", 0, "22:00", "02:00"))

    assert next_dispatch(place, "standard", NOON).truck_at == datetime(2026, 11, 17, 1, tzinfo=UTC)
