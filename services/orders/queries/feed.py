"""The storefronts' feeds: events numbered without gaps, and their deliveries."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.orders.models import WebhookEndpoint
from services.orders.queries.orders import as_model
from services.orders.states import DeliveryState
from shared.db import Transaction

NEXT_UNNUMBERED = "select min(created_at) from public_event where sequence is null"
NEXT_DELIVERY = """
select min(d.due_at) from webhook_delivery d join webhook_endpoint w on w.id = d.endpoint_id
where d.state = 'pending' and not exists (
  select from pause_switch p where p.kind = 'webhooks' and p.scope in ('*', w.storefront_id::text))
"""
NEXT_EXPIRY = "select date_trunc('day', min(created_at)) + make_interval(days => {days} + 1) from public_event"

_LOCK_FEEDS = """
insert into storefront_feed (storefront_id, test, sequence)
select distinct storefront_id, test, 0 from public_event where sequence is null order by storefront_id, test
on conflict (storefront_id, test) do update set sequence = storefront_feed.sequence
"""
# A statement after the lock's: it sees what the numberer before us did.
_NUMBER = """
with fresh as (
  select ordinal, storefront_id, test, row_number() over (partition by storefront_id, test order by ordinal) as place
  from (select ordinal, storefront_id, test from public_event where sequence is null order by ordinal limit $1) oldest
), moved as (
  update storefront_feed f set sequence = f.sequence + c.count
  from (select storefront_id, test, count(*) as count from fresh group by storefront_id, test) c
  where f.storefront_id = c.storefront_id and f.test = c.test
  returning f.storefront_id, f.test, f.sequence - c.count as base
), numbered as (
  update public_event e set sequence = m.base + n.place
  from fresh n join moved m using (storefront_id, test) where e.ordinal = n.ordinal
  returning e.id, e.storefront_id, e.type, e.test, e.created_at, e.sequence
), sent as (
  insert into webhook_delivery (id, endpoint_id, event_id, state, attempts, due_at, created_at)
  select gen_random_uuid(), w.id, n.id, 'pending', 0, n.created_at, $2
  from numbered n join webhook_endpoint w on w.storefront_id = n.storefront_id and w.state = 'active'
    and w.test = n.test and (n.type = any(w.events) or ('*' = any(w.events) and n.type <> 'availability.changed'))
)
select count(*)::int from numbered
"""
_PAGE = """
select * from public_event where storefront_id = $1 and test = $2 and sequence > $3 order by sequence limit $4
"""
_CLAIM = """
update webhook_delivery d set lease_until = $2, attempts = d.attempts + 1
from (
  select d.id from webhook_delivery d join webhook_endpoint w on w.id = d.endpoint_id
  where d.state = 'pending' and d.due_at <= $1 and (d.lease_until is null or d.lease_until <= $3)
    and (d.retry_at is null or d.retry_at <= $3) and not exists (
      select from pause_switch p where p.kind = 'webhooks' and p.scope in ('*', w.storefront_id::text))
  order by d.due_at, d.id limit $4 for update of d skip locked
) mine, webhook_endpoint w, public_event e
where d.id = mine.id and w.id = d.endpoint_id and e.id = d.event_id
returning d.id, d.attempts, d.endpoint_id, w.url, w.secret, w.previous_secret, w.previous_secret_until,
  e.id as event_id, e.type, e.created_at, e.order_id, e.reference, e.sequence, e.test, e.data
"""
_EXPIRE = """
with old as (
  delete from public_event where created_at < $1 and sequence is not null returning storefront_id, test, sequence
), moved as (
  update storefront_feed f set dropped_until = greatest(f.dropped_until, o.last)
  from (select storefront_id, test, max(sequence) as last from old group by storefront_id, test) o
  where f.storefront_id = o.storefront_id and f.test = o.test
)
select count(*)::int from old
"""
_LOG = """
select d.*, e.type from webhook_delivery d join public_event e on e.id = d.event_id
where d.endpoint_id = $1 order by d.created_at desc, d.id desc limit $2
"""


async def number_events(tx: Transaction, limit: int) -> int:
    """Number the oldest unnumbered events and make their deliveries; gives how many."""
    await tx.execute(_LOCK_FEEDS)
    tx.wrote = True
    return int(await tx.value(_NUMBER, limit, tx.now))


async def list_events(
    tx: Transaction, storefront_id: UUID, *, test: bool, after: int, limit: int
) -> list[asyncpg.Record]:
    """List a page of a feed by its numbers."""
    return await tx.fetch(_PAGE, storefront_id, test, after, limit)


async def dropped_until(tx: Transaction, storefront_id: UUID, *, test: bool) -> int:
    """Give the last number that is no longer kept."""
    found = await tx.value(
        "select dropped_until from storefront_feed where storefront_id = $1 and test = $2", storefront_id, test
    )
    return int(found or 0)


async def claim_deliveries(tx: Transaction, lease: datetime, real: datetime, limit: int) -> list[asyncpg.Record]:
    """Claim deliveries whose turn it is, with a lease on the real clock."""
    tx.wrote = True
    return await tx.fetch(_CLAIM, tx.now, lease, real, limit)


async def finish_delivery(
    tx: Transaction, delivery_id: UUID, state: DeliveryState, status: int | None, error: str | None
) -> None:
    """Write a delivery's end."""
    await tx.execute(
        "update webhook_delivery set state = $2, due_at = null, lease_until = null, last_status = $3, last_error = $4, "
        "delivered_at = case when $2 = 'delivered' then $5::timestamptz end where id = $1 and state = 'pending'",
        delivery_id,
        str(state),
        status,
        error,
        tx.now,
    )


async def retry_delivery(
    tx: Transaction, delivery_id: UUID, retry_at: datetime, status: int | None, error: str
) -> None:
    """Write when a delivery is tried again, by the real clock."""
    await tx.execute(
        "update webhook_delivery set retry_at = $2, lease_until = null, last_status = $3, last_error = $4 "
        "where id = $1",
        delivery_id,
        retry_at,
        status,
        error,
    )


async def disable_endpoint(tx: Transaction, endpoint_id: UUID, reason: str) -> None:
    """Send nothing there any more."""
    await tx.execute(
        "update webhook_endpoint set state = 'disabled', disabled_reason = $2 where id = $1", endpoint_id, reason
    )
    await tx.execute(
        "update webhook_delivery set state = 'failed', due_at = null, last_error = $2 "
        "where endpoint_id = $1 and state = 'pending'",
        endpoint_id,
        reason,
    )


async def drop_events(tx: Transaction, before: datetime) -> int:
    """Drop events older than the feed keeps."""
    tx.wrote = True
    return int(await tx.value(_EXPIRE, before))


async def list_endpoints(tx: Transaction, storefront_id: UUID, *, test: bool) -> list[WebhookEndpoint]:
    """List a storefront's endpoints."""
    rows = await tx.fetch(
        "select * from webhook_endpoint where storefront_id = $1 and test = $2 order by id", storefront_id, test
    )
    return [as_model(WebhookEndpoint, row) for row in rows]


async def count_endpoints(tx: Transaction, storefront_id: UUID) -> int:
    """Count the endpoints we send to, those of tests too; the storefront's row is locked, so that none slips in."""
    await tx.execute("select from storefront where id = $1 for no key update", storefront_id)
    question = "select count(*) from webhook_endpoint where storefront_id = $1 and state = 'active'"
    return int(await tx.value(question, storefront_id))


async def lock_endpoint(tx: Transaction, storefront_id: UUID, endpoint_id: UUID) -> WebhookEndpoint | None:
    """Lock one of a storefront's endpoints."""
    row = await tx.row(
        "select * from webhook_endpoint where id = $1 and storefront_id = $2 for no key update",
        endpoint_id,
        storefront_id,
    )
    return as_model(WebhookEndpoint, row) if row is not None else None


async def list_deliveries(tx: Transaction, endpoint_id: UUID, limit: int) -> list[asyncpg.Record]:
    """List an endpoint's deliveries, newest first."""
    return await tx.fetch(_LOG, endpoint_id, limit)


async def has_event(tx: Transaction, storefront_id: UUID, event_id: UUID, *, test: bool) -> bool:
    """Say whether a storefront's feed keeps this event."""
    return bool(
        await tx.value(
            "select exists (select from public_event where id = $1 and storefront_id = $2 and test = $3)",
            event_id,
            storefront_id,
            test,
        )
    )


async def subscribers(tx: Transaction, event_type: str) -> Sequence[asyncpg.Record]:
    """Give (storefront, test) that ask for an event by its name."""
    return await tx.fetch(
        "select distinct storefront_id, test from webhook_endpoint where state = 'active' and $1 = any(events)",
        event_type,
    )


async def find_shipment(tx: Transaction, storefront_id: UUID, shipment_id: UUID) -> asyncpg.Record | None:
    """Find a shipment of a storefront's order, and whether the order is a test."""
    return await tx.row(
        "select p.shipment_id, o.test from parcel p join orders o on o.id = p.order_id "
        "where p.shipment_id = $1 and o.storefront_id = $2",
        shipment_id,
        storefront_id,
    )
