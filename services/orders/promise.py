"""The promise as pure arithmetic: cut-offs and calendar of the location, transit by service level and distance.

A promise ends with its local day at the destination.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from services.orders.states import ServiceLevel

_LAST_WORKDAY = 4
_SEARCH_DAYS = 60
_MINUTE_SECONDS = 60
_DAY_END = time(23, 59, 59)


class Distance(StrEnum):
    """How far a destination is from the location, as our transit table distinguishes it."""

    NEAR = "near"
    DOMESTIC = "domestic"
    CONTINENTAL = "continental"
    OVERSEAS = "overseas"


# Workdays between the truck and the doorstep: the fewest, and those we promise.
TRANSIT_DAYS: Mapping[ServiceLevel, Mapping[Distance, tuple[int, int]]] = {
    ServiceLevel.ECONOMY: {
        Distance.NEAR: (3, 8),
        Distance.DOMESTIC: (4, 10),
        Distance.CONTINENTAL: (6, 14),
        Distance.OVERSEAS: (8, 25),
    },
    ServiceLevel.STANDARD: {
        Distance.NEAR: (2, 5),
        Distance.DOMESTIC: (2, 6),
        Distance.CONTINENTAL: (4, 9),
        Distance.OVERSEAS: (6, 15),
    },
    ServiceLevel.EXPRESS: {
        Distance.NEAR: (1, 2),
        Distance.DOMESTIC: (1, 3),
        Distance.CONTINENTAL: (2, 4),
        Distance.OVERSEAS: (2, 5),
    },
}

# Where a country has several zones: the one most of its people live by.
_MAIN_ZONE = {
    "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto", "CD": "Africa/Kinshasa",
    "CL": "America/Santiago", "CN": "Asia/Shanghai", "EC": "America/Guayaquil", "ES": "Europe/Madrid",
    "ID": "Asia/Jakarta", "KZ": "Asia/Almaty", "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City",
    "NZ": "Pacific/Auckland", "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv",
    "US": "America/New_York", "DE": "Europe/Berlin", "AR": "America/Argentina/Buenos_Aires",
}  # fmt: skip
_REGION_ZONE = {
    ("US", "CA"): "America/Los_Angeles", ("US", "WA"): "America/Los_Angeles", ("US", "OR"): "America/Los_Angeles",
    ("US", "NV"): "America/Los_Angeles", ("US", "AZ"): "America/Phoenix", ("US", "CO"): "America/Denver",
    ("US", "UT"): "America/Denver", ("US", "NM"): "America/Denver", ("US", "MT"): "America/Denver",
    ("US", "ID"): "America/Denver", ("US", "WY"): "America/Denver", ("US", "TX"): "America/Chicago",
    ("US", "IL"): "America/Chicago", ("US", "MN"): "America/Chicago", ("US", "MO"): "America/Chicago",
    ("US", "WI"): "America/Chicago", ("US", "LA"): "America/Chicago", ("US", "TN"): "America/Chicago",
    ("US", "AL"): "America/Chicago", ("US", "OK"): "America/Chicago", ("US", "KS"): "America/Chicago",
    ("US", "IA"): "America/Chicago", ("US", "AR"): "America/Chicago", ("US", "MS"): "America/Chicago",
    ("US", "NE"): "America/Chicago", ("US", "ND"): "America/Chicago", ("US", "SD"): "America/Chicago",
    ("US", "AK"): "America/Anchorage", ("US", "HI"): "Pacific/Honolulu", ("CA", "BC"): "America/Vancouver",
    ("CA", "AB"): "America/Edmonton", ("CA", "MB"): "America/Winnipeg", ("CA", "SK"): "America/Regina",
    ("AU", "WA"): "Australia/Perth", ("AU", "QLD"): "Australia/Brisbane", ("AU", "SA"): "Australia/Adelaide",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CutOff:
    """One weekday at a location: orders until `order_by` leave with the truck at `truck_at`, local time.

    A truck whose time is before the cut-off's leaves in the night after.
    """

    order_by: time
    truck_at: time


_USUAL_DAY = CutOff(time(14, 0), time(17, 0))
USUAL_WEEK: Mapping[int, CutOff] = dict.fromkeys(range(_LAST_WORKDAY + 1), _USUAL_DAY)


@dataclass(frozen=True, slots=True)
class Origin:
    """The location goods leave from, as far as a promise needs it."""

    location: str
    country_code: str
    postal_code: str
    time_zone: str
    week: Mapping[int, CutOff] = field(default_factory=lambda: USUAL_WEEK)  # by weekday, 0 is Monday
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where goods go, as far as a promise needs it."""

    country_code: str
    postal_code: str
    region: str = ""

    @property
    def time_zone(self) -> str:
        """The zone whose days the customer lives by."""
        return zone_of(self.country_code, self.region)


@dataclass(frozen=True, slots=True)
class Window:
    """A promise before it has a revision; UTC instants."""

    order_by: datetime
    ship_by: datetime
    deliver_by_earliest: datetime
    deliver_by_latest: datetime


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    """Read country → first zone from the time zone database."""
    table: dict[str, str] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            table.setdefault(country, zone)
    return table | _MAIN_ZONE


def is_country(code: str) -> bool:
    """Say whether this is an ISO 3166 country we know the time of."""
    return code in _zones()


def zone_of(country_code: str, region: str = "") -> str:
    """Give the time zone of a destination; raises KeyError for an unknown country."""
    zone = _REGION_ZONE.get((country_code, region.strip().upper()))
    return zone or _zones()[country_code]


def postal_zone(country_code: str, postal_code: str) -> str:
    """Give as much of a postcode as an event may carry: its first two characters."""
    return "".join(c for c in postal_code.upper() if c.isalnum())[:2] if country_code else ""


def distance(origin: Origin, place: Place) -> Distance:
    """Say how far it is, by country, postcode zone and continent."""
    if origin.country_code == place.country_code:
        here = postal_zone(origin.country_code, origin.postal_code)
        near = bool(here) and here == postal_zone(place.country_code, place.postal_code)
        return Distance.NEAR if near else Distance.DOMESTIC
    continents = {_zones().get(code, code).partition("/")[0] for code in (origin.country_code, place.country_code)}
    return Distance.CONTINENTAL if len(continents) == 1 else Distance.OVERSEAS


def next_truck(origin: Origin, ready_at: datetime) -> tuple[datetime, datetime]:
    """Give (order_by, truck_at) of the first truck that what is ready at `ready_at` can catch."""
    zone = ZoneInfo(origin.time_zone)
    today = ready_at.astimezone(zone).date()
    for offset in range(_SEARCH_DAYS):
        day = today + timedelta(days=offset)
        cut_off = origin.week.get(day.weekday())
        if cut_off is None or day in origin.holidays:
            continue
        order_by = _at(day, cut_off.order_by, zone)
        if order_by >= ready_at:
            leaves_on = day + timedelta(days=cut_off.truck_at < cut_off.order_by)
            return order_by, _at(leaves_on, cut_off.truck_at, zone)
    far = ready_at + timedelta(days=_SEARCH_DAYS)
    return far, far


def make_window(origin: Origin, place: Place, level: ServiceLevel, ready_at: datetime) -> Window:
    """Promise what our table says: the next truck, then workdays of transit until the end of a local day."""
    order_by, ship_by = next_truck(origin, ready_at)
    fewest, most = TRANSIT_DAYS[level][distance(origin, place)]
    zone = ZoneInfo(place.time_zone)
    shipped = ship_by.astimezone(ZoneInfo(origin.time_zone)).date()
    earliest = _at(add_workdays(shipped, fewest), time(0, 0), zone)
    return Window(order_by, ship_by, earliest, _at(add_workdays(shipped, most), _DAY_END, zone))


def keep_given(window: Window, deliver_by: date | datetime, place: Place) -> Window:
    """Take over a date the storefront already told its customer; we ship no later than we would anyway."""
    latest = end_of_day(deliver_by, place.time_zone)
    return Window(window.order_by, min(window.ship_by, latest), min(window.deliver_by_earliest, latest), latest)


def end_of_day(moment: date | datetime, time_zone: str) -> datetime:
    """Give the last second of the local day of `moment`."""
    zone = ZoneInfo(time_zone)
    day = moment.astimezone(zone).date() if isinstance(moment, datetime) else moment
    return _at(day, _DAY_END, zone)


def add_workdays(day: date, count: int) -> date:
    """Give the day `count` workdays (Monday to Friday) after `day`."""
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() <= _LAST_WORKDAY
    return day


def slip_minutes(old_latest: datetime, new_latest: datetime) -> int:
    """Say by how many whole minutes a promise moved; never negative."""
    return max(0, int((new_latest - old_latest).total_seconds()) // _MINUTE_SECONDS)


@dataclass(frozen=True, slots=True)
class Milestones:
    """When an order's own steps were done; None is not yet."""

    stock_ready_at: datetime | None = None
    holds_cleared_at: datetime | None = None
    handed_over_at: datetime | None = None


def attribute_slip(ship_by: datetime, done: Milestones, ended_at: datetime) -> str:
    """Say whose step made a promise slip: carrier when goods left in time, else the first step that was late."""
    if done.handed_over_at is not None and done.handed_over_at <= ship_by:
        return "carrier"
    if (done.stock_ready_at or ended_at) > ship_by:
        return "stock"
    if (done.holds_cleared_at or ship_by) > ship_by:
        return "customer"
    return "warehouse"


def _at(day: date, clock_time: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock_time, zone).astimezone(UTC)
