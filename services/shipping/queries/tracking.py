"""Tracking events, and the history of finished parcels that estimates learn from."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from services.shipping.models import TrackingEvent
from shared.db import Transaction

_KEEP = """
insert into tracking_event (id, tracking_number, content, shipment_id, label_id, source, occurred_at, recorded_at,
  raw_status, raw_detail, message, city, region, postal_code, country_code, position, flags, exception, forced)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
on conflict (tracking_number, content) do nothing
returning id
"""
_LEARN = """
with lanes as (
  select lane, milestone, count(*) as parcels,
    percentile_disc(0.5) within group (order by minutes) as p50,
    percentile_disc(0.8) within group (order by minutes) as p80
  from finished_transit where finished_at > $1 and finished_at <= $2
  group by lane, milestone having count(*) >= $3
)
insert into transit_quantile (lane, milestone, parcels, p50_minutes, p80_minutes, computed_at)
select lane, milestone, parcels, p50, p80, $2 from lanes
on conflict (lane, milestone) do update set parcels = excluded.parcels, p50_minutes = excluded.p50_minutes,
  p80_minutes = excluded.p80_minutes, computed_at = excluded.computed_at
"""


async def keep_event(tx: Transaction, event: TrackingEvent) -> bool:
    """Store an event unless the same thing was said before; says whether it is new."""
    inserted = await tx.value(
        _KEEP,
        event.id,
        event.tracking_number,
        event.content,
        event.shipment_id,
        event.label_id,
        event.source,
        event.occurred_at,
        event.recorded_at,
        event.raw_status,
        event.raw_detail,
        event.message,
        event.city,
        event.region,
        event.postal_code,
        event.country_code,
        event.position,
        event.flags,
        event.exception,
        event.forced,
    )
    if inserted is not None:
        tx.wrote = True
    return inserted is not None


async def known_contents(tx: Transaction, tracking_number: str, contents: Sequence[str]) -> set[str]:
    """Give those of `contents` that were said of a tracking number before."""
    rows = await tx.fetch(
        "select content from tracking_event where tracking_number = $1 and content = any($2)",
        tracking_number,
        list(contents),
    )
    return {row["content"] for row in rows}


async def last_codes(tx: Transaction, tracking_number: str) -> tuple[str, str] | None:
    """Give the carrier's codes of what was last said of a tracking number."""
    row = await tx.row(
        "select raw_status, raw_detail from tracking_event where tracking_number = $1 and not forced "
        "order by occurred_at desc, id desc limit 1",
        tracking_number,
    )
    return (row["raw_status"], row["raw_detail"]) if row is not None else None


async def list_events(tx: Transaction, shipment_id: UUID) -> list[TrackingEvent]:
    """List all that was said of a shipment under any of its labels, in the order it occurred."""
    query = select(TrackingEvent).where(TrackingEvent.shipment_id == shipment_id)
    found = await tx.session.exec(query.order_by(col(TrackingEvent.occurred_at), col(TrackingEvent.id)))
    return list(found)


async def list_events_of_label(tx: Transaction, label_id: UUID) -> list[TrackingEvent]:
    """List all that was said under one label."""
    return list(await tx.session.exec(select(TrackingEvent).where(TrackingEvent.label_id == label_id)))


async def adopt_events(tx: Transaction, label_id: UUID, shipment_id: UUID, tracking_number: str) -> list[UUID]:
    """Give a label the events that came before its tracking number was known here."""
    rows = await tx.fetch(
        "update tracking_event set shipment_id = $2, label_id = $1 "
        "where tracking_number = $3 and shipment_id is null returning id",
        label_id,
        shipment_id,
        tracking_number,
    )
    if rows:
        tx.wrote = True
    return [row["id"] for row in rows]


async def keep_transits(
    tx: Transaction, shipment_id: UUID, lanes: Sequence[str], minutes: dict[str, int], finished_at: datetime
) -> None:
    """Keep how long a finished parcel took from each milestone, for each lane it belongs to."""
    rows = [
        (shipment_id, milestone, lane, taken, finished_at) for milestone, taken in minutes.items() for lane in lanes
    ]
    await tx.execute_many(
        "insert into finished_transit (shipment_id, milestone, lane, minutes, finished_at) "
        "values ($1, $2, $3, $4, $5) on conflict do nothing",
        rows,
    )


async def get_quantile(tx: Transaction, lanes: Sequence[str], milestone: str) -> tuple[int, int] | None:
    """Give p50 and p80 minutes of the first of `lanes` that has enough history."""
    row = await tx.row(
        "select p50_minutes, p80_minutes from transit_quantile where lane = any($1) and milestone = $2 "
        "order by array_position($1, lane) limit 1",
        list(lanes),
        milestone,
    )
    return (row["p50_minutes"], row["p80_minutes"]) if row is not None else None


async def learn_quantiles(tx: Transaction, since: datetime, enough: int) -> int:
    """Compute the quantiles of all lanes with enough parcels finished between `since` and now; forget the others'."""
    learned = await tx.execute(_LEARN, since, tx.now, enough)
    await tx.execute("delete from transit_quantile where computed_at < $1", tx.now)
    await tx.execute("update transit_learning set learned_at = $1", tx.now)
    return learned
