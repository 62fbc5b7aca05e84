"""Reads of locations and their calendars."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import asyncpg

from shared.db import Transaction

_SAVE = """
insert into location (code, name, company, line1, line2, city, region, postal_code, country_code, phone, email, zone,
  time_zone, cut_offs, holidays, label_format, active, saved_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
on conflict (code) do update set name = excluded.name, company = excluded.company, line1 = excluded.line1,
  line2 = excluded.line2, city = excluded.city, region = excluded.region, postal_code = excluded.postal_code,
  country_code = excluded.country_code, phone = excluded.phone, email = excluded.email, zone = excluded.zone,
  time_zone = excluded.time_zone, cut_offs = excluded.cut_offs, holidays = excluded.holidays,
  label_format = excluded.label_format, active = excluded.active, saved_at = excluded.saved_at,
  version = location.version + 1
"""


@dataclass(frozen=True, slots=True)
class CutOff:
    """The last moment for orders of a service level and the truck's time on a weekday (0 = Monday), local `HH:MM`."""

    service_level: str
    weekday: int
    order_by: str
    truck_at: str


@dataclass(frozen=True, slots=True)
class Location:
    """A place that stocks and ships: where it is and when its trucks leave; `holidays` are ISO dates."""

    code: str
    name: str
    country_code: str
    postal_code: str
    zone: str
    time_zone: str
    cut_offs: tuple[CutOff, ...]
    holidays: frozenset[str]
    active: bool


def _location(row: asyncpg.Record) -> Location:
    return Location(
        code=row["code"],
        name=row["name"],
        country_code=row["country_code"],
        postal_code=row["postal_code"],
        zone=row["zone"],
        time_zone=row["time_zone"],
        cut_offs=tuple(CutOff(**entry) for entry in row["cut_offs"]),
        holidays=frozenset(row["holidays"]),
        active=row["active"],
    )


async def save_locations(tx: Transaction, rows: Sequence[Sequence[object]]) -> None:
    """Insert or replace locations; values in the order of the columns."""
    await tx.execute_many(_SAVE, rows)


async def get_locations(tx: Transaction, codes: Collection[str]) -> dict[str, Location]:
    """Give locations with their calendars by code."""
    rows = await tx.fetch("select * from location where code = any($1::text[])", list(codes))
    return {row["code"]: _location(row) for row in rows}


async def get_address(tx: Transaction, code: str) -> asyncpg.Record | None:
    """Read a location with its address."""
    return await tx.row("select * from location where code = $1", code)


async def list_addresses(tx: Transaction, *, after: str, limit: int) -> list[asyncpg.Record]:
    """List locations with their addresses by code."""
    return await tx.fetch("select * from location where code > $1 order by code limit $2", after, limit)


async def unknown_locations(tx: Transaction, codes: Collection[str]) -> set[str]:
    """Give those codes that no location has."""
    rows = await tx.fetch(
        "select c.code from unnest($1::text[]) as c(code) where not exists "
        "(select from location l where l.code = c.code)",
        list(codes),
    )
    return {row["code"] for row in rows}
