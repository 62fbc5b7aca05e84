"""Reads and locks of orders' demand and of the reservations that serve it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.inventory.states.stock import ReservationState
from shared.db import Transaction
from shared.failpoints import barrier

_DEMAND = """
d.order_id, d.number, d.service_level, d.country_code, d.postal_zone, d.priority, d.ship_by, d.ship_after,
d.placed_at, d.partial_shipments, d.soft_until, d.ended_at
"""
_RESERVATION = """
r.id, r.order_id, r.line_id, r.sku, r.location, r.quantity, r.state, r.pinned, r.expected_at, r.cancellation_id,
r.since, r.version
"""
_LOCK_ORDERS = (
    f"select {_DEMAND} from order_demand d where order_id = any($1::uuid[]) order by order_id for no key update"
)
# A wave writes all its rows of a table by one statement: by hand, since a mapper would send them row by row.
_INSERT_ORDERS = """
insert into order_demand (order_id, number, service_level, country_code, postal_zone, priority, ship_by, ship_after,
  placed_at, partial_shipments, soft_until)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::timestamptz[],
  $8::timestamptz[], $9::timestamptz[], $10::text[], $11::timestamptz[])
"""
_LIST = (
    f"select {_RESERVATION} from reservation r where r.order_id = any($1::uuid[]) order by r.order_id, r.line_id, r.id"
)
# Headers are locked while stock is: never wait for one here, or two orders of locks would meet.
_WAITING = f"""
select {_RESERVATION}, {_DEMAND} from reservation r join order_demand d using (order_id)
where r.sku = any($1::text[]) and r.state = 'backordered' and d.ended_at is null
order by d.priority desc, d.ship_by, d.placed_at, d.order_id, r.line_id
limit $2 for no key update of d skip locked
"""
_HOLDERS = f"""
select {_RESERVATION}, {_DEMAND} from reservation r join order_demand d using (order_id)
where r.sku = $1 and r.location = $2 and r.state in ('soft_reserved', 'allocated') and r.cancellation_id is null
order by d.ship_by desc, d.priority, d.placed_at desc, d.order_id desc, r.id
limit $3 for no key update of d skip locked
"""
_EXPIRED = f"""
select {_DEMAND} from order_demand d where d.soft_until <= $1 order by d.soft_until, d.order_id
limit $2 for no key update skip locked
"""
_INSERT = """
insert into reservation (id, order_id, line_id, sku, location, quantity, state, pinned, expected_at, cancellation_id,
  since)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[],
  $9::timestamptz[], $10::uuid[], $11::timestamptz[])
"""
# The old state and version stand in the statement itself: what somebody else changed meanwhile is not overwritten.
_UPDATE = """
update reservation r set quantity = m.quantity, state = m.state, location = m.location, expected_at = m.expected_at,
  cancellation_id = m.cancellation_id, since = m.since, version = r.version + 1
from unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::text[], $7::timestamptz[], $8::uuid[],
  $9::timestamptz[]) as m(id, version, old, quantity, state, location, expected_at, cancellation_id, since)
where r.id = m.id and r.version = m.version and r.state = m.old
"""


@dataclass(frozen=True, slots=True)
class Units:
    """Units of an order line at one location."""

    order_id: UUID
    line_id: UUID
    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Demand:
    """What an order needs of stock and how urgently; its row is the lock of all its reservations."""

    order_id: UUID
    number: str
    service_level: str
    country_code: str
    postal_zone: str
    priority: int
    ship_by: datetime
    ship_after: datetime | None
    placed_at: datetime
    partial_shipments: str = "none"
    soft_until: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units of a line that stand together: same place, same state."""

    id: UUID
    order_id: UUID
    line_id: UUID
    sku: str
    location: str | None
    quantity: int
    state: ReservationState
    pinned: str | None
    expected_at: datetime | None
    cancellation_id: UUID | None
    since: datetime
    version: int = 1


def _demand(row: asyncpg.Record) -> Demand:
    return Demand(
        row["order_id"], row["number"], row["service_level"], row["country_code"], row["postal_zone"], row["priority"],
        row["ship_by"], row["ship_after"], row["placed_at"], row["partial_shipments"],
        row["soft_until"], row["ended_at"],
    )  # fmt: skip


def _reservation(row: asyncpg.Record) -> Reservation:
    return Reservation(
        row["id"], row["order_id"], row["line_id"], row["sku"], row["location"], row["quantity"],
        ReservationState(row["state"]), row["pinned"], row["expected_at"], row["cancellation_id"], row["since"],
        row["version"],
    )  # fmt: skip


async def insert_orders(tx: Transaction, demands: Sequence[Demand]) -> None:
    """Enter orders that need stock."""
    await tx.execute(
        _INSERT_ORDERS,
        [d.order_id for d in demands],
        [d.number for d in demands],
        [d.service_level for d in demands],
        [d.country_code for d in demands],
        [d.postal_zone for d in demands],
        [d.priority for d in demands],
        [d.ship_by for d in demands],
        [d.ship_after for d in demands],
        [d.placed_at for d in demands],
        [d.partial_shipments for d in demands],
        [d.soft_until for d in demands],
    )


async def lock_orders(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Demand]:
    """Lock orders' demand in id order, the first lock of every act on reservations; unknown ones are absent."""
    rows = await tx.fetch(_LOCK_ORDERS, sorted(set(order_ids)))
    await barrier("demand.locked")
    return {row["order_id"]: _demand(row) for row in rows}


async def claim_expired(tx: Transaction, now: datetime, limit: int) -> dict[UUID, Demand]:
    """Lock orders whose payment hold has run out, oldest first."""
    rows = await tx.fetch(_EXPIRED, now, limit)
    return {row["order_id"]: _demand(row) for row in rows}


async def set_soft_until(tx: Transaction, order_ids: Collection[UUID], moment: datetime | None) -> None:
    """Set until when orders' reservations are soft; None makes them firm."""
    await tx.execute(
        "update order_demand set soft_until = $2 where order_id = any($1::uuid[])", list(order_ids), moment
    )


async def end_orders(tx: Transaction, order_ids: Collection[UUID]) -> None:
    """Note that orders need no stock any more."""
    await tx.execute(
        "update order_demand set ended_at = coalesce(ended_at, $2), soft_until = null where order_id = any($1::uuid[])",
        list(order_ids),
        tx.now,
    )


async def set_ship_by(tx: Transaction, terms: Collection[tuple[UUID, datetime]]) -> None:
    """Change by when orders shall leave, by which they rank."""
    await tx.execute_many("update order_demand set ship_by = $2 where order_id = $1", terms)


async def set_ship_after(tx: Transaction, terms: Collection[tuple[UUID, datetime | None]]) -> None:
    """Change before when orders shall not leave; None lets them leave at once."""
    await tx.execute_many("update order_demand set ship_after = $2 where order_id = $1", terms)


async def list_reservations(tx: Transaction, order_ids: Collection[UUID]) -> list[Reservation]:
    """List all reservations of orders, ended ones too; lock the orders first to rely on them."""
    return [_reservation(row) for row in await tx.fetch(_LIST, sorted(set(order_ids)))]


async def order_of_reservation(tx: Transaction, reservation_id: UUID) -> UUID | None:
    """Give the order a reservation serves."""
    order_id: UUID | None = await tx.value("select order_id from reservation where id = $1", reservation_id)
    return order_id


async def list_allocated(tx: Transaction, order_ids: Collection[UUID]) -> list[Units]:
    """List firm units by line and location, without those of an open cancellation."""
    rows = await tx.fetch(
        "select order_id, line_id, sku, location, sum(quantity)::int as quantity from reservation "
        "where order_id = any($1::uuid[]) and state = 'allocated' and cancellation_id is null "
        "group by order_id, line_id, sku, location order by order_id, line_id, location",
        sorted(set(order_ids)),
    )
    return [Units(**dict(row)) for row in rows]


async def claim_waiting(tx: Transaction, skus: Collection[str], limit: int) -> list[tuple[Demand, Reservation]]:
    """Lock the orders first in line for these SKUs and give their backordered units; locked orders are passed over."""
    return [(_demand(row), _reservation(row)) for row in await tx.fetch(_WAITING, list(skus), limit)]


async def claim_holders(tx: Transaction, sku: str, location: str, limit: int) -> list[tuple[Demand, Reservation]]:
    """Lock the orders whose units here would be missed last, latest promise first; locked orders are passed over."""
    return [(_demand(row), _reservation(row)) for row in await tx.fetch(_HOLDERS, sku, location, limit)]


async def list_queue(tx: Transaction, skus: Collection[str]) -> list[tuple[str, str | None, int]]:
    """Sum the units that wait by SKU and pinned location."""
    rows = await tx.fetch(
        "select sku, pinned, sum(quantity)::int as quantity from reservation "
        "where sku = any($1::text[]) and state = 'backordered' group by sku, pinned order by sku, pinned nulls last",
        list(skus),
    )
    return [(row["sku"], row["pinned"], row["quantity"]) for row in rows]


async def list_avoided(tx: Transaction, line_ids: Collection[UUID]) -> dict[UUID, frozenset[str]]:
    """Give the locations that shorted each line and are not offered it again."""
    rows = await tx.fetch(
        "select line_id, array_agg(location) as locations from avoided_location "
        "where line_id = any($1::uuid[]) group by line_id",
        list(line_ids),
    )
    return {row["line_id"]: frozenset(row["locations"]) for row in rows}


async def avoid_location(tx: Transaction, line_id: UUID, location: str, sku: str, reason: str) -> None:
    """Note that a location shorted a line."""
    await tx.execute(
        "insert into avoided_location (line_id, location, sku, reason, at) values ($1, $2, $3, $4, $5) "
        "on conflict do nothing",
        line_id,
        location,
        sku,
        reason,
        tx.now,
    )


async def forgive_locations(tx: Transaction, keys: Sequence[tuple[str, str]]) -> None:
    """Offer (SKU, location) again after units were received or counted there: what was missing is known now."""
    await tx.execute(
        "delete from avoided_location a using unnest($1::text[], $2::text[]) as k(sku, location) "
        "where a.sku = k.sku and a.location = k.location",
        [sku for sku, _ in keys],
        [location for _, location in keys],
    )


async def insert_reservations(tx: Transaction, rows: Sequence[Reservation]) -> None:
    """Insert reservations."""
    await tx.write(
        _INSERT,
        [r.id for r in rows],
        [r.order_id for r in rows],
        [r.line_id for r in rows],
        [r.sku for r in rows],
        [r.location for r in rows],
        [r.quantity for r in rows],
        [r.state for r in rows],
        [r.pinned for r in rows],
        [r.expected_at for r in rows],
        [r.cancellation_id for r in rows],
        [r.since for r in rows],
    )


async def update_reservations(tx: Transaction, changes: Sequence[tuple[Reservation, Reservation]]) -> int:
    """Change reservations from (old) to (new), guarded by old state and version; give how many matched."""
    return await tx.execute(
        _UPDATE,
        [old.id for old, _ in changes],
        [old.version for old, _ in changes],
        [old.state for old, _ in changes],
        [new.quantity for _, new in changes],
        [new.state for _, new in changes],
        [new.location for _, new in changes],
        [new.expected_at for _, new in changes],
        [new.cancellation_id for _, new in changes],
        [new.since for _, new in changes],
    )


async def list_answered(tx: Transaction, cancellation_ids: Collection[UUID]) -> set[UUID]:
    """Give those cancellation requests that have their answer."""
    rows = await tx.fetch("select id from cancellation where id = any($1::uuid[])", list(cancellation_ids))
    return {row["id"] for row in rows}


async def count_cancelled(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, int]:
    """Sum the units that answers have cancelled, or ordered to be put back, by line."""
    rows = await tx.fetch(
        "select (o->>'line_id')::uuid as line_id, sum((o->>'quantity')::int)::int as quantity "
        "from cancellation c cross join jsonb_array_elements(c.outcomes) as o "
        "where c.order_id = any($1::uuid[]) and o->>'outcome' in ('cancelled', 'put_back_pending') group by 1",
        list(order_ids),
    )
    return {row["line_id"]: row["quantity"] for row in rows}


async def insert_answer(
    tx: Transaction, cancellation_id: UUID, order_id: UUID, reason: str, outcomes: Sequence[dict[str, object]]
) -> None:
    """Store the one answer to a cancellation request."""
    await tx.execute(
        "insert into cancellation (id, order_id, reason, answered_at, outcomes) values ($1, $2, $3, $4, $5)",
        cancellation_id,
        order_id,
        reason,
        tx.now,
        list(outcomes),
    )


async def mark_for_refill(tx: Transaction, skus: Collection[str]) -> None:
    """Have the backorders of these SKUs looked at again, if there are any."""
    await tx.execute(
        "insert into refill (sku, due_at) select s.sku, $2 from unnest($1::text[]) as s(sku) "
        "where exists (select from reservation r where r.sku = s.sku and r.state = 'backordered') "
        "order by s.sku",
        sorted(set(skus)),
        tx.now,
    )


async def claim_refill(tx: Transaction) -> str | None:
    """Take one SKU whose backorders must be looked at again off the list, with all its marks."""
    # Marks are rows of their own: whoever makes one holds stock and must not wait for us, who want that stock.
    row = await tx.row(
        "select id, sku from refill where due_at <= $1 order by id limit 1 for update skip locked", tx.now
    )
    if row is None:
        return None
    await tx.execute(
        "delete from refill where id in (select id from refill where sku = $1 for update skip locked)", row["sku"]
    )
    return str(row["sku"])


async def count_waiting(tx: Transaction, sku: str, limit: int) -> int:
    """Count reservations that wait for a SKU, up to `limit`."""
    count: int = await tx.value(
        "select count(*) from (select from reservation r join order_demand d using (order_id) "
        "where r.sku = $1 and r.state = 'backordered' and d.ended_at is null limit $2) as w",
        sku,
        limit,
    )
    return count
