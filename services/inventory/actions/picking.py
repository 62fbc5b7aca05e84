"""Picking by scan: right units into the right tote, everything else refused with the reason."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from prometheus_client import Counter

from services.inventory.actions import fulfilments
from services.inventory.actions.list_views import expected, next_task, remaining_units, show_task
from services.inventory.errors import (
    ListDoneError,
    NothingToUndoError,
    NotYourListError,
    OnHoldError,
    OverScanError,
    PickListNotFoundError,
    UnitsCancelledError,
    WrongItemError,
    WrongToteError,
)
from services.inventory.models.warehouse import PickList, PickScan, PickTask
from services.inventory.queries import pick_lists as queries
from services.inventory.queries.fulfilments import Work, lock_work
from services.inventory.queries.pick_lists import ListedTask
from services.inventory.schemas.picking import Scan, ScanAnswer
from services.inventory.states.warehouse import FulfilmentState, ListState
from shared.db import Transaction

PICKED_UNITS = Counter("doorstep_picked_units", "Units scanned into totes", ["location"])
_ACTIVE = frozenset({ListState.ASSIGNED, ListState.PICKING})


async def confirm_pick(tx: Transaction, list_id: UUID, scan: Scan, picker: str) -> ScanAnswer:
    """Take scanned units into their tote.

    Raises PickListNotFoundError, NotYourListError, ListDoneError, WrongItemError, WrongToteError, OverScanError,
    OnHoldError and UnitsCancelledError, each with what was expected.
    """
    row = await get_own_list(tx, list_id, picker)
    listed = await queries.list_tasks(tx, list_id)
    chosen = _choose(listed, scan)
    units = scan.quantity * chosen.units_of(scan.barcode)
    work = (await lock_work(tx, [chosen.order_id]))[chosen.order_id]
    task = work.task(chosen.task_id)
    chosen = as_now(chosen, task, work)
    _check(chosen, units, scan)
    task.picked += units
    await fulfilments.settle_and_store(tx, [work])
    record = PickScan(
        list_id=row.id, task_id=task.id, barcode=scan.barcode, tote=chosen.tote, units=units, picker=picker,
        scanned_at=tx.now,
    )  # fmt: skip
    if not await queries.record_scan(tx, record):
        raise NotYourListError("this pick list was given to somebody else just now")
    fulfilments.publish_picked(tx, work, work.fulfilment(task.fulfilment_id))
    tx.after_commit(partial(PICKED_UNITS.labels(row.location).inc, units))
    state = ListState.DONE if await queries.finish_locked(tx, list_id) else ListState.PICKING
    after = [as_now(t, task, work) if t.task_id == task.id else t for t in listed]
    return _answer(chosen, task, after, state, units)


async def undo_last_scan(tx: Transaction, list_id: UUID, picker: str) -> ScanAnswer:
    """Take the last scan of a list back; on a list that is done its units wait for the next list.

    Raises NothingToUndoError, PickListNotFoundError and NotYourListError.
    """
    row = await get_own_list(tx, list_id, picker, done_too=True)
    scan = await queries.last_scan(tx, list_id)
    if scan is None or scan.id is None:
        raise NothingToUndoError("no scan of this list is left to take back")
    listed = {t.task_id: t for t in await queries.list_tasks(tx, list_id)}
    order_id = listed[scan.task_id].order_id
    work = (await lock_work(tx, [order_id]))[order_id]
    task = work.task(scan.task_id)
    if task.to_box < scan.units:
        raise NothingToUndoError(f"the units of {task.sku} are packed or cancelled already")
    if not await queries.undo_scan(tx, scan.id, tx.now):
        raise NothingToUndoError("that scan was taken back just now")
    task.picked -= scan.units
    if not await queries.touch_list(tx, list_id, picker):
        task.list_id = None
    await fulfilments.settle_and_store(tx, [work])
    fulfilments.publish_picked(tx, work, work.fulfilment(task.fulfilment_id))
    after = await queries.list_tasks(tx, list_id)
    return _answer(listed[scan.task_id], task, after, ListState(row.state), scan.units)


async def get_own_list(tx: Transaction, list_id: UUID, picker: str, *, done_too: bool = False) -> PickList:
    """Read a list that this picker works on; raises PickListNotFoundError, NotYourListError and ListDoneError."""
    row = await queries.get_list(tx, list_id)
    if row is None:
        raise PickListNotFoundError(f"there is no pick list {list_id}")
    if row.picker != picker:
        holder = f"{row.picker}'s" if row.picker else "nobody's: take it first"
        raise NotYourListError(f"this pick list is {holder}", extra={"picker": row.picker})
    if row.state not in _ACTIVE and not done_too:
        raise ListDoneError("this pick list is done: ask for the next one")
    return row


def _choose(listed: Sequence[ListedTask], scan: Scan) -> ListedTask:
    """Find the task that a barcode and a tote stand for."""
    upcoming = next((task for task in listed if task.remaining), None)
    matching = [task for task in listed if task.units_of(scan.barcode)]
    if not matching:
        wanted = f"expected is {upcoming.name} ({upcoming.sku}) from bin {upcoming.bin}" if upcoming else "nothing is"
        raise WrongItemError(f"{scan.barcode} is not on this list: {wanted}", extra=expected(upcoming))
    here = [task for task in matching if scan.tote is None or task.tote == scan.tote]
    open_here = [task for task in here if task.remaining]
    if scan.tote is None and len({task.tote for task in open_here}) > 1:
        totes = ", ".join(task.tote for task in open_here)
        raise WrongToteError(
            f"several totes want {open_here[0].name}: scan the tote too ({totes})", extra=expected(open_here[0])
        )
    if open_here:
        return open_here[0]
    wanting = next((task for task in matching if task.remaining), None)
    if wanting is not None and not here:
        raise WrongToteError(
            f"{wanting.name} belongs into tote {wanting.tote}, not {scan.tote}", extra=expected(wanting)
        )
    return (here or matching)[0]


def as_now(listed: ListedTask, task: PickTask, work: Work) -> ListedTask:
    """Take a task's counts as they are under the lock."""
    return replace(
        listed,
        picked=task.picked,
        shorted=task.shorted,
        cancelled=task.cancelled,
        on_list=task.list_id is not None,
        fulfilment_state=work.fulfilment(task.fulfilment_id).state,
    )


def _check(task: ListedTask, units: int, scan: Scan) -> None:
    if task.fulfilment_state == FulfilmentState.ON_HOLD:
        raise OnHoldError(
            f"order {task.number} is on hold: leave {task.name} on the shelf and put tote {task.tote} aside",
            extra=expected(task),
        )
    if not task.remaining and task.cancelled:
        raise UnitsCancelledError(
            f"{task.name} of order {task.number} was cancelled: leave it on the shelf", extra=expected(task)
        )
    if units > task.remaining:
        read = f"{scan.barcode} stands for {units} units" if units > scan.quantity else f"{units} scanned"
        raise OverScanError(
            f"too many of {task.name} for tote {task.tote}: {read}, {task.remaining} wanted", extra=expected(task)
        )


def _answer(
    listed: ListedTask, task: PickTask, after: Sequence[ListedTask], state: ListState, units: int
) -> ScanAnswer:
    return ScanAnswer(
        task=show_task(listed, task),
        units=units,
        list_state=state,
        remaining=remaining_units(after),
        next=next_task(after),
    )
