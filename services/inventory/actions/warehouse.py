"""What stock's side asks of the warehouse when reservations end, are displaced, or find stock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.inventory.actions import fulfilments, shortfalls
from services.inventory.actions.shortfalls import Missing
from services.inventory.models.warehouse import Fulfilment, PickTask, PutBack
from services.inventory.queries import pick_lists
from services.inventory.queries import shortfalls as shortfall_queries
from services.inventory.queries.fulfilments import Work, lock_work
from services.inventory.queries.reservations import Units, list_allocated
from services.inventory.queries.warehouse import count_stages
from shared.db import Transaction
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class CancelUnits:
    """Units of a line to take out of the warehouse's work; location `` means those that wait for stock."""

    order_id: UUID
    line_id: UUID
    location: str
    unpicked: int
    picked: int


async def cancel_units(tx: Transaction, units: Sequence[CancelUnits], cancellation_id: UUID | None) -> None:
    """End the pick units not picked yet; picked or packed ones must be put back."""
    works = await lock_work(tx, {unit.order_id for unit in units})
    put_backs: list[PutBack] = []
    waiting: dict[UUID, int] = {}
    for unit in units:
        work = works.get(unit.order_id)
        if work is None:
            continue
        if not unit.location:
            waiting[unit.line_id] = waiting.get(unit.line_id, 0) + unit.unpicked
            continue
        tasks = _tasks_at(work, unit.line_id, unit.location)
        for task, count in _spread(unit.unpicked, [(t, t.unpicked) for t in reversed(tasks)]):
            task.cancelled += count
        for task, count in _spread(unit.picked, [(t, _can_be_put_back(t)) for t in tasks]):
            task.put_back_due += count
            put_backs.append(
                PutBack(id=new_id(), task_id=task.id, cancellation_id=cancellation_id, asked_at=tx.now, quantity=count)
            )
    if waiting:
        await shortfalls.close(tx, works, waiting)
    await shortfall_queries.insert_put_backs(tx, put_backs)
    await _store(tx, works)


async def stock_lost(tx: Transaction, units: Sequence[Units]) -> None:
    """Learn that unpicked units have no stock any more, after their reservations were taken away."""
    works = await lock_work(tx, {unit.order_id for unit in units})
    allocated = {(u.line_id, u.location): u.quantity for u in await list_allocated(tx, works)}
    missing: list[Missing] = []
    for unit in units:
        work = works.get(unit.order_id)
        if work is None:
            continue
        stages = count_stages(work).get((unit.line_id, unit.location))
        unserved = stages.planned - allocated.get((unit.line_id, unit.location), 0) if stages is not None else 0
        tasks = _tasks_at(work, unit.line_id, unit.location)
        for task, count in _spread(min(unit.quantity, unserved), [(t, t.unpicked) for t in reversed(tasks)]):
            fulfilment = work.fulfilment(task.fulfilment_id)
            task.shorted += count
            task.short_reason = "displaced"
            fulfilment.missing += count
            missing.append(Missing(fulfilment, task.line_id, task.sku, count))
    await shortfalls.open_shortfalls(tx, missing)
    await _store(tx, works)


async def stock_found(tx: Transaction, units: Sequence[Units]) -> None:
    """Learn that units without stock have it now: those released before are planned at once."""
    works = await lock_work(tx, {unit.order_id for unit in units})
    touched: list[Fulfilment] = await shortfalls.heal(tx, works, [u for u in units if u.order_id in works])
    await fulfilments.settle_and_store(tx, works.values())
    if touched:
        await fulfilments.publish_planned(tx, works, touched)


async def _store(tx: Transaction, works: dict[UUID, Work]) -> None:
    await fulfilments.settle_and_store(tx, works.values())
    await pick_lists.finish_lists(tx, {t.list_id for w in works.values() for t in w.tasks if t.list_id is not None})


def _tasks_at(work: Work, line_id: UUID, location: str) -> list[PickTask]:
    here = {f.id for f in work.fulfilments if f.location == location}
    return [task for task in work.tasks if task.line_id == line_id and task.fulfilment_id in here]


def _can_be_put_back(task: PickTask) -> int:
    return task.picked - task.handed_over - task.put_back - task.damaged - task.put_back_due


def _spread(quantity: int, room: Iterable[tuple[PickTask, int]]) -> list[tuple[PickTask, int]]:
    """Share a quantity out over tasks, as much as each has room for."""
    shares: list[tuple[PickTask, int]] = []
    for task, most in room:
        count = min(quantity, most)
        if count > 0:
            shares.append((task, count))
            quantity -= count
    return shares
