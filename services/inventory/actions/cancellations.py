"""Cancellations: every request gets exactly one answer, with an outcome for each line and unit."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from services.inventory.actions import warehouse
from services.inventory.actions.moves import apply_moves
from services.inventory.actions.totals import publish_totals
from services.inventory.actions.withdrawal import Wish, Withdrawal, withdraw
from services.inventory.queries import reservations
from services.inventory.queries import warehouse as work
from services.inventory.queries.reservations import Reservation
from services.inventory.settings import settings
from services.inventory.states.stock import ENDED, HOLDING_STOCK, WAITING, ReservationState
from shared.db import Transaction
from shared.events.base import Received
from shared.events.inventory import CancellationAnswered, CancellationOutcome
from shared.events.orders import CancellationRequested, OrderAmended, OrderCancelled, OrderCompleted, OrderRejected

R = ReservationState


async def answer_cancellations(tx: Transaction, events: Sequence[Received[CancellationRequested]]) -> None:
    """Take back what each request asks for and answer it; a request that has its answer gets no other."""
    await reservations.lock_orders(tx, {event.event.order_id for event in events})
    answered = await reservations.list_answered(tx, {event.event.cancellation_id for event in events})
    events = [event for event in events if event.event.cancellation_id not in answered]
    wishes = [
        Wish(event.event.order_id, line.line_id, line.quantity, event.event.cancellation_id)
        for event in events
        for line in event.event.lines
    ]
    results = await _withdraw(tx, wishes, released="cancelled")
    for event in events:
        request = event.event
        skus = {line.line_id: line.sku for line in request.lines}
        outcomes = tuple(
            CancellationOutcome(
                line_id=result.wish.line_id, sku=skus[result.wish.line_id], quantity=count, outcome=outcome
            )
            for result in results
            if result.wish.cause == request.cancellation_id
            for outcome, count in result.outcomes.items()
        )
        stored = [outcome.model_dump(mode="json") for outcome in outcomes]
        await reservations.insert_answer(tx, request.cancellation_id, request.order_id, request.reason, stored)
        tx.publish(
            CancellationAnswered(order_id=request.order_id, cancellation_id=request.cancellation_id, outcomes=outcomes)
        )


async def reduce_orders(tx: Transaction, events: Sequence[Received[OrderAmended]]) -> None:
    """Give back units an amendment took off a line, and rank the order by its new date.

    The ordered totals count cancelled units too; a line that is not listed is ordered no more.
    """
    await reservations.lock_orders(tx, {event.event.order_id for event in events})
    await reservations.set_ship_after(tx, [(e.event.order_id, e.event.ship_after) for e in events])
    rows = await reservations.list_reservations(tx, {event.event.order_id for event in events})
    cancelled = await reservations.count_cancelled(tx, {event.event.order_id for event in events})
    wishes: list[Wish] = []
    for event in events:
        ordered = {line.line_id: line.quantity for line in event.event.lines}
        for line_id, current in _current(rows, event.event.order_id).items():
            surplus = current - max(ordered.get(line_id, 0) - cancelled.get(line_id, 0), 0)
            if surplus > 0:
                wishes.append(Wish(event.event.order_id, line_id, surplus, event.id))
    await _withdraw(tx, wishes, released="amended")


def _current(rows: Sequence[Reservation], order_id: UUID) -> dict[UUID, int]:
    """Count by line the units that are wanted or have left, without those a cancellation has taken.

    What has expired is still wanted: the payment may come yet, and then seeks stock for it again.
    """
    counts: dict[UUID, int] = {}
    for row in rows:
        is_wanted = row.state not in ENDED or row.state is R.EXPIRED
        if row.order_id == order_id and is_wanted and row.cancellation_id is None:
            counts[row.line_id] = counts.get(row.line_id, 0) + row.quantity
    return counts


async def end_orders(tx: Transaction, events: Sequence[Received[OrderCancelled] | Received[OrderRejected]]) -> None:
    """Give back whatever cancelled or rejected orders still hold or wait for."""
    causes = {event.event.order_id: event.id for event in events}
    await reservations.lock_orders(tx, causes)
    wishes: dict[UUID, Wish] = {}
    for row in await reservations.list_reservations(tx, causes):
        open_still = row.state in HOLDING_STOCK or row.state in WAITING or row.state is R.EXPIRED
        if open_still and row.cancellation_id is None:
            before = wishes.get(row.line_id)
            quantity = row.quantity + (before.quantity if before is not None else 0)
            wishes[row.line_id] = Wish(row.order_id, row.line_id, quantity, causes[row.order_id])
    await _withdraw(tx, list(wishes.values()), released="cancelled")
    await reservations.end_orders(tx, causes)


async def note_completed(tx: Transaction, events: Sequence[Received[OrderCompleted]]) -> None:
    """Note that orders want no more stock; what one still holds is drift, and staff give it back."""
    order_ids = {event.event.order_id for event in events}
    await reservations.lock_orders(tx, order_ids)
    await reservations.end_orders(tx, order_ids)


async def _withdraw(tx: Transaction, wishes: Sequence[Wish], *, released: str) -> list[Withdrawal]:
    order_ids = {wish.order_id for wish in wishes}
    demands = await reservations.lock_orders(tx, order_ids)
    stages = await work.stage_counts(tx, sorted(order_ids))
    rows = await reservations.list_reservations(tx, order_ids)
    intercept_after = tx.now - timedelta(hours=settings().intercept_hours)
    results = [withdraw(wish, rows, stages, intercept_after) for wish in wishes]
    moves = [move for result in results for move in result.moves]
    await apply_moves(tx, moves)
    for cause in dict.fromkeys(wish.cause for wish in wishes):
        units = [unit for result in results if result.wish.cause == cause for unit in result.work]
        if units:
            await warehouse.cancel_units(tx, units, cause)
    freed = {move.row.sku for move in moves if move.to is R.RELEASED and move.row.state in HOLDING_STOCK}
    await reservations.mark_for_refill(tx, freed)
    touched = {move.row.order_id for move in moves if move.to is R.RELEASED}
    await publish_totals(tx, demands, touched, released=released)
    return results
