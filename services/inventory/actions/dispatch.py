"""When a location's next truck leaves: pure calendar arithmetic over its cut-offs and holidays."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.inventory.queries.locations import CutOff, Location

_HORIZON_DAYS = 30


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The last moment for orders and the truck that takes them, as instants in UTC."""

    order_by: datetime
    truck_at: datetime


def next_dispatch(location: Location, service_level: str, after: datetime) -> Dispatch:
    """Find the first truck whose order cut-off is not before `after`.

    A level without cut-offs of its own uses any of the location's; a location without any is always ready.
    """
    own = [cut_off for cut_off in location.cut_offs if cut_off.service_level == service_level]
    cut_offs = own or list(location.cut_offs)
    if not cut_offs:
        return Dispatch(after, after)
    zone = ZoneInfo(location.time_zone)
    today = after.astimezone(zone).date()
    for offset in range(_HORIZON_DAYS):
        day = today + timedelta(days=offset)
        if day.isoformat() in location.holidays:
            continue
        chances = [_on(day, zone, cut_off) for cut_off in cut_offs if cut_off.weekday == day.weekday()]
        open_still = [chance for chance in chances if chance.order_by >= after]
        if open_still:
            return min(open_still, key=lambda chance: chance.truck_at)
    closed_until = after + timedelta(days=_HORIZON_DAYS)
    return Dispatch(closed_until, closed_until)


def _on(day: date, zone: ZoneInfo, cut_off: CutOff) -> Dispatch:
    order_by = datetime.combine(day, time.fromisoformat(cut_off.order_by), zone)
    truck_at = datetime.combine(day, time.fromisoformat(cut_off.truck_at), zone)
    if truck_at < order_by:
        truck_at += timedelta(days=1)
    return Dispatch(order_by.astimezone(UTC), truck_at.astimezone(UTC))
