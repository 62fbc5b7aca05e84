"""Reads, locks and writes of pick lists, their totes and scans."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.inventory.models.warehouse import Fulfilment, PickList, PickScan
from services.inventory.states.warehouse import WITHOUT_SCAN
from shared.db import Transaction

_ORDER_OF_WORK = "cut_off_at, priority desc, placed_at, reference"
# The order's row is locked, not the fulfilment order's: whoever waits for nothing never deadlocks.
_CLAIM_ORDERS = f"""
select f.order_id from fulfilment f join warehouse_order o on o.order_id = f.order_id
where f.location = $1 and f.to_pick > 0 and (o.ship_after is null or o.ship_after <= $3)
order by {", ".join(f"f.{part}" for part in _ORDER_OF_WORK.split(", "))}
limit $2 for no key update of o skip locked
"""
_PLANNED = f"""
select id from pick_list where state = 'planned' and location = $1 and mode = $2 order by {_ORDER_OF_WORK} limit $3
"""
_TASKS = """
select t.id as task_id, t.fulfilment_id, t.order_id, t.line_id, f.number, p.tote, t.bin, t.walk_order, t.sku, s.name,
  t.quantity, t.picked, t.shorted, t.cancelled, t.state, f.state as fulfilment_state,
  t.list_id is not distinct from p.list_id as on_list,
  coalesce((select jsonb_agg(jsonb_build_object('code', b.code, 'units', b.units) order by b.units, b.code)
    from barcode b where b.sku = t.sku), '[]') as barcodes
from pick_list_tote p join fulfilment f on f.id = p.fulfilment_id join pick_task t on t.fulfilment_id = f.id
join sku s on s.code = t.sku
where p.list_id = $1 and (t.list_id = $1 or t.list_id is null)
order by t.walk_order, t.bin, t.sku, p.tote, t.id
"""
_INSERT = """
insert into pick_list (id, location, mode, state, since, picker, cut_off_at, priority, placed_at, reference,
  planned_at, active_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
# The list's row is locked before its tasks are looked at, so that of two ending acts the later one sees both.
_LOCK = "select id from pick_list where id = any($1::uuid[]) and state <> 'done' order by id for no key update"
_FINISH = """
update pick_list l set state = 'done', since = $2, active_at = null, version = version + 1
where l.id = any($1::uuid[]) and l.state <> 'done' and not exists (
  select from pick_task t where t.list_id = l.id and t.quantity > t.picked + t.shorted + t.cancelled)
"""
_RECORD_SCAN = """
with scan as (
  insert into pick_scan (list_id, task_id, barcode, tote, units, picker, scanned_at)
  values ($1, $2, $3, $4, $5, $6, $7))
update pick_list set state = 'picking', since = case when state = 'picking' then since else $7 end, active_at = $7,
  version = version + 1 where id = $1 and picker = $6
"""
_MOVE_CUT_OFFS = """
update pick_list l set cut_off_at = n.cut_off_at, version = l.version + 1
from (select p.list_id, min(f.cut_off_at) as cut_off_at
  from pick_list_tote p join fulfilment f on f.id = p.fulfilment_id
  where p.list_id = any($1::uuid[]) group by p.list_id) as n
where l.id = n.list_id and l.cut_off_at <> n.cut_off_at
"""
_UNASSIGN_IDLE = """
update pick_list l set state = 'planned', since = $1, picker = null, active_at = null, version = version + 1
where l.id in (select id from pick_list where active_at <= $2 order by active_at, id limit $3 for update skip locked)
"""
_LIST = """
select l.*, (select coalesce(sum(t.quantity - t.picked - t.shorted - t.cancelled), 0)::int from pick_task t
    where t.list_id = l.id) as remaining,
  (select count(*)::int from pick_list_tote p where p.list_id = l.id) as orders
from pick_list l
where ($1::text is null or l.location = $1) and ($2::text is null or l.state = $2)
  and ($3::text is null or l.picker = $3) and ($4::uuid is null or l.id > $4)
order by l.id limit $5
"""


@dataclass(frozen=True, slots=True)
class Barcode:
    """A code on the goods and the units it stands for."""

    code: str
    units: int


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A pick task as a picker sees it; `on_list` is false for one that a hold took off the list."""

    task_id: UUID
    fulfilment_id: UUID
    order_id: UUID
    line_id: UUID
    number: str
    tote: str
    bin: str
    walk_order: int
    sku: str
    name: str
    quantity: int
    picked: int
    shorted: int
    cancelled: int
    state: str
    fulfilment_state: str
    on_list: bool
    barcodes: tuple[Barcode, ...]

    @property
    def remaining(self) -> int:
        """Units still to be taken from the shelf for this list."""
        return self.quantity - self.picked - self.shorted - self.cancelled if self.on_list else 0

    def units_of(self, barcode: str) -> int:
        """Give the units one scan of this barcode stands for here; 0 when it is another item's."""
        units = next((b.units for b in self.barcodes if b.code == barcode), 0)
        return units or int(barcode == self.sku)


async def get_list(tx: Transaction, list_id: UUID) -> PickList | None:
    """Read a pick list."""
    row = await tx.row("select * from pick_list where id = $1", list_id)
    return PickList(**dict(row)) if row is not None else None


async def lock_list(tx: Transaction, list_id: UUID) -> PickList | None:
    """Lock a pick list; its orders are locked before it."""
    row = await tx.row("select * from pick_list where id = $1 for no key update", list_id)
    return PickList(**dict(row)) if row is not None else None


async def list_tasks(tx: Transaction, list_id: UUID) -> list[ListedTask]:
    """List the tasks of a list's orders in walking order."""
    rows = await tx.fetch(_TASKS, list_id)
    return [
        ListedTask(**{**dict(row), "barcodes": tuple(Barcode(b["code"], b["units"]) for b in row["barcodes"])})
        for row in rows
    ]


async def claim_orders(tx: Transaction, location: str, limit: int) -> list[UUID]:
    """Lock the orders first in the order of work with units to pick; those somebody works on are passed over."""
    return [row["order_id"] for row in await tx.fetch(_CLAIM_ORDERS, location, limit, tx.now)]


async def planned_lists(tx: Transaction, location: str, mode: str, limit: int) -> list[UUID]:
    """List the first planned lists in the order of work."""
    return [row["id"] for row in await tx.fetch(_PLANNED, location, mode, limit)]


async def orders_of(tx: Transaction, list_id: UUID) -> list[UUID]:
    """List the orders on a list."""
    rows = await tx.fetch(
        "select distinct f.order_id from pick_list_tote p join fulfilment f on f.id = p.fulfilment_id "
        "where p.list_id = $1",
        list_id,
    )
    return [row["order_id"] for row in rows]


async def active_list_of(tx: Transaction, picker: str, location: str) -> UUID | None:
    """Give the list a picker is on at a location."""
    list_id: UUID | None = await tx.value(
        "select id from pick_list where picker = $1 and location = $2 and active_at is not null "
        "order by active_at desc, id limit 1",
        picker,
        location,
    )
    return list_id


async def insert_list(tx: Transaction, row: PickList, totes: Sequence[tuple[Fulfilment, str]]) -> None:
    """Insert a list and its totes."""
    await tx.execute(
        _INSERT, row.id, row.location, row.mode, row.state, row.since, row.picker, row.cut_off_at,
        row.priority, row.placed_at, row.reference, row.planned_at, row.active_at,
    )  # fmt: skip
    await tx.execute_many(
        "insert into pick_list_tote (list_id, fulfilment_id, tote) values ($1, $2, $3)",
        [(row.id, fulfilment.id, tote) for fulfilment, tote in totes],
    )


async def save_list(tx: Transaction, row: PickList) -> None:
    """Save a list's state and picker; the caller holds its lock."""
    await tx.execute(
        "update pick_list set state = $2, since = $3, picker = $4, active_at = $5, version = version + 1 where id = $1",
        row.id,
        row.state,
        row.since,
        row.picker,
        row.active_at,
    )


async def record_scan(tx: Transaction, scan: PickScan) -> bool:
    """Store a scan and lock its list, which moves; False when the list was taken from the picker just now."""
    touched = await tx.execute(
        _RECORD_SCAN, scan.list_id, scan.task_id, scan.barcode, scan.tote, scan.units, scan.picker, scan.scanned_at
    )
    return touched == 1


async def touch_list(tx: Transaction, list_id: UUID, picker: str) -> bool:
    """Lock a list and note that its picker works on it; False when it was taken from the picker just now."""
    touched = await tx.execute(
        "update pick_list set active_at = $3, version = version + 1 where id = $1 and picker = $2 "
        "and active_at is not null",
        list_id,
        picker,
        tx.now,
    )
    return touched == 1


async def finish_locked(tx: Transaction, list_id: UUID) -> bool:
    """End a list whose row is locked, if nothing is left to pick."""
    return await tx.execute(_FINISH, [list_id], tx.now) == 1


async def last_scan(tx: Transaction, list_id: UUID) -> PickScan | None:
    """Give the last scan of a list that was not undone."""
    row = await tx.row(
        "select * from pick_scan where list_id = $1 and undone_at is null order by id desc limit 1", list_id
    )
    return PickScan(**dict(row)) if row is not None else None


async def undo_scan(tx: Transaction, scan_id: int, now: datetime) -> bool:
    """Mark a scan as undone; False when it was already."""
    return bool(
        await tx.execute("update pick_scan set undone_at = $2 where id = $1 and undone_at is null", scan_id, now)
    )


async def finish_lists(tx: Transaction, list_ids: Collection[UUID]) -> None:
    """End those lists that have nothing left to pick."""
    if list_ids:
        locked = [row["id"] for row in await tx.fetch(_LOCK, sorted(list_ids))]
        await tx.execute(_FINISH, locked, tx.now)


async def move_cut_offs(tx: Transaction, fulfilment_ids: Collection[UUID]) -> None:
    """Give unfinished lists the first cut-off of their orders, after those of some of them moved."""
    rows = await tx.fetch(
        "select distinct list_id from pick_list_tote where fulfilment_id = any($1::uuid[])", list(fulfilment_ids)
    )
    locked = [row["id"] for row in await tx.fetch(_LOCK, sorted(row["list_id"] for row in rows))]
    await tx.execute(_MOVE_CUT_OFFS, locked)


async def unassign_idle(tx: Transaction, limit: int) -> int:
    """Take lists without a scan for too long from their pickers; others may have them."""
    count = await tx.execute(_UNASSIGN_IDLE, tx.now, tx.now - WITHOUT_SCAN, limit)
    tx.wrote = count > 0
    return count


@dataclass(frozen=True, slots=True)
class ListFilter:
    """Which lists to show."""

    location: str | None = None
    state: str | None = None
    picker: str | None = None
    after: UUID | None = None
    limit: int = 50


async def list_lists(tx: Transaction, wanted: ListFilter) -> list[asyncpg.Record]:
    """List pick lists by id, which is the order in which they were planned."""
    return await tx.fetch(_LIST, wanted.location, wanted.state, wanted.picker, wanted.after, wanted.limit)


IDLE_DUE = (
    f"select min(active_at) + interval '{int(WITHOUT_SCAN / timedelta(seconds=1))} seconds' from pick_list "
    "where active_at is not null"
)
"""When the first list has had no scan for too long."""
