"""Promises as arithmetic."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.promise import (
    CutOff,
    Distance,
    Milestones,
    Origin,
    Place,
    add_workdays,
    attribute_slip,
    distance,
    end_of_day,
    is_country,
    keep_given,
    make_window,
    next_truck,
    zone_of,
)
from services.orders.states import ServiceLevel

HAMBURG = Origin("HH", "DE", "20457", "Europe/Berlin")
BERLIN = Place("DE", "10115")
MONDAY_NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)


def test_an_order_before_the_cut_off_leaves_with_the_truck_of_that_day() -> None:
    order_by, truck = next_truck(HAMBURG, MONDAY_NOON)

    assert order_by == datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
    assert truck == datetime(2026, 3, 2, 16, 0, tzinfo=UTC)


def test_an_order_after_the_cut_off_on_friday_leaves_on_monday() -> None:
    _, truck = next_truck(HAMBURG, datetime(2026, 3, 6, 14, 0, tzinfo=UTC))

    assert truck == datetime(2026, 3, 9, 16, 0, tzinfo=UTC)


def test_no_truck_leaves_on_a_holiday() -> None:
    closed = Origin("HH", "DE", "20457", "Europe/Berlin", holidays=frozenset({date(2026, 3, 2)}))

    assert next_truck(closed, MONDAY_NOON)[1] == datetime(2026, 3, 3, 16, 0, tzinfo=UTC)


def test_a_cut_off_follows_the_houses_summer_time() -> None:
    assert next_truck(HAMBURG, datetime(2026, 6, 1, 6, 0, tzinfo=UTC))[1] == datetime(2026, 6, 1, 15, 0, tzinfo=UTC)


def test_a_truck_before_its_cut_off_leaves_in_the_night_after() -> None:
    week = {0: CutOff(time(22, 0), time(2, 0))}
    nightly = Origin("HH", "DE", "20457", "Europe/Berlin", week=week)

    assert next_truck(nightly, MONDAY_NOON) == (
        datetime(2026, 3, 2, 21, 0, tzinfo=UTC),
        datetime(2026, 3, 3, 1, 0, tzinfo=UTC),
    )


def test_a_promise_ends_with_its_local_day_at_the_destination() -> None:
    window = make_window(HAMBURG, Place("JP", "100-0001"), ServiceLevel.STANDARD, MONDAY_NOON)

    local = window.deliver_by_latest.astimezone(ZoneInfo("Asia/Tokyo"))
    assert (local.hour, local.minute, local.second) == (23, 59, 59)


def test_a_date_the_storefront_gave_is_the_end_of_that_day_there() -> None:
    place = Place("BR", "01310-100", "SP")
    window = make_window(HAMBURG, place, ServiceLevel.STANDARD, MONDAY_NOON)

    given_window = keep_given(window, date(2026, 4, 1), place)

    assert given_window.deliver_by_latest == datetime(2026, 4, 2, 2, 59, 59, tzinfo=UTC)
    assert given_window.ship_by == window.ship_by


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        (Place("DE", "20999"), Distance.NEAR),
        (Place("DE", "80331"), Distance.DOMESTIC),
        (Place("FR", "75001"), Distance.CONTINENTAL),
        (Place("US", "10001"), Distance.OVERSEAS),
    ],
)
def test_distance_is_by_postcode_zone_country_and_continent(place: Place, wanted: Distance) -> None:
    assert distance(HAMBURG, place) is wanted


@pytest.mark.parametrize(
    ("country", "region", "zone"),
    [
        ("BR", "SP", "America/Sao_Paulo"),
        ("US", "ca", "America/Los_Angeles"),
        ("US", "", "America/New_York"),
        ("DE", "", "Europe/Berlin"),
        ("AU", "", "Australia/Sydney"),
    ],
)
def test_the_destinations_zone_is_that_of_its_country_or_state(country: str, region: str, zone: str) -> None:
    assert zone_of(country, region) == zone


def test_a_country_that_does_not_exist_is_not_one() -> None:
    assert is_country("DE")
    assert not is_country("XX")


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - made aware below
    st.sampled_from(ServiceLevel),
    st.sampled_from(["DE", "FR", "US", "BR", "JP", "NZ"]),
)
def test_a_window_is_in_order_and_begins_after_now(moment: datetime, level: ServiceLevel, country: str) -> None:
    ready_at = moment.replace(tzinfo=UTC)

    window = make_window(HAMBURG, Place(country, "12345"), level, ready_at)

    assert ready_at <= window.order_by <= window.ship_by
    assert window.ship_by < window.deliver_by_latest
    assert window.deliver_by_earliest < window.deliver_by_latest


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.integers(1, 40))
def test_workdays_end_on_a_workday(day: date, count: int) -> None:
    later = add_workdays(day, count)

    assert later.weekday() < 5
    assert count <= (later - day).days <= count * 7 // 5 + 3


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001 - made aware below
def test_the_end_of_a_day_is_the_same_whatever_moment_of_it_is_given(moment: datetime) -> None:
    aware = moment.replace(tzinfo=ZoneInfo("America/Sao_Paulo"))

    assert end_of_day(aware, "America/Sao_Paulo") == end_of_day(aware.date(), "America/Sao_Paulo")


SHIP_BY = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
LATER, EARLIER = SHIP_BY + timedelta(hours=3), SHIP_BY - timedelta(hours=3)


@pytest.mark.parametrize(
    ("done", "whose"),
    [
        (Milestones(EARLIER, None, EARLIER), "carrier"),
        (Milestones(LATER, None, LATER), "stock"),
        (Milestones(EARLIER, LATER, LATER), "customer"),
        (Milestones(EARLIER, EARLIER, LATER), "warehouse"),
        (Milestones(None, None, None), "stock"),
    ],
)
def test_a_slip_belongs_to_the_first_step_that_was_late(done: Milestones, whose: str) -> None:
    assert attribute_slip(SHIP_BY, done, LATER + timedelta(days=9)) == whose
