"""Shipments and the orders they belong to: reads, locks and lists."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from services.shipping.models import OrderCopy, Shipment
from shared import clock
from shared.db import Transaction

_KEEP_ORDERS = """
insert into order_copy (order_id, reference, service_level, deliver_by, test)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bool[])
"""
_POLL = """
update shipment set poll_not_before = $3
where id in (
  select id from shipment
  where poll_due_at <= $1 and (poll_not_before is null or poll_not_before <= $2)
  order by poll_due_at limit $4 for no key update skip locked)
returning id, label_id
"""


async def keep_orders(tx: Transaction, orders: Sequence[OrderCopy]) -> None:
    """Insert what shipping keeps of new orders."""
    await tx.write(
        _KEEP_ORDERS,
        [order.order_id for order in orders],
        [order.reference for order in orders],
        [order.service_level for order in orders],
        [order.deliver_by for order in orders],
        [order.test for order in orders],
    )


async def keep_locations(tx: Transaction, locations: Sequence[str]) -> None:
    """Keep the names of locations."""
    await tx.execute(
        "insert into location_copy (location) select distinct unnest($1::text[]) on conflict do nothing",
        list(locations),
    )


async def note_promises(tx: Transaction, deliver_by: dict[UUID, datetime]) -> None:
    """Note revised promises."""
    await tx.execute(
        "update order_copy o set deliver_by = p.deliver_by "
        "from unnest($1::uuid[], $2::timestamptz[]) as p(order_id, deliver_by) where o.order_id = p.order_id",
        list(deliver_by),
        list(deliver_by.values()),
    )


async def note_cancelled(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """Note orders of which nothing is left to ship."""
    await tx.execute("update order_copy set cancelled_at = $2 where order_id = any($1)", list(order_ids), tx.now)


async def get_orders(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, OrderCopy]:
    """Give the known orders by id."""
    found = await tx.session.exec(select(OrderCopy).where(col(OrderCopy.order_id).in_(order_ids)))
    return {order.order_id: order for order in found}


async def lock_shipment(tx: Transaction, shipment_id: UUID) -> Shipment | None:
    """Lock a shipment by its id."""
    return next(iter(await _lock(tx, col(Shipment.id) == shipment_id)), None)


async def lock_shipments_of_parcels(tx: Transaction, parcel_ids: Collection[UUID]) -> dict[UUID, Shipment]:
    """Lock the shipments of parcels."""
    return {shipment.parcel_id: shipment for shipment in await _lock(tx, col(Shipment.parcel_id).in_(parcel_ids))}


async def lock_shipments_of_orders(tx: Transaction, order_ids: Collection[UUID]) -> list[Shipment]:
    """Lock the shipments of orders."""
    return await _lock(tx, col(Shipment.order_id).in_(order_ids))


async def _lock(tx: Transaction, wanted: ColumnElement[bool]) -> list[Shipment]:
    """Lock shipments in the order of their ids."""
    query = select(Shipment).where(wanted).order_by(col(Shipment.id))
    return list(await tx.session.exec(query.with_for_update(key_share=True)))


async def get_shipment(tx: Transaction, shipment_id: UUID) -> Shipment | None:
    """Read a shipment without locking it."""
    return await tx.session.get(Shipment, shipment_id)


async def get_shipment_of_parcel(tx: Transaction, parcel_id: UUID) -> Shipment | None:
    """Read the shipment of a parcel."""
    found = await tx.session.exec(select(Shipment).where(Shipment.parcel_id == parcel_id))
    return found.first()


async def list_shipments(  # noqa: PLR0913 - one filter each
    tx: Transaction,
    *,
    order_id: UUID | None = None,
    status: str | None = None,
    tracking_number: str | None = None,
    overdue: bool = False,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Shipment]:
    """List shipments, oldest first, by order, state, tracking number of any label, or lateness."""
    query = select(Shipment).order_by(col(Shipment.id)).limit(limit)
    if order_id is not None:
        query = query.where(Shipment.order_id == order_id)
    if status is not None:
        query = query.where(Shipment.status == status)
    if overdue:
        query = query.where(col(Shipment.due_at) < tx.now)
    if after is not None:
        query = query.where(col(Shipment.id) > after)
    if tracking_number is not None:
        ids = await tx.fetch("select shipment_id from label where tracking_number = $1", tracking_number)
        query = query.where(col(Shipment.id).in_([row["shipment_id"] for row in ids]))
    return list(await tx.session.exec(query))


async def claim_silent(tx: Transaction, *, lease: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Claim parcels on their way that nobody spoke of for long; gives shipment and label ids."""
    rows = await tx.fetch(_POLL, tx.now, clock.real(), lease, limit)
    if rows:
        tx.wrote = True
    return [(row["id"], row["label_id"]) for row in rows]
