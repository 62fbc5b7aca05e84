"""When a location's trucks leave: pure arithmetic over its calendar, the same rule for routing, work and promises.

The rule: on a weekday a service level has its own truck, else that of `*`; a level that has neither on any day keeps
the usual week. A truck whose time is before its cut-off's leaves the next day.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from services.inventory.queries.locations import CutOff, Location

ANY_LEVEL = "*"
LEVELS = ("economy", "standard", "express")
USUAL_WEEK = tuple(CutOff(ANY_LEVEL, weekday, "14:00", "17:00") for weekday in range(5))
_HORIZON_DAYS = 60
_LOOK_BACK_DAYS = 14
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The last moment for orders and the truck that takes them, as instants in UTC."""

    order_by: datetime
    truck_at: datetime


def week_of(cut_offs: Iterable[CutOff], service_level: str) -> Mapping[int, CutOff]:
    """Give a service level's cut-off by weekday."""
    week: dict[int, CutOff] = {}
    for cut_off in sorted(cut_offs, key=lambda one: one.service_level != ANY_LEVEL):
        if cut_off.service_level in {ANY_LEVEL, service_level}:
            week[cut_off.weekday] = cut_off
    return week or {cut_off.weekday: cut_off for cut_off in USUAL_WEEK}


def resolve(cut_offs: Iterable[CutOff]) -> list[CutOff]:
    """Write every level's week out, so that who reads it needs no rule; `*` stays for levels of the future."""
    given = list(cut_offs)
    levels = sorted({*LEVELS, *(cut_off.service_level for cut_off in given)})
    return [
        CutOff(level, weekday, cut_off.order_by, cut_off.truck_at)
        for level in levels
        for weekday, cut_off in sorted(week_of(given, level).items())
    ]


def next_dispatch(location: Location, service_level: str, after: datetime) -> Dispatch:
    """Find the first truck whose order cut-off is not before `after`."""
    for dispatch in _dispatches(location, service_level, after - _DAY):
        if dispatch.order_by >= after:
            return dispatch
    closed_until = after + _HORIZON_DAYS * _DAY
    return Dispatch(closed_until, closed_until)


def cut_off_for(location: Location | None, service_level: str, ship_by: datetime, now: datetime) -> datetime:
    """Give the last truck that still keeps `ship_by`; the next one when that is gone; `ship_by` without trucks."""
    if location is None:
        return ship_by
    start = ship_by - _LOOK_BACK_DAYS * _DAY
    before = takewhile(lambda one: one.truck_at <= ship_by, _dispatches(location, service_level, start))
    last = max((one.truck_at for one in before), default=now)
    if last > now:
        return last
    following = (one.truck_at for one in _dispatches(location, service_level, now - 2 * _DAY) if one.truck_at > now)
    return next(following, ship_by)


def _dispatches(location: Location, service_level: str, start: datetime) -> Iterator[Dispatch]:
    """Give the trucks of the local days from `start` on, in order."""
    zone = ZoneInfo(location.time_zone)
    week = week_of(location.cut_offs, service_level)
    first = start.astimezone(zone).date()
    for day in (first + number * _DAY for number in range(_HORIZON_DAYS)):
        cut_off = week.get(day.weekday())
        if cut_off is not None and day.isoformat() not in location.holidays:
            yield _on(day, zone, cut_off)


def _on(day: date, zone: ZoneInfo, cut_off: CutOff) -> Dispatch:
    order_by, truck_at = time.fromisoformat(cut_off.order_by), time.fromisoformat(cut_off.truck_at)
    leaves_on = day + _DAY if truck_at < order_by else day
    return Dispatch(_at(day, order_by, zone), _at(leaves_on, truck_at, zone))


def _at(day: date, clock_time: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock_time, zone).astimezone(UTC)
