"""Loads what rules look at: the facts of many orders in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from services.care.rules.facts import (
    FulfilmentFacts,
    LineFacts,
    OrderFacts,
    ParcelFacts,
    Position,
    PromiseFacts,
    StepFacts,
)
from shared.db import Transaction

_CLAIM = """
select * from watch where next_check_at <= $1 order by next_check_at, order_id limit $2 for no key update skip locked
"""
_BY_ORDER = "select * from {table} where order_id = any($1::uuid[]) order by order_id"
_TABLES = ("watch_line", "watch_step", "watch_fulfilment", "watch_parcel", "watch_report")
_SIBLINGS = """
select hand_over, avg((last_scan_at is not null)::int)::float as scanned from watch_parcel
where hand_over = any($1::text[]) and hand_over <> '' group by hand_over
"""
_LATEST_KNOWN = """
select greatest(
  (select max(carrier_estimate) from watch_parcel where order_id = $1 and delivered_at is null),
  (select max(expected_at) from watch_line where order_id = $1 and (backordered > 0 or short > 0)))
"""
_COUNTRIES = "select location, country from watch_location where location = any($1::text[])"

_STRAY = "voided_label_used"

Rows = Mapping[UUID, Sequence[asyncpg.Record]]


@dataclass(frozen=True, slots=True)
class Known:
    """All that care knows of some orders."""

    watches: Sequence[asyncpg.Record]
    rows: Mapping[str, Rows]
    siblings: Mapping[str, float] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)


async def claim_due(tx: Transaction, limit: int) -> list[asyncpg.Record]:
    """Lock watches that are due for a look and that nobody else looks at."""
    return await tx.fetch(_CLAIM, tx.now, limit)


async def get_watch(tx: Transaction, order_id: UUID) -> asyncpg.Record | None:
    """Read one order's watch."""
    return await tx.row("select * from watch where order_id = $1", order_id)


async def lock_watch(tx: Transaction, order_id: UUID) -> asyncpg.Record | None:
    """Read one order's watch and hold off the facts of its order meanwhile."""
    return await tx.row("select * from watch where order_id = $1 for no key update", order_id)


async def get_latest_known(tx: Transaction, order_id: UUID) -> datetime | None:
    """Give the latest date anybody has named for an order: a carrier's estimate, or goods still expected."""
    latest: datetime | None = await tx.value(_LATEST_KNOWN, order_id)
    return latest


async def set_next_checks(tx: Transaction, looks: Sequence[tuple[UUID, datetime | None]]) -> None:
    """Store when each order is due again."""
    await tx.execute(
        "update watch w set next_check_at = n.at, checked_at = $3 "
        "from unnest($1::uuid[], $2::timestamptz[]) as n(order_id, at) where w.order_id = n.order_id",
        [order_id for order_id, _ in looks],
        [at for _, at in looks],
        tx.now,
    )


async def load_known(tx: Transaction, watches: Sequence[asyncpg.Record]) -> Known:
    """Read everything that belongs to the watches."""
    order_ids = [watch["order_id"] for watch in watches]
    rows: dict[str, Rows] = {}
    for table in _TABLES:
        by_order: dict[UUID, list[asyncpg.Record]] = defaultdict(list)
        for row in await tx.fetch(_BY_ORDER.format(table=table), order_ids):
            by_order[row["order_id"]].append(row)
        rows[table] = by_order
    parcels = [row for found in rows["watch_parcel"].values() for row in found]
    unscanned = sorted({row["hand_over"] for row in parcels if row["last_scan_at"] is None})
    siblings = {row["hand_over"]: row["scanned"] for row in await tx.fetch(_SIBLINGS, unscanned)} if unscanned else {}
    fulfilments = [row for found in rows["watch_fulfilment"].values() for row in found]
    locations = sorted({row["location"] for row in (*parcels, *fulfilments)})
    countries = {row["location"]: row["country"] for row in await tx.fetch(_COUNTRIES, locations)}
    return Known(watches, rows, siblings, countries)


def facts_of(watch: asyncpg.Record, known: Known) -> OrderFacts:
    """Give the facts of one order."""
    order_id: UUID = watch["order_id"]
    lines = known.rows["watch_line"].get(order_id, ())
    parcels = known.rows["watch_parcel"].get(order_id, ())
    fulfilments = known.rows["watch_fulfilment"].get(order_id, ())
    reported = _reported(known.rows["watch_report"].get(order_id, ()))
    delivered = _delivered(parcels)
    ended = watch["ended_at"] is not None
    return OrderFacts(
        order_id=str(order_id),
        placed_at=watch["placed_at"],
        service_level=watch["service_level"],
        country=watch["country"],
        zone=watch["zone"],
        promise=PromiseFacts(
            watch["promise_revision"],
            watch["ship_by"],
            watch["deliver_by"],
            watch["first_deliver_by"],
            watch["promise_revised_at"],
            watch["agreed_revision"],
        ),
        international=_is_international(watch, (*fulfilments, *parcels), known.countries),
        ended=ended,
        units_in_house=0 if ended else sum(map(_in_house, lines)),
        undelivered_units=0 if ended else sum(_undelivered(line, delivered) for line in lines),
        ship_after=watch["ship_after"],
        steps=()
        if ended
        else tuple(_step(row) for row in known.rows["watch_step"].get(order_id, ()) if not row["ended"]),
        lines=() if ended else tuple(map(_line, lines)),
        fulfilments=() if ended else tuple(_fulfilment(row) for row in fulfilments if _is_open(row, lines)),
        parcels=tuple(_parcel(row, known.siblings, reported) for row in parcels if _has_left(row)),
    )


def _has_left(parcel: asyncpg.Record) -> bool:
    """Say whether a parcel left the house: by our scan, or on a label given back by the carrier's alone."""
    scanned = parcel["last_scan_at"] is not None and _STRAY in parcel["flags"] and parcel["position"] in _POSITIONS
    return scanned or parcel["handed_over_at"] is not None


def _delivered(parcels: Sequence[asyncpg.Record]) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for parcel in parcels:
        for content in parcel["contents"] if parcel["delivered_at"] is not None else ():
            totals[content["line_id"]] += content["quantity"]
    return totals


def _in_house(line: asyncpg.Record) -> int:
    if not line["requires_shipping"]:
        return 0
    settled: int = line["cancelled"] + max(line["made_whole"], line["handed_over"])
    return max(0, int(line["ordered"]) - settled)


def _undelivered(line: asyncpg.Record, delivered: Mapping[str, int]) -> int:
    if not line["requires_shipping"]:
        return 0
    settled: int = line["cancelled"] + line["made_whole"] + delivered.get(str(line["line_id"]), 0)
    return max(0, int(line["ordered"]) - settled)


def _is_open(fulfilment: asyncpg.Record, lines: Sequence[asyncpg.Record]) -> bool:
    if fulfilment["handed_over_at"] is not None or fulfilment["cancelled_at"] is not None:
        return False
    open_lines = {str(line["line_id"]) for line in lines if _in_house(line)}
    return any(unit["line_id"] in open_lines for unit in fulfilment["lines"])


def _is_international(watch: asyncpg.Record, places: Sequence[asyncpg.Record], countries: Mapping[str, str]) -> bool:
    known = {countries[place["location"]] for place in places if place["location"] in countries}
    return bool(known) and watch["country"] not in known


def _step(row: asyncpg.Record) -> StepFacts:
    return StepFacts(f"{row['about']}/{row['step']}", row["holder"], row["since"], row["due_at"], row["unblock"])


def _line(row: asyncpg.Record) -> LineFacts:
    waiting = _in_house(row)
    return LineFacts(
        line_id=str(row["line_id"]),
        backordered=min(row["backordered"], waiting),
        expected_at=row["expected_at"],
        short=min(row["short"], waiting),
        short_reason=row["short_reason"],
    )


def _fulfilment(row: asyncpg.Record) -> FulfilmentFacts:
    return FulfilmentFacts(
        fulfilment_id=str(row["fulfilment_id"]),
        location=row["location"],
        cut_off_at=row["cut_off_at"],
        planned_at=row["planned_at"],
        started_at=row["started_at"],
        packed_at=row["packed_at"],
        handed_over_at=row["handed_over_at"],
        queue_depth=row["queue_depth"],
    )


async def list_reports(tx: Transaction, order_id: UUID, *, limit: int) -> list[asyncpg.Record]:
    """List what people reported about an order, the latest first."""
    question = "select * from watch_report where order_id = $1 order by reported_at desc, id desc limit $2"
    return await tx.fetch(question, order_id, limit)


_FLAG_OF_REPORT = {"damage": "damaged"}
"""By which flag a carrier says what people report by another word."""


def _reported(reports: Sequence[asyncpg.Record]) -> dict[UUID, set[str]]:
    """Give what people reported of parcels, as flags; a report from before the hand-over waits for it."""
    flags: dict[UUID, set[str]] = defaultdict(set)
    for report in reports:
        if report["parcel_id"] is not None:
            flags[report["parcel_id"]].add(_FLAG_OF_REPORT.get(report["kind"], report["kind"]))
    return flags


_POSITIONS: Mapping[str, Position] = {
    **{position.value: position for position in Position},
    "delivery_corrected": Position.IN_TRANSIT,
}


def _parcel(row: asyncpg.Record, siblings: Mapping[str, float], reported: Mapping[UUID, set[str]]) -> ParcelFacts:
    flags = frozenset(row["flags"]) | reported.get(row["parcel_id"], set())
    return ParcelFacts(
        parcel_id=str(row["parcel_id"]),
        carrier=row["carrier"],
        service=row["service"],
        handed_over_at=row["handed_over_at"] or min(row["scans"], default=row["last_scan_at"]),
        position=_POSITIONS.get(row["position"], Position.HANDED_OVER),
        last_scan_at=row["last_scan_at"],
        out_for_delivery_at=row["out_for_delivery_at"],
        siblings_scanned=siblings.get(row["hand_over"], 0.0),
        flags=flags,
        attempts=row["attempts"],
        pickup_expires_at=row["pickup_expires_at"],
        carrier_estimate=row["carrier_estimate"],
    )
