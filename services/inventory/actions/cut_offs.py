"""Which truck a fulfilment order must catch: pure arithmetic over a location's calendar."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.inventory.queries.locations import Location

_MOST_DAYS = 14
_DAY = timedelta(days=1)


def cut_off_for(location: Location | None, service_level: str, ship_by: datetime, now: datetime) -> datetime:
    """Give the last truck that still keeps `ship_by`; the next one when that is gone; `ship_by` without trucks."""
    if location is None or not location.cut_offs:
        return ship_by
    in_time = [truck for truck in _trucks(location, service_level, ship_by - _MOST_DAYS * _DAY) if truck <= ship_by]
    if in_time and in_time[-1] > now:
        return in_time[-1]
    following = [truck for truck in _trucks(location, service_level, now - _DAY) if truck > now]
    return following[0] if following else ship_by


def _trucks(location: Location, service_level: str, start: datetime) -> list[datetime]:
    """List the trucks of the days from `start` on, in order; a level without trucks of its own takes any."""
    zone = ZoneInfo(location.time_zone)
    own = [c for c in location.cut_offs if c.service_level == service_level] or location.cut_offs
    first = start.astimezone(zone).date()
    trucks: list[datetime] = []
    for day in (first + number * _DAY for number in range(_MOST_DAYS + 2)):
        if day.isoformat() not in location.holidays:
            trucks.extend(_local(day, c.truck_at, zone) for c in own if c.weekday == day.weekday())
    return sorted(trucks)


def _local(day: date, at: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC)
