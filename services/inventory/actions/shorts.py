"""Units missing or damaged: stock learns of it, other stock is sought, and the rest waits or ships without."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from prometheus_client import Counter

from services.inventory.actions import fulfilments, reservations, shortfalls
from services.inventory.actions.fulfilments import PlannedUnits
from services.inventory.actions.list_views import next_task, remaining_units, show_task
from services.inventory.actions.picking import as_now, get_own_list
from services.inventory.actions.shortfalls import Missing
from services.inventory.errors import (
    FulfilmentNotFoundError,
    NotYourListError,
    OverScanError,
    VoidFirstError,
    WrongItemError,
)
from services.inventory.models.warehouse import Fulfilment, PickTask
from services.inventory.queries import orders as order_queries
from services.inventory.queries import pick_lists
from services.inventory.queries.fulfilments import Work, lock_work
from services.inventory.queries.reservations import Units, lock_orders
from services.inventory.schemas.packing import Damage, DamageAnswer
from services.inventory.schemas.picking import Replacement, Short, ShortAnswer
from services.inventory.states.warehouse import ListState
from shared.auth import Principal
from shared.db import Transaction
from shared.events.inventory import ParcelDamaged, PickShorted, ShortfallHealed

SHORTED_UNITS = Counter("doorstep_shorted_units", "Units missed or damaged at the shelf", ["location", "reason"])


@dataclass(frozen=True, slots=True)
class Sought:
    """What became of missing units."""

    replaced: tuple[tuple[Fulfilment, int], ...]
    backordered: int
    expected_at: datetime | None

    def shown(self) -> list[Replacement]:
        """Give the replacements as answers."""
        return [
            Replacement(location=fulfilment.location, quantity=count, fulfilment_id=fulfilment.id)
            for fulfilment, count in self.replaced
        ]


async def short_pick(tx: Transaction, list_id: UUID, short: Short, who: Principal) -> ShortAnswer:
    """Take units off a task that are not on the shelf as they should be.

    Raises PickListNotFoundError, NotYourListError, ListDoneError, WrongItemError and OverScanError.
    """
    await get_own_list(tx, list_id, who.subject)
    listed = next((t for t in await pick_lists.list_tasks(tx, list_id) if t.task_id == short.task_id), None)
    if listed is None:
        raise WrongItemError("this task is not on this list", extra={"task_id": str(short.task_id)})
    await lock_orders(tx, [listed.order_id])
    works = await lock_work(tx, [listed.order_id])
    work = works[listed.order_id]
    task = work.task(short.task_id)
    remaining = as_now(listed, task, work).remaining
    if short.quantity > remaining:
        raise OverScanError(f"{short.quantity} reported, only {remaining} of {listed.name} are still wanted here")
    task.shorted += short.quantity
    task.short_reason = short.reason
    fulfilment = work.fulfilment(task.fulfilment_id)
    _publish_short(tx, fulfilment, task, short)
    sought = await _seek(tx, works, task, short.quantity, short.reason, who.actor)
    if not await pick_lists.touch_list(tx, list_id, who.subject):
        raise NotYourListError("this pick list was given to somebody else just now")
    done = await pick_lists.finish_locked(tx, list_id)
    after = await pick_lists.list_tasks(tx, list_id)
    row = await pick_lists.get_list(tx, list_id)
    return ShortAnswer(
        task=show_task(listed, task),
        list_state=ListState.DONE if done or row is None else ListState(row.state),
        remaining=remaining_units(after),
        next=next_task(after),
        replaced=sought.shown(),
        backordered=sought.backordered,
        expected_at=sought.expected_at,
    )


def _publish_short(tx: Transaction, fulfilment: Fulfilment, task: PickTask, short: Short) -> None:
    tx.publish(
        PickShorted(
            order_id=task.order_id, fulfilment_id=fulfilment.id, location=fulfilment.location, line_id=task.line_id,
            sku=task.sku, quantity=short.quantity, reason=short.reason,
        )
    )  # fmt: skip
    tx.after_commit(partial(SHORTED_UNITS.labels(fulfilment.location, short.reason).inc, short.quantity))


async def report_damage(tx: Transaction, fulfilment_id: UUID, damage: Damage, actor: str) -> DamageAnswer:
    """Take units damaged between pick and hand-over off the order and seek others.

    Raises FulfilmentNotFoundError, WrongItemError, OverScanError and VoidFirstError (they lie in a closed parcel).
    """
    order_id = await order_queries.order_of_fulfilment(tx, fulfilment_id)
    if order_id is None:
        raise FulfilmentNotFoundError(f"there is no fulfilment order {fulfilment_id}")
    await lock_orders(tx, [order_id])
    works = await lock_work(tx, [order_id])
    work = works[order_id]
    tasks = [t for t in work.tasks_of(fulfilment_id) if t.sku == damage.sku and t.picked]
    if not tasks:
        raise WrongItemError(f"no units of {damage.sku} were picked for this order here")
    task = next((t for t in tasks if t.to_box >= damage.quantity), tasks[0])
    if task.to_box < damage.quantity:
        if task.boxed > task.handed_over:
            raise VoidFirstError("the units lie in a parcel: open it again first, then report them")
        raise OverScanError(f"{damage.quantity} reported damaged, only {task.to_box} lie in the tote")
    task.damaged += damage.quantity
    fulfilment = work.fulfilment(fulfilment_id)
    tx.publish(
        ParcelDamaged(
            order_id=order_id, fulfilment_id=fulfilment_id, location=fulfilment.location, line_id=task.line_id,
            sku=task.sku, quantity=damage.quantity,
        )
    )  # fmt: skip
    sought = await _seek(tx, works, task, damage.quantity, "damaged", actor)
    fulfilments.publish_picked(tx, work, fulfilment)
    return DamageAnswer(
        fulfilment_id=fulfilment_id,
        state=fulfilment.state,
        replaced=sought.shown(),
        backordered=sought.backordered,
        expected_at=sought.expected_at,
    )


async def _seek(
    tx: Transaction, works: dict[UUID, Work], task: PickTask, quantity: int, reason: str, actor: str
) -> Sought:
    """Have stock find other units for those just missed, plan their picks, open a shortfall for the rest."""
    work = works[task.order_id]
    missed_at = work.fulfilment(task.fulfilment_id)
    units = Units(task.order_id, task.line_id, task.sku, missed_at.location, quantity)
    found = await reservations.short(tx, units, reason, actor=actor)
    for unit in found.replaced:
        tx.publish(
            ShortfallHealed(
                order_id=unit.order_id, line_id=unit.line_id, sku=unit.sku, quantity=unit.quantity,
                location=unit.location,
            )
        )  # fmt: skip
    planned = [
        PlannedUnits(u.order_id, missed_at.release_no, u.line_id, u.sku, u.location, u.quantity) for u in found.replaced
    ]
    touched = await fulfilments.plan_units(tx, works, planned)
    missed_at.missing += found.backordered
    await fulfilments.settle_and_store(tx, works.values())
    if found.backordered:
        await shortfalls.open_shortfalls(
            tx, [Missing(missed_at, task.line_id, task.sku, found.backordered, found.expected_at)]
        )
    if touched:
        await fulfilments.publish_planned(tx, works, touched)
    placed = {f.location: f for f in touched}
    return Sought(tuple((placed[u.location], u.quantity) for u in found.replaced), found.backordered, found.expected_at)
