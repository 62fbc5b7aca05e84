"""Fulfilments and parcels as the facts tell them: written by inventory's and shipping's events in either order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from services.care.models import WatchFulfilment
from services.care.models.columns import Units
from shared.db import Transaction
from shared.events.shipping import ShipmentProgressed

_FULFILMENTS = """
insert into watch_fulfilment (fulfilment_id, order_id, location, cut_off_at, planned_at, queue_depth, lines)
select f.fulfilment_id, f.order_id, f.location, f.cut_off_at, f.planned_at, f.queue_depth, f.lines::jsonb
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::text[])
as f(fulfilment_id, order_id, location, cut_off_at, planned_at, queue_depth, lines)
on conflict (fulfilment_id) do update set cut_off_at = excluded.cut_off_at, queue_depth = excluded.queue_depth,
  lines = excluded.lines
"""
_CLOSED = """
insert into watch_parcel (parcel_id, order_id, fulfilment_id, location, contents)
select p.parcel_id, p.order_id, p.fulfilment_id, p.location, p.contents::jsonb
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
as p(parcel_id, order_id, fulfilment_id, location, contents)
on conflict (parcel_id) do update set fulfilment_id = excluded.fulfilment_id, location = excluded.location,
  contents = excluded.contents
"""
_HANDED_OVER = """
insert into watch_parcel (parcel_id, order_id, fulfilment_id, location, contents, handed_over_at, hand_over, position)
select p.parcel_id, p.order_id, p.fulfilment_id, p.location, p.contents::jsonb, p.at, p.hand_over, 'handed_over'
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
as p(parcel_id, order_id, fulfilment_id, location, contents, at, hand_over)
on conflict (parcel_id) do update set fulfilment_id = excluded.fulfilment_id, location = excluded.location,
  contents = excluded.contents, handed_over_at = excluded.handed_over_at, hand_over = excluded.hand_over,
  position = coalesce(nullif(watch_parcel.position, ''), excluded.position)
"""
_BOOKED = """
insert into watch_parcel (parcel_id, order_id, carrier, service, tracking_number, carrier_estimate)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
on conflict (parcel_id) do update set carrier = excluded.carrier, service = excluded.service,
  tracking_number = excluded.tracking_number,
  carrier_estimate = coalesce(excluded.carrier_estimate, watch_parcel.carrier_estimate)
"""
# Only a physical scan moves the last scan on; a fact that arrives late never moves it back. What was delivered may be
# on its way back to us; anywhere else its delivery was corrected.
_PROGRESSED = """
insert into watch_parcel as p (parcel_id, order_id, carrier, service, tracking_number, position, last_scan_at,
  out_for_delivery_at, flags, attempts, pickup_expires_at, carrier_estimate, scans, milestones, carrier_exception_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
on conflict (parcel_id) do update set carrier = excluded.carrier, service = excluded.service,
  tracking_number = excluded.tracking_number, position = excluded.position,
  last_scan_at = greatest(p.last_scan_at, excluded.last_scan_at),
  out_for_delivery_at = coalesce(excluded.out_for_delivery_at, p.out_for_delivery_at),
  flags = excluded.flags, attempts = greatest(p.attempts, excluded.attempts),
  pickup_expires_at = coalesce(excluded.pickup_expires_at, p.pickup_expires_at),
  carrier_estimate = coalesce(excluded.carrier_estimate, p.carrier_estimate),
  delivered_at = case when excluded.position in ('delivered', 'returning_to_sender', 'returned_to_sender')
    then p.delivered_at end,
  scans = (p.scans || excluded.scans)[greatest(1, cardinality(p.scans) - 98):],
  milestones = (p.milestones || excluded.milestones)[greatest(1, cardinality(p.milestones) - 98):],
  carrier_exception_at = least(p.carrier_exception_at, excluded.carrier_exception_at)
"""
_DELIVERED = """
insert into watch_parcel as p (parcel_id, order_id, carrier, service, tracking_number, position, delivered_at,
  last_scan_at)
select d.*, d.at from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
  $7::timestamptz[]) as d(parcel_id, order_id, carrier, service, tracking_number, position, at)
on conflict (parcel_id) do update set position = excluded.position, delivered_at = excluded.delivered_at,
  last_scan_at = greatest(p.last_scan_at, excluded.last_scan_at)
"""
# Shorter gaps are the rhythm of a feed that speaks; what they could teach is far below the floor of the rule.
_FEED_GAPS = """
insert into sample (stage, key, finished_at, hours)
select 'feed_event_to_next', f.carrier, $2::timestamptz,
  extract(epoch from $2::timestamptz - f.last_event_at) / 3600
from carrier_feed f where f.carrier = any($1::text[]) and $2::timestamptz - f.last_event_at >= interval '15 minutes'
order by f.carrier
"""
_FEED = """
insert into carrier_feed (carrier, last_event_at, next_check_at)
select carrier, max(at), max(at) + interval '6 hours'
from unnest($1::text[], $2::timestamptz[]) as f(carrier, at) where carrier <> '' group by carrier order by carrier
on conflict (carrier) do update set last_event_at = greatest(carrier_feed.last_event_at, excluded.last_event_at),
  next_check_at = case when carrier_feed.silent_since is null then carrier_feed.next_check_at else $3 end
"""

_TOLD_AS_EXCEPTION = frozenset({"loss_suspected", "address_problem", "unmapped"})
"""What a fact says as its exception only, for as long as no newer one says otherwise."""
_NOT_THE_CARRIERS = frozenset({"", "staff", "test"})
"""What stands where a carrier's own status would when the fact is ours: our dispatch scan, a person's word."""
_NO_TROUBLE = frozenset({"", "unmapped", "voided_label_used"})
"""Exceptions by which a carrier does not say that something is wrong with a parcel."""

FulfilmentRow = tuple[UUID, UUID, str, datetime, datetime, int, list[Units]]
ParcelRow = tuple[UUID, UUID, UUID, str, list[Units]]


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Turn rows into columns; lists travel as JSON text, since a list of lists would be a matrix to the driver."""
    return [
        [orjson.dumps(value).decode() if isinstance(value, list) else value for value in column]
        for column in zip(*rows, strict=True)
    ]


def ships_from(table: str, location: str) -> str:
    """Make the condition that a row's order has a part that a warehouse ships; what no one planned yet has none."""
    return f"exists (select from watch_fulfilment f where f.order_id = {table}.order_id and f.location = {location})"


def of_cut(table: str, first: int) -> str:
    """Make the condition that a row's order ships from the warehouse and with the carrier of two parameters, if any."""
    location, carrier = f"${first}::text", f"${first + 1}::text"
    ships_with = f"exists (select from watch_parcel p where p.order_id = {table}.order_id and p.carrier = {carrier})"
    return f"({location} is null or {ships_from(table, location)}) and ({carrier} is null or {ships_with})"


async def plan_fulfilments(tx: Transaction, rows: Sequence[FulfilmentRow]) -> None:
    """Insert (fulfilment, order, location, cut-off, planned_at, queue depth, lines)."""
    await tx.write(_FULFILMENTS, *_columns(rows))


async def mark_fulfilments(tx: Transaction, column: str, rows: Sequence[tuple[UUID, datetime]]) -> None:
    """Set the first time a fulfilment was started, packed, handed over or cancelled."""
    if column not in WatchFulfilment.model_fields:
        raise ValueError(f"{column} is no column of a fulfilment")
    await tx.execute(
        f"update watch_fulfilment f set {column} = coalesce(f.{column}, m.at) "
        "from unnest($1::uuid[], $2::timestamptz[]) as m(fulfilment_id, at) where f.fulfilment_id = m.fulfilment_id",
        *_columns(rows),
    )


async def unpack_fulfilments(tx: Transaction, fulfilment_ids: Sequence[UUID]) -> None:
    """Note that parcels of these fulfilments were opened again."""
    await tx.execute(
        "update watch_fulfilment set packed_at = null where fulfilment_id = any($1::uuid[])", list(fulfilment_ids)
    )


async def close_parcels(tx: Transaction, rows: Sequence[ParcelRow]) -> None:
    """Insert (parcel, order, fulfilment, location, contents)."""
    await tx.execute(_CLOSED, *_columns(rows))


async def hand_over_parcels(tx: Transaction, rows: Sequence[tuple[object, ...]]) -> None:
    """Note the dispatch scan: (parcel, order, fulfilment, location, contents, at, hand-over's name)."""
    await tx.execute(_HANDED_OVER, *_columns(rows))


async def book_parcels(tx: Transaction, rows: Sequence[tuple[object, ...]]) -> None:
    """Note the label: (parcel, order, carrier, service, tracking number, carrier's estimate)."""
    await tx.execute(_BOOKED, *_columns(rows))


def is_carriers_word(fact: ShipmentProgressed) -> bool:
    """Say whether a carrier's feed told a fact."""
    return fact.raw_status not in _NOT_THE_CARRIERS


async def progress_parcels(tx: Transaction, facts: Sequence[ShipmentProgressed]) -> None:
    """Note where carriers say parcels are."""
    rows = []
    for fact in facts:
        scanned_at = fact.scanned_at if fact.physical_scan else None
        flags = set(fact.flags) | ({fact.exception} & _TOLD_AS_EXCEPTION)
        estimate = fact.estimate.deliver_at if fact.estimate and fact.estimate.source == "carrier" else None
        rows.append(
            (
                fact.parcel_id,
                fact.order_id,
                fact.carrier,
                fact.service,
                fact.tracking_number,
                fact.position,
                scanned_at,
                fact.scanned_at if fact.position == "out_for_delivery" else None,
                sorted(flags),
                fact.attempts,
                fact.pickup_expires_at,
                estimate,
                [scanned_at] if scanned_at else [],
                [fact.position] if scanned_at else [],
                fact.scanned_at if is_carriers_word(fact) and fact.exception not in _NO_TROUBLE else None,
            )
        )
    await tx.execute_many(_PROGRESSED, rows)


async def deliver_parcels(tx: Transaction, rows: Sequence[tuple[object, ...]]) -> None:
    """Note deliveries: (parcel, order, carrier, service, tracking number, position, at)."""
    await tx.execute(_DELIVERED, *_columns(rows))


async def hear_feeds(tx: Transaction, heard: Sequence[tuple[str, datetime]]) -> None:
    """Note that carriers' feeds spoke, and how long they had not; a silent one is looked at again at once."""
    if not heard:
        return
    await tx.execute(_FEED_GAPS, sorted({carrier for carrier, _ in heard}), tx.now)
    await tx.execute(_FEED, [carrier for carrier, _ in heard], [at for _, at in heard], tx.now)


async def list_parcels(tx: Transaction, order_id: UUID) -> list[asyncpg.Record]:
    """List an order's parcels, the one that left last at the end."""
    return await tx.fetch(
        "select * from watch_parcel where order_id = $1 order by handed_over_at nulls first, parcel_id", order_id
    )
