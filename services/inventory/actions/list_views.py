"""How a pick list looks to people: its tasks in walking order, its totes, and what to pick next."""

from collections.abc import Sequence

from services.inventory.models.warehouse import PickList, PickTask
from services.inventory.queries import pick_lists as queries
from services.inventory.queries.pick_lists import ListedTask
from services.inventory.schemas.picking import BarcodeAnswer, ListAnswer, TaskAnswer, ToteAnswer
from services.inventory.states.warehouse import ListState, PickMode, TaskState
from shared.db import Transaction


async def show_list(tx: Transaction, row: PickList) -> ListAnswer:
    """Give a list with its tasks in walking order."""
    listed = await queries.list_tasks(tx, row.id)
    tasks = [show_task(task) for task in listed if task.on_list]
    totes = {
        task.tote: ToteAnswer(
            tote=task.tote, fulfilment_id=task.fulfilment_id, order_id=task.order_id, number=task.number
        )
        for task in listed
    }
    return ListAnswer(
        id=row.id,
        location=row.location,
        mode=PickMode(row.mode),
        state=ListState(row.state),
        picker=row.picker,
        cut_off_at=row.cut_off_at,
        totes=[totes[tote] for tote in sorted(totes, key=tote_order)],
        tasks=tasks,
        next=next_task(listed),
        remaining=remaining_units(listed),
    )


def tote_order(tote: str) -> tuple[int, str]:
    """Sort T2 before T10."""
    return len(tote), tote


def next_task(tasks: Sequence[ListedTask]) -> TaskAnswer | None:
    """Give the first task in walking order with units to pick."""
    return next((show_task(task) for task in tasks if task.remaining), None)


def remaining_units(tasks: Sequence[ListedTask]) -> int:
    """Count the units a list still wants."""
    return sum(task.remaining for task in tasks)


def show_task(task: ListedTask, now: PickTask | None = None) -> TaskAnswer:
    """Give a task as listed, with the counts it has `now` if they have moved since."""
    counts = now or task
    return TaskAnswer(
        task_id=task.task_id,
        fulfilment_id=task.fulfilment_id,
        order_id=task.order_id,
        line_id=task.line_id,
        number=task.number,
        tote=task.tote,
        bin=task.bin,
        walk_order=task.walk_order,
        sku=task.sku,
        name=task.name,
        barcodes=[BarcodeAnswer(code=b.code, units=b.units) for b in task.barcodes],
        quantity=task.quantity,
        picked=counts.picked,
        shorted=counts.shorted,
        cancelled=counts.cancelled,
        remaining=now.unpicked if now is not None else task.remaining,
        state=TaskState(counts.state),
    )


def expected(task: ListedTask | None) -> dict[str, object]:
    """Say to a program what a refused scan should have been."""
    if task is None:
        return {"expected": None}
    return {
        "expected": {
            "bin": task.bin, "sku": task.sku, "name": task.name, "tote": task.tote, "quantity": task.remaining,
        }
    }  # fmt: skip
