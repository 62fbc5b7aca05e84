"""Put-backs: cancelled units that were picked go back on their shelf by scan, and their reservation ends."""

from collections.abc import Sequence
from uuid import UUID

from services.inventory.actions import fulfilments, reservations
from services.inventory.errors import FulfilmentNotFoundError, NothingToPutBackError, OverScanError, VoidFirstError
from services.inventory.models.warehouse import PickTask, PutBack
from services.inventory.queries import orders, skus
from services.inventory.queries import shortfalls as queries
from services.inventory.queries.fulfilments import Work, lock_work
from services.inventory.queries.reservations import Units, lock_orders
from services.inventory.schemas.packing import PutBackAnswer, PutBackLine, PutBackScan
from services.inventory.states.warehouse import FulfilmentState
from shared.db import Transaction
from shared.events.inventory import PicksPutBack


async def put_back(tx: Transaction, fulfilment_id: UUID, scan: PutBackScan, actor: str) -> PutBackAnswer:
    """Lay cancelled units back on their shelf.

    Raises FulfilmentNotFoundError, NothingToPutBackError, OverScanError and VoidFirstError (they lie in a parcel).
    """
    order_id = await orders.order_of_fulfilment(tx, fulfilment_id)
    if order_id is None:
        raise FulfilmentNotFoundError(f"there is no fulfilment order {fulfilment_id}")
    await lock_orders(tx, [order_id])
    work = (await lock_work(tx, [order_id]))[order_id]
    found = await skus.find_by_barcode(tx, scan.barcode)
    sku, per_scan = found if found is not None else (scan.barcode, 1)
    due = [task for task in work.tasks_of(fulfilment_id) if task.sku == sku and task.put_back_due]
    if not due:
        raise NothingToPutBackError(f"no units of {sku} of order {work.order.number} are to be put back")
    taken = _take(due, scan.quantity * per_scan)
    cancellations = await _settle_requests(tx, taken)
    fulfilment = work.fulfilment(fulfilment_id)
    await fulfilments.settle_and_store(tx, [work])
    tx.publish(
        PicksPutBack(
            order_id=order_id, fulfilment_id=fulfilment_id,
            cancellation_id=next(iter(cancellations)) if len(cancellations) == 1 else None,
            lines=fulfilments.totals(work.tasks, lambda t: t.put_back),
        )
    )  # fmt: skip
    units = [Units(order_id, task.line_id, task.sku, fulfilment.location, count) for task, count in taken]
    await reservations.release_put_back(tx, units, document=f"fulfilment:{fulfilment_id}", actor=actor)
    return PutBackAnswer(
        fulfilment_id=fulfilment_id,
        state=FulfilmentState(fulfilment.state),
        put_back=[PutBackLine(line_id=task.line_id, sku=task.sku, quantity=count) for task, count in taken],
        due=_due(work, fulfilment_id),
    )


def _take(tasks: Sequence[PickTask], units: int) -> list[tuple[PickTask, int]]:
    """Take units out of the totes of tasks that want them back."""
    left = units
    taken: list[tuple[PickTask, int]] = []
    for task in tasks:
        count = min(left, task.put_back_due, task.in_tote)
        if count:
            task.put_back_due -= count
            task.put_back += count
            left -= count
            taken.append((task, count))
    if left and any(task.put_back_due for task in tasks):
        raise VoidFirstError(f"{left} units of {tasks[0].sku} lie in a parcel: open it again and empty it first")
    if left:
        raise OverScanError(f"{units} scanned, only {units - left} of {tasks[0].sku} were cancelled")
    return taken


async def _settle_requests(tx: Transaction, taken: Sequence[tuple[PickTask, int]]) -> set[UUID]:
    """Count the units against the requests they serve, oldest first; give the cancellations touched."""
    requests = await queries.list_put_backs(tx, [task.id for task, _ in taken])
    left = {task.id: count for task, count in taken}
    touched: list[PutBack] = []
    for request in requests:
        count = min(left[request.task_id], request.quantity - request.done)
        if count:
            left[request.task_id] -= count
            request.done += count
            touched.append(request)
    await queries.save_put_backs(tx, touched)
    return {request.cancellation_id for request in touched if request.cancellation_id is not None}


def _due(work: Work, fulfilment_id: UUID) -> list[PutBackLine]:
    return [
        PutBackLine(line_id=task.line_id, sku=task.sku, quantity=task.put_back_due)
        for task in work.tasks_of(fulfilment_id)
        if task.put_back_due
    ]
