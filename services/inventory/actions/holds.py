"""Holds after release stop an order's fulfilment up to hand-over."""

from collections.abc import Sequence
from uuid import UUID

from services.inventory.actions import fulfilments
from services.inventory.queries import pick_lists
from services.inventory.queries.fulfilments import Work, lock_work, save_orders
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import HoldApplied, HoldReleased


async def stop_work(tx: Transaction, events: Sequence[Received[HoldApplied]]) -> None:
    """Stop the work on held orders: what is not picked leaves its list, what is in a tote is put aside."""
    works = await lock_work(tx, {event.event.order_id for event in events})
    for event in events:
        work = works.get(event.event.order_id)
        if work is not None:
            work.order.holds = sorted({*work.order.holds, event.event.reason})
            work.order.held_since = work.order.held_since or tx.now
    left_lists = {list_id for work in works.values() for list_id in take_off_lists(work)}
    await save_orders(tx, [work.order for work in works.values()])
    await fulfilments.settle_and_store(tx, works.values())
    await pick_lists.finish_lists(tx, left_lists)


async def continue_work(tx: Transaction, events: Sequence[Received[HoldReleased]]) -> None:
    """Let orders go on whose last hold is gone; their unpicked units wait for a new list."""
    works = await lock_work(tx, {event.event.order_id for event in events})
    for event in events:
        work = works.get(event.event.order_id)
        if work is not None:
            work.order.holds = sorted(event.event.remaining)
            work.order.held_since = work.order.held_since if work.order.holds else None
    await save_orders(tx, [work.order for work in works.values()])
    await fulfilments.settle_and_store(tx, works.values())


def take_off_lists(work: Work) -> list[UUID]:
    """Take what is not picked off its lists; gives the lists it left."""
    left: list[UUID] = []
    for task in work.tasks:
        if task.list_id is not None and task.unpicked:
            left.append(task.list_id)
            task.list_id = None
    return left
