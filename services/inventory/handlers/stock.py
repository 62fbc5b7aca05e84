"""Facts of orders that reserve, firm up or give back stock."""

from services.inventory.actions import cancellations, holds, rescheduling, reservations
from services.inventory.handlers.table import router
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import (
    CancellationRequested,
    HoldReleased,
    OrderAmended,
    OrderCancelled,
    OrderCompleted,
    OrderPlaced,
    OrderRejected,
    PromiseRevised,
)


@router.on(OrderPlaced)
async def on_order_placed(tx: Transaction, events: list[Received[OrderPlaced]]) -> None:
    """Reserve stock."""
    await reservations.reserve_stock(tx, events)


@router.on(HoldReleased)
async def on_hold_released(tx: Transaction, events: list[Received[HoldReleased]]) -> None:
    """Make soft reservations firm, and let held work go on."""
    await reservations.firm_up(tx, events)
    await holds.continue_work(tx, events)


@router.on(OrderAmended)
async def on_order_amended(tx: Transaction, events: list[Received[OrderAmended]]) -> None:
    """Give back units that are no longer ordered; the rest goes to the new destination, when it may."""
    await cancellations.reduce_orders(tx, events)
    await rescheduling.amend_work(tx, events)


@router.on(PromiseRevised)
async def on_promise_revised(tx: Transaction, events: list[Received[PromiseRevised]]) -> None:
    """Rank the order by its new promise, and move its work to the truck that keeps it."""
    await reservations.change_promises(tx, events)
    await rescheduling.move_cut_offs(tx, events)


@router.on(CancellationRequested)
async def on_cancellation_requested(tx: Transaction, events: list[Received[CancellationRequested]]) -> None:
    """Take back what can be taken back and answer."""
    await cancellations.answer_cancellations(tx, events)


@router.on(OrderCancelled)
async def on_order_cancelled(tx: Transaction, events: list[Received[OrderCancelled]]) -> None:
    """Give back whatever is still held."""
    await cancellations.end_orders(tx, events)


@router.on(OrderRejected)
async def on_order_rejected(tx: Transaction, events: list[Received[OrderRejected]]) -> None:
    """Give back whatever is still held."""
    await cancellations.end_orders(tx, events)


@router.on(OrderCompleted)
async def on_order_completed(tx: Transaction, events: list[Received[OrderCompleted]]) -> None:
    """Note that the order wants no more stock."""
    await cancellations.note_completed(tx, events)
