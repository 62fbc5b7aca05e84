"""What all acts of the warehouse share: giving a fulfilment order units, settling its state, telling the totals."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.inventory.actions.cut_offs import cut_off_for
from services.inventory.models.warehouse import Fulfilment, PickTask
from services.inventory.queries import fulfilments as queries
from services.inventory.queries.fulfilments import Work
from services.inventory.queries.locations import get_locations
from services.inventory.states.warehouse import (
    FULFILMENT,
    PICK_TASK,
    FulfilmentFacts,
    FulfilmentState,
    TaskCounts,
    TaskState,
    fulfilment_state,
    task_state,
)
from shared.db import Transaction
from shared.events.base import LineCount, Progress
from shared.events.inventory import FulfilmentCancelled, FulfilmentPlanned, PickConfirmed, PickStarted
from shared.ids import new_id

F = FulfilmentState
PICKABLE = frozenset({F.OPEN, F.IN_PROGRESS, F.INCOMPLETE, F.CANCEL_REQUESTED})
"""States in which the unpicked units of a fulfilment order may go on a pick list."""
EXTENDABLE = frozenset({F.OPEN, F.IN_PROGRESS, F.INCOMPLETE, F.ON_HOLD, F.CANCEL_REQUESTED})
"""States in which a fulfilment order takes further units; a packed one gets another part."""


@dataclass(frozen=True, slots=True)
class PlannedUnits:
    """Units of a line for a release to pick at a location; `missing` of them have no stock yet."""

    order_id: UUID
    release_no: int
    line_id: UUID
    sku: str
    location: str
    quantity: int
    missing: int = 0


async def plan_units(tx: Transaction, works: dict[UUID, Work], units: Sequence[PlannedUnits]) -> list[Fulfilment]:
    """Give units to fulfilment orders (old or new) as pick tasks; the caller settles, stores and publishes."""
    locations = await get_locations(tx, {u.location for u in units})
    bins = await queries.bins_at(tx, [(u.location, u.sku) for u in units])
    touched: dict[UUID, Fulfilment] = {}
    for unit in units:
        work = works[unit.order_id]
        fulfilment = _find_extendable(work, unit) or _new_fulfilment(
            tx.now,
            work,
            unit,
            cut_off_for(locations.get(unit.location), work.order.service_level, work.order.ship_by, tx.now),
        )
        where, walk_order = bins.get((unit.location, unit.sku), ("", 0))
        fulfilment.missing += unit.missing
        task = PickTask(
            id=new_id(), fulfilment_id=fulfilment.id, order_id=unit.order_id, line_id=unit.line_id, sku=unit.sku,
            bin=where, walk_order=walk_order, since=tx.now, quantity=unit.quantity, shorted=unit.missing,
        )  # fmt: skip
        work.tasks.append(task)
        touched[fulfilment.id] = fulfilment
    return list(touched.values())


def _find_extendable(work: Work, unit: PlannedUnits) -> Fulfilment | None:
    for fulfilment in work.fulfilments:
        same = fulfilment.location == unit.location and fulfilment.release_no == unit.release_no
        if same and fulfilment.state in EXTENDABLE:
            return fulfilment
    return None


def _new_fulfilment(now: datetime, work: Work, unit: PlannedUnits, cut_off_at: datetime) -> Fulfilment:
    part = 1 + sum(f.location == unit.location and f.release_no == unit.release_no for f in work.fulfilments)
    fulfilment = Fulfilment(
        id=new_id(), order_id=unit.order_id, release_no=unit.release_no, part=part, location=unit.location,
        since=now, cut_off_at=cut_off_at, planned_at=now, priority=work.order.priority,
        placed_at=work.order.placed_at, number=work.order.number, reference=work.order.reference,
    )  # fmt: skip
    work.fulfilments.append(fulfilment)
    return fulfilment


def settle(work: Work, now: datetime) -> list[Fulfilment]:
    """Derive the states of an order's tasks and fulfilment orders from where the units are.

    Gives the fulfilment orders that ended just now with nothing to ship; raises IllegalMoveError.
    """
    before = {f.id: f.state for f in work.fulfilments}
    for fulfilment in work.fulfilments:
        tasks = work.tasks_of(fulfilment.id)
        for task in tasks:
            _settle_task(task, now)
        if not FULFILMENT.is_terminal(F(fulfilment.state)):
            _settle_fulfilment(work, fulfilment, tasks, now)
        pickable = fulfilment.state in PICKABLE
        fulfilment.to_pick = sum(t.unpicked for t in tasks if t.list_id is None) if pickable else 0
    return [f for f in work.fulfilments if f.state == F.CANCELLED and before[f.id] != F.CANCELLED]


def _settle_task(task: PickTask, now: datetime) -> None:
    old = TaskState(task.state)
    if PICK_TASK.is_terminal(old):
        return
    new = task_state(
        TaskCounts(
            live=task.live, unpicked=task.unpicked, packed=task.packed, handed_over=task.handed_over,
            lost=task.shorted + task.damaged, put_back=task.put_back, listed=task.list_id is not None,
        )
    )  # fmt: skip
    if new != old:
        PICK_TASK.check(old, new)
        task.state, task.since = new.value, now


def _settle_fulfilment(work: Work, fulfilment: Fulfilment, tasks: Sequence[PickTask], now: datetime) -> None:
    old = F(fulfilment.state)
    new = fulfilment_state(
        FulfilmentFacts(
            live=sum(t.live for t in tasks),
            packed=sum(t.packed for t in tasks),
            handed_over=sum(t.handed_over for t in tasks),
            put_back_due=sum(t.put_back_due for t in tasks),
            missing=fulfilment.missing,
            waits=not work.order.ships_partially,
            held=bool(work.order.holds),
            started=fulfilment.started_at is not None,
        )
    )
    if new != old:
        FULFILMENT.check(old, new)
        fulfilment.state, fulfilment.since = new.value, now


async def settle_and_store(tx: Transaction, works: Iterable[Work]) -> None:
    """Settle the states of all works and save what changed."""
    listed = list(works)
    for fulfilment in (ended for work in listed for ended in settle(work, tx.now)):
        tx.publish(
            FulfilmentCancelled(
                order_id=fulfilment.order_id,
                fulfilment_id=fulfilment.id,
                location=fulfilment.location,
                progress=progress_of(fulfilment),
            )
        )
    await queries.save_works(tx, listed)


def progress_of(fulfilment: Fulfilment) -> Progress:
    """Describe where a fulfilment order stands; it is due at its cut-off when that is later than its dwell."""
    state = F(fulfilment.state)
    due_at = FULFILMENT.due_at(state, fulfilment.since)
    return FULFILMENT.progress(
        state, fulfilment.since, due_at=max(due_at, fulfilment.cut_off_at) if due_at is not None else None
    )


def totals(tasks: Iterable[PickTask], count: Callable[[PickTask], int]) -> tuple[LineCount, ...]:
    """Sum a count per line, every line named, in a stable order."""
    sums: dict[tuple[UUID, str], int] = {}
    for task in tasks:
        key = (task.line_id, task.sku)
        sums[key] = sums.get(key, 0) + count(task)
    return tuple(LineCount(line_id=line, sku=sku, quantity=n) for (line, sku), n in sorted(sums.items()))


def picked_units(task: PickTask) -> int:
    """Count units ever picked and not damaged since; put-backs have a total of their own."""
    return task.picked - task.damaged


async def publish_planned(tx: Transaction, works: dict[UUID, Work], fulfilments: Sequence[Fulfilment]) -> None:
    """Tell which units each fulfilment order will pick, by when, and how much work comes before it."""
    depths = await queries.queue_depths(tx, fulfilments)
    for fulfilment in fulfilments:
        lines = totals(works[fulfilment.order_id].tasks_of(fulfilment.id), lambda t: t.live)
        tx.publish(
            FulfilmentPlanned(
                order_id=fulfilment.order_id, fulfilment_id=fulfilment.id, release_no=fulfilment.release_no,
                location=fulfilment.location, cut_off_at=fulfilment.cut_off_at, lines=lines,
                queue_depth=depths.get(fulfilment.id, 0), progress=progress_of(fulfilment),
            )
        )  # fmt: skip


def publish_started(tx: Transaction, fulfilment: Fulfilment) -> None:
    """Tell that a picker took the fulfilment order's list."""
    tx.publish(
        PickStarted(
            order_id=fulfilment.order_id,
            fulfilment_id=fulfilment.id,
            location=fulfilment.location,
            progress=progress_of(fulfilment),
        )
    )


def publish_picked(tx: Transaction, work: Work, fulfilment: Fulfilment) -> None:
    """Tell the order's picked totals after a scan, an undo or a damage."""
    tx.publish(
        PickConfirmed(
            order_id=fulfilment.order_id,
            fulfilment_id=fulfilment.id,
            location=fulfilment.location,
            lines=totals(work.tasks, picked_units),
            complete=not any(t.unpicked for t in work.tasks_of(fulfilment.id)),
            progress=progress_of(fulfilment),
        )
    )
