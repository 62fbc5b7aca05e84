"""Locks and saves the warehouse's work on orders as a whole: header, fulfilment orders and pick tasks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from services.inventory.models.warehouse import Fulfilment, PickTask, WarehouseOrder
from shared.db import Transaction
from shared.errors import ConflictError

_ORDER_COLUMNS = (
    "order_id", "number", "reference", "service_level", "country_code", "postal_zone", "ship_by", "priority",
    "placed_at", "ships_partially",
)  # fmt: skip
_FULFILMENT_COLUMNS = (
    "id", "order_id", "release_no", "part", "location", "state", "since", "version", "cut_off_at", "planned_at",
    "started_at", "missing", "to_pick", "priority", "placed_at", "number", "reference",
)  # fmt: skip
_TASK_COLUMNS = (
    "id", "fulfilment_id", "order_id", "line_id", "sku", "bin", "walk_order", "list_id", "state", "since",
    "short_reason", "quantity", "picked", "shorted", "cancelled", "boxed", "packed", "handed_over", "put_back_due",
    "put_back", "damaged",
)  # fmt: skip
_fulfilment_values = attrgetter(*_FULFILMENT_COLUMNS)
_task_values = attrgetter(*_TASK_COLUMNS)

_LOCK_ORDERS = "select * from warehouse_order where order_id = any($1::uuid[]) order by order_id for no key update"
_FULFILMENTS = """
select * from fulfilment where order_id = any($1::uuid[]) order by cut_off_at, location, release_no, part
"""
_TASKS = "select * from pick_task where order_id = any($1::uuid[]) order by walk_order, bin, sku, line_id, id"
_SAVE_FULFILMENTS = """
update fulfilment f set state = n.state, since = n.since, version = f.version + 1, cut_off_at = n.cut_off_at,
  started_at = n.started_at, missing = n.missing, to_pick = n.to_pick
from unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::int[],
  $8::int[]) as n(id, version, state, since, cut_off_at, started_at, missing, to_pick)
where f.id = n.id and f.version = n.version
"""
_SAVE_TASKS = """
update pick_task t set list_id = n.list_id, state = n.state, since = n.since, short_reason = n.short_reason,
  picked = n.picked, shorted = n.shorted, cancelled = n.cancelled, boxed = n.boxed, packed = n.packed,
  handed_over = n.handed_over, put_back_due = n.put_back_due, put_back = n.put_back, damaged = n.damaged
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::int[], $7::int[], $8::int[],
  $9::int[], $10::int[], $11::int[], $12::int[], $13::int[], $14::int[])
  as n(id, list_id, state, since, short_reason, picked, shorted, cancelled, boxed, packed, handed_over, put_back_due,
  put_back, damaged)
where t.id = n.id
"""
_TASK_CHANGES = ("id", "list_id", "state", "since", "short_reason", *_TASK_COLUMNS[12:])


@dataclass(slots=True)
class Work:
    """All the warehouse has to do for one order, locked by the order's row."""

    order: WarehouseOrder
    fulfilments: list[Fulfilment] = field(default_factory=list)
    tasks: list[PickTask] = field(default_factory=list)
    loaded: dict[UUID, tuple[object, ...]] = field(default_factory=dict)

    def fulfilment(self, fulfilment_id: UUID) -> Fulfilment:
        """Give one of the order's fulfilment orders."""
        return next(f for f in self.fulfilments if f.id == fulfilment_id)

    def tasks_of(self, fulfilment_id: UUID) -> list[PickTask]:
        """List the pick tasks of a fulfilment order in walking order."""
        return [task for task in self.tasks if task.fulfilment_id == fulfilment_id]

    def task(self, task_id: UUID) -> PickTask:
        """Give one of the order's pick tasks."""
        return next(task for task in self.tasks if task.id == task_id)

    def is_new(self, row: Fulfilment | PickTask) -> bool:
        """Say whether a row is not in the database yet."""
        return row.id not in self.loaded

    def changed_tasks(self) -> list[PickTask]:
        """List the stored tasks that differ from what was loaded."""
        return [t for t in self.tasks if not self.is_new(t) and self.loaded[t.id] != _task_values(t)]

    def changed_fulfilments(self) -> list[Fulfilment]:
        """List the stored fulfilment orders that differ from what was loaded."""
        return [f for f in self.fulfilments if not self.is_new(f) and self.loaded[f.id] != _fulfilment_values(f)]

    def remember(self) -> None:
        """Take the rows as they are now for those in the database."""
        self.loaded = {f.id: _fulfilment_values(f) for f in self.fulfilments}
        self.loaded.update({t.id: _task_values(t) for t in self.tasks})


async def lock_work(tx: Transaction, order_ids: Iterable[UUID]) -> dict[UUID, Work]:
    """Lock the warehouse's work of orders, sorted by id; orders it does not have are absent."""
    wanted = sorted(set(order_ids))
    orders = await tx.fetch(_LOCK_ORDERS, wanted)
    if not orders:
        return {}
    works = {row["order_id"]: Work(WarehouseOrder(**dict(row))) for row in orders}
    for row in await tx.fetch(_FULFILMENTS, wanted):
        works[row["order_id"]].fulfilments.append(Fulfilment(**dict(row)))
    for row in await tx.fetch(_TASKS, wanted):
        works[row["order_id"]].tasks.append(PickTask(**dict(row)))
    for work in works.values():
        work.remember()
    return works


async def insert_orders(tx: Transaction, orders: Sequence[WarehouseOrder]) -> None:
    """Insert headers of orders the warehouse sees for the first time."""
    await _insert(tx, "warehouse_order", _ORDER_COLUMNS, orders, "on conflict (order_id) do nothing")


async def save_orders(tx: Transaction, orders: Sequence[WarehouseOrder]) -> None:
    """Save what changes of headers: holds, destination and dates."""
    await tx.execute_many(
        "update warehouse_order set holds = $2, held_since = $3, country_code = $4, postal_zone = $5, ship_by = $6, "
        "ship_after = $7 where order_id = $1",
        [(o.order_id, o.holds, o.held_since, o.country_code, o.postal_zone, o.ship_by, o.ship_after) for o in orders],
    )


async def save_works(tx: Transaction, works: Sequence[Work]) -> None:
    """Insert what is new and update what has changed; raises ConflictError when somebody else changed it."""
    new = [f for work in works for f in work.fulfilments if work.is_new(f)]
    changed = [f for work in works for f in work.changed_fulfilments()]
    await _insert(tx, "fulfilment", _FULFILMENT_COLUMNS, new)
    if changed:
        columns = ("id", "version", "state", "since", "cut_off_at", "started_at", "missing", "to_pick")
        touched = await tx.execute(_SAVE_FULFILMENTS, *_columns(columns, changed))
        if touched != len(changed):
            raise ConflictError("somebody else changed this fulfilment order meanwhile; send the request again")
        for fulfilment in changed:
            fulfilment.version += 1
    await _insert(tx, "pick_task", _TASK_COLUMNS, [t for work in works for t in work.tasks if work.is_new(t)])
    tasks = [t for work in works for t in work.changed_tasks()]
    if tasks:
        await tx.execute(_SAVE_TASKS, *_columns(_TASK_CHANGES, tasks))
    for work in works:
        work.remember()


def _columns(names: Sequence[str], rows: Sequence[object]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in names]


async def _insert(
    tx: Transaction, table: str, columns: Sequence[str], rows: Sequence[object], conflict: str = ""
) -> None:
    if not rows:
        return
    listed = ", ".join(columns)
    sql = f"insert into {table} ({listed}) select {listed} from jsonb_populate_recordset(null::{table}, $1) {conflict}"
    await tx.write(sql, [{name: getattr(row, name) for name in columns} for row in rows])


async def bins_at(tx: Transaction, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, int]]:
    """Give the first bin in walking order of each (location, SKU): its name and walking order."""
    wanted = sorted(set(places))
    rows = await tx.fetch(
        "select distinct on (b.location, b.sku) b.location, b.sku, b.bin, b.walk_order from bin b "
        "join unnest($1::text[], $2::text[]) as w(location, sku) using (location, sku) "
        "order by b.location, b.sku, b.walk_order, b.bin",
        [location for location, _ in wanted],
        [sku for _, sku in wanted],
    )
    return {(row["location"], row["sku"]): (row["bin"], row["walk_order"]) for row in rows}


async def queue_depths(tx: Transaction, fulfilments: Sequence[Fulfilment]) -> dict[UUID, int]:
    """Count for each fulfilment order those planned before now at its location that come first, 10,000 at most.

    Each wave of orders asks: a count of all would take ever longer as the queue grows.
    """
    places = sorted({(f.location, f.cut_off_at) for f in fulfilments})
    rows = await tx.fetch(
        "select n.location, n.cut_off_at, (select count(*) from (select from fulfilment f "
        "where f.location = n.location and f.state not in ('handed_over', 'cancelled') and f.state <> 'packed' "
        "and f.planned_at < $3 and f.cut_off_at <= n.cut_off_at limit 10000) first) as depth "
        "from unnest($1::text[], $2::timestamptz[]) as n(location, cut_off_at)",
        [location for location, _ in places],
        [cut_off_at for _, cut_off_at in places],
        tx.now,
    )
    depths: dict[tuple[str, datetime], int] = {(r["location"], r["cut_off_at"]): r["depth"] for r in rows}
    return {f.id: depths[f.location, f.cut_off_at] - int(f.planned_at < tx.now) for f in fulfilments}
