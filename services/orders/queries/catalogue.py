"""Read copies of SKUs, locations and stock, as intake and promises need them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from uuid import UUID

import asyncpg

from services.orders.promise import USUAL_WEEK, CutOff, Origin
from shared.db import Transaction

# Parameters behind a select (see `named_orders` in orders.py): planning took two thirds of this statement's time.
CATALOGUE = """
  array(select s from sku_copy s where s.sku = any((select $1::text[])::text[])) as skus,
  array(select l from location_copy l where l.active and l.code in (
    select unnest((select $4::text[])) union
    select k.location from stock_copy k where k.sku = any((select $1::text[])::text[])
    union (select min(code) from location_copy where active))) as locations,
  array(select k from stock_copy k where k.sku = any((select $1::text[])::text[])) as stock,
  array(select q from quote q where q.id = any((select $2::uuid[])::uuid[])) as quotes,
  array(select nextval('order_number') from generate_series(1, (select $3::int))) as numbers
"""
_READ = f"select {CATALOGUE}"
_AVAILABILITY = """
select k.sku, sum(greatest(k.available, 0))::int as available, bool_or(k.backorderable) as backorderable,
  min(k.next_available_at) as next_available_at, max(k.updated_at) as updated_at
from stock_copy k where ($1::text[] is null or k.sku = any($1)) group by k.sku
having ($2::timestamptz is null or max(k.updated_at) > $2)
  and ($3::timestamptz is null or (max(k.updated_at), k.sku) > ($3, $4))
order by max(k.updated_at), k.sku limit $5
"""


@dataclass(frozen=True, slots=True)
class Sku:
    """A SKU as we know it."""

    sku: str
    name: str
    requires_shipping: bool
    active: bool
    perishable: bool
    safety: bool


@dataclass(slots=True)
class Catalogue:
    """What intake knows of the goods and houses that a list of orders is about."""

    skus: Mapping[str, Sku]
    locations: Mapping[str, asyncpg.Record]
    available: Mapping[tuple[str, str], int]
    quotes: Mapping[UUID, asyncpg.Record]
    numbers: list[int] = field(default_factory=list)

    def origin(self, wanted: Iterable[tuple[str, int, str | None]], service_level: str) -> Origin | None:
        """Give the location that best serves (sku, quantity, pinned location) wants; None when there is none."""
        totals: dict[tuple[str, str | None], int] = {}
        for sku, quantity, pin in wanted:
            totals[sku, pin] = totals.get((sku, pin), 0) + quantity
        wants = [(sku, quantity, pin) for (sku, pin), quantity in totals.items()]
        pinned = sorted({pin for _, _, pin in wants if pin is not None and pin in self.locations})
        candidates = pinned or sorted(self.locations)
        if not candidates:
            return None

        def served(code: str) -> int:
            return sum(self.available.get((sku, code), 0) >= quantity for sku, quantity, _ in wants)

        return origin_of(self.locations[max(candidates, key=served)], service_level)


def origin_of(row: asyncpg.Record, service_level: str) -> Origin:
    """Read a location's cut-offs for one service level; `*` serves every level; none at all is a usual week."""
    week: dict[int, CutOff] = {}
    for entry in sorted(row["cut_offs"], key=lambda entry: entry["service_level"] != "*"):
        if entry["service_level"] in {"*", service_level}:
            times = time.fromisoformat(entry["order_by"]), time.fromisoformat(entry["truck_at"])
            week[int(entry["weekday"])] = CutOff(*times)
    return Origin(
        location=row["code"],
        country_code=row["country_code"],
        postal_code=row["postal_code"],
        time_zone=row["time_zone"],
        week=week or USUAL_WEEK,
        holidays=frozenset(date.fromisoformat(day) for day in row["holidays"]),
    )


async def read_catalogue(
    tx: Transaction,
    skus: Iterable[str],
    *,
    pins: Iterable[str] = (),
    quotes: Sequence[UUID] = (),
    numbers: int = 0,
) -> Catalogue:
    """Read the copies of these SKUs, the locations that have them or are pinned, quotes; draw order numbers."""
    row = await tx.row(_READ, sorted(set(skus)), list(quotes), numbers, sorted(set(pins)))
    if row is None:
        raise LookupError("no row")
    return as_catalogue(row)


def as_catalogue(row: asyncpg.Record) -> Catalogue:
    """Make a catalogue of a row with the columns of CATALOGUE."""
    return Catalogue(
        skus={
            s["sku"]: Sku(s["sku"], s["name"], s["requires_shipping"], s["active"], s["perishable"], s["safety"])
            for s in row["skus"]
        },
        locations={entry["code"]: entry for entry in row["locations"]},
        available={(entry["sku"], entry["location"]): entry["available"] for entry in row["stock"]},
        quotes={entry["id"]: entry for entry in row["quotes"]},
        numbers=list(row["numbers"]),
    )


async def list_availability(
    tx: Transaction,
    skus: Sequence[str] | None,
    limit: int,
    *,
    updated_after: datetime | None = None,
    cursor: tuple[datetime, str] | None = None,
) -> list[asyncpg.Record]:
    """Sum what is available over all locations, per SKU, in the order of change.

    A SKU that changes while somebody reads page by page moves behind the cursor's place and is met again.
    """
    wanted = list(skus) if skus is not None else None
    return await tx.fetch(_AVAILABILITY, wanted, updated_after, *(cursor or (None, None)), limit)


async def read_locations(tx: Transaction, codes: Iterable[str]) -> dict[str, asyncpg.Record]:
    """Give locations by code; unknown ones are absent."""
    rows = await tx.fetch("select * from location_copy where code = any($1)", sorted(set(codes)))
    return {row["code"]: row for row in rows}
