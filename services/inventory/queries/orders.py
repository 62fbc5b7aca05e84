"""What the warehouse has of one order, and which fulfilment orders wait for what."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.inventory.models.warehouse import Fulfilment, Parcel, PickTask, Shortfall, WarehouseOrder
from shared.db import Transaction

# Whose hands a fulfilment order in progress is in; for any other it is its state.
STAGE = """
case when f.state <> 'in_progress' then f.state
  when exists (select from pick_task t where t.fulfilment_id = f.id
    and t.quantity > t.picked + t.shorted + t.cancelled) then 'picking'
  when exists (select from parcel p where p.fulfilment_id = f.id and p.state in ('open', 'verified')) then 'packing'
  else 'picked' end
"""
_PAGE = f"""
select f.* from fulfilment f
where ($1::text is null or f.location = $1) and ($2::text is null or f.state = $2)
  and ($2::text is not null or f.state not in ('handed_over', 'cancelled')) and (not $3 or f.cut_off_at < $4)
  and ($5::timestamptz is null or (f.cut_off_at, f.id) > ($5, $6::uuid))
  and ($8::text is null or upper($8) in (upper(f.number), upper(f.reference)) or exists (
    select from pick_list_tote p where p.fulfilment_id = f.id and upper(p.tote) = upper($8)))
  and ($9::text is null or f.state = 'in_progress' and {STAGE} = $9)
order by f.cut_off_at, f.id limit $7
"""
_LISTS = """
select l.*, (select coalesce(sum(t.quantity - t.picked - t.shorted - t.cancelled), 0)::int from pick_task t
    where t.list_id = l.id) as remaining,
  (select count(*)::int from pick_list_tote p where p.list_id = l.id) as orders
from pick_list l where l.id in (select p.list_id from pick_list_tote p where p.fulfilment_id = any($1::uuid[]))
order by l.id
"""


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """Which fulfilment orders to show; without a state those that are not finished.

    `stage` narrows to those in progress that are so far.
    `named` is an order's number or reference, or a tote that units of it are in: other carts have totes of that name.
    """

    location: str | None
    state: str | None
    late: bool
    after: tuple[datetime, UUID] | None
    limit: int
    named: str | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What explains fulfilment orders: their tasks, parcels and totes, the holds of their orders, their pickers."""

    tasks: dict[UUID, list[PickTask]]
    parcels: dict[UUID, list[Parcel]]
    holds: dict[UUID, list[str]]
    pickers: dict[UUID, str]
    totes: dict[UUID, list[str]]


async def order_of_fulfilment(tx: Transaction, fulfilment_id: UUID) -> UUID | None:
    """Give the order of a fulfilment order, to lock it."""
    order_id: UUID | None = await tx.value("select order_id from fulfilment where id = $1", fulfilment_id)
    return order_id


async def order_of_parcel(tx: Transaction, parcel_id: UUID) -> UUID | None:
    """Give the order of a parcel, to lock it."""
    order_id: UUID | None = await tx.value("select order_id from parcel where id = $1", parcel_id)
    return order_id


async def get_order(tx: Transaction, order_id: UUID) -> WarehouseOrder | None:
    """Read the header of an order."""
    row = await tx.row("select * from warehouse_order where order_id = $1", order_id)
    return WarehouseOrder(**dict(row)) if row is not None else None


async def list_of_order(tx: Transaction, order_id: UUID) -> list[Fulfilment]:
    """List the fulfilment orders of an order."""
    rows = await tx.fetch("select * from fulfilment where order_id = $1 order by release_no, location, part", order_id)
    return [Fulfilment(**dict(row)) for row in rows]


async def list_page(tx: Transaction, wanted: WorkFilter) -> list[Fulfilment]:
    """List fulfilment orders by cut-off."""
    moment, last = wanted.after if wanted.after is not None else (None, None)
    rows = await tx.fetch(
        _PAGE, wanted.location, wanted.state, wanted.late, tx.now, moment, last, wanted.limit, wanted.named,
        wanted.stage,
    )  # fmt: skip
    return [Fulfilment(**dict(row)) for row in rows]


async def read_circumstances(tx: Transaction, fulfilments: Collection[Fulfilment]) -> Circumstances:
    """Read what explains fulfilment orders."""
    ids = [f.id for f in fulfilments]
    tasks: dict[UUID, list[PickTask]] = {}
    for row in await tx.fetch(
        "select * from pick_task where fulfilment_id = any($1::uuid[]) order by walk_order, bin, sku, line_id", ids
    ):
        tasks.setdefault(row["fulfilment_id"], []).append(PickTask(**dict(row)))
    parcels: dict[UUID, list[Parcel]] = {}
    for row in await tx.fetch(
        "select * from parcel where fulfilment_id = any($1::uuid[]) and state <> 'discarded' order by parcel_no", ids
    ):
        parcels.setdefault(row["fulfilment_id"], []).append(Parcel(**dict(row)))
    holds = await tx.fetch(
        "select order_id, holds from warehouse_order where order_id = any($1::uuid[]) and holds <> '{}'",
        [f.order_id for f in fulfilments],
    )
    pickers = await tx.fetch(
        "select p.fulfilment_id, l.picker from pick_list_tote p join pick_list l on l.id = p.list_id "
        "where p.fulfilment_id = any($1::uuid[]) and l.active_at is not null",
        ids,
    )
    totes: dict[UUID, list[str]] = {}
    for row in await tx.fetch(
        "select fulfilment_id, tote from pick_list_tote where fulfilment_id = any($1::uuid[]) order by list_id", ids
    ):
        totes.setdefault(row["fulfilment_id"], []).append(row["tote"])
    return Circumstances(
        tasks,
        parcels,
        {row["order_id"]: list(row["holds"]) for row in holds},
        {row["fulfilment_id"]: row["picker"] for row in pickers},
        totes,
    )


async def lists_of(tx: Transaction, fulfilment_ids: Collection[UUID]) -> list[asyncpg.Record]:
    """List the pick lists on which fulfilment orders are or were."""
    return await tx.fetch(_LISTS, list(fulfilment_ids))


async def shortfalls_of(tx: Transaction, order_id: UUID) -> list[Shortfall]:
    """List the shortfalls of an order."""
    rows = await tx.fetch("select * from shortfall where order_id = $1 order by opened_at, id", order_id)
    return [Shortfall(**dict(row)) for row in rows]
