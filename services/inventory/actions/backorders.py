"""Backorders: units that wait get stock by priority, earliest promise and order time, or at least a date."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from services.inventory.actions import warehouse
from services.inventory.actions.allocation import Shelf, read_arrivals, shelf_of
from services.inventory.actions.measures import count_units
from services.inventory.actions.moves import Move, apply_moves
from services.inventory.actions.routing import Ask
from services.inventory.actions.totals import publish_totals
from services.inventory.queries import reservations, stock
from services.inventory.queries.reservations import Demand, Reservation, Units
from services.inventory.states.stock import ReservationState
from shared.db import Transaction

R = ReservationState
BATCH = 500


async def fill_backorders(tx: Transaction, skus: Collection[str]) -> int:
    """Give free stock of these SKUs to those who wait and publish; gives how many units found some.

    Stock is locked here; orders somebody else works on are passed over. The job looks again and dates the rest.
    """
    found, demands, _ = await _fill(tx, skus)
    await publish_totals(tx, demands, {unit.order_id for unit in found})
    await warehouse.stock_found(tx, found)
    await reservations.mark_for_refill(tx, skus)
    return sum(unit.quantity for unit in found)


async def look_again(tx: Transaction) -> int:
    """Fill the backorders of one SKU whose stock or supply has changed, and date the rest; 0 when none is due."""
    sku = await reservations.claim_refill(tx)
    if sku is None:
        return 0
    found, demands, seen = await _fill(tx, [sku])
    dated = await _date(tx, sku, demands)
    await publish_totals(tx, demands, {unit.order_id for unit in found} | dated)
    await warehouse.stock_found(tx, found)
    passed_over = seen < BATCH and await reservations.count_waiting(tx, sku, BATCH) > seen - len(found)
    if passed_over or (seen == BATCH and found):
        await reservations.mark_for_refill(tx, [sku])
    return 1


async def _fill(tx: Transaction, skus: Collection[str]) -> tuple[list[Units], dict[UUID, Demand], int]:
    shelf = await shelf_of(tx, await stock.lock_reachable(tx, skus, ()))
    waiting = await reservations.claim_waiting(tx, skus, BATCH)
    moves = await _serve(tx, shelf, waiting)
    await apply_moves(tx, moves, locked=True)
    found = [Units(m.row.order_id, m.row.line_id, m.row.sku, m.location or "", m.quantity) for m in moves]
    count_units(tx, "filled", sum(unit.quantity for unit in found))
    return found, {demand.order_id: demand for demand, _ in waiting}, len(waiting)


async def _serve(tx: Transaction, shelf: Shelf, waiting: Sequence[tuple[Demand, Reservation]]) -> list[Move]:
    """Serve orders in turn, each with all its waiting units at once."""
    avoided = await reservations.list_avoided(tx, {row.line_id for _, row in waiting})
    by_order: dict[UUID, list[tuple[Demand, Reservation]]] = {}
    for demand, row in waiting:
        by_order.setdefault(demand.order_id, []).append((demand, row))
    moves: list[Move] = []
    for pairs in by_order.values():
        demand = pairs[0][0]
        own = {row.id: row for _, row in pairs}
        asks = [
            Ask(row.id, row.sku, row.quantity, row.pinned, avoided.get(row.line_id, frozenset()))
            for row in own.values()
        ]
        state = R.SOFT_RESERVED if demand.soft_until is not None else R.ALLOCATED
        moves += [Move(own[p.ask.line_id], p.quantity, state, p.location) for p in shelf.serve(demand, asks)]
    return moves


async def _date(tx: Transaction, sku: str, demands: dict[UUID, Demand]) -> set[UUID]:
    """Write when each waiting unit is expected, first in line first; give the orders whose date changed."""
    arrivals = await read_arrivals(tx, [sku], behind_queue=False)
    changes: list[tuple[Reservation, Reservation]] = []
    for _, row in await reservations.claim_waiting(tx, [sku], BATCH):
        expected_at = arrivals.promise(row.sku, row.pinned, row.quantity)
        if expected_at != row.expected_at and row.order_id in demands:
            changes.append((row, replace(row, expected_at=expected_at)))
    if changes:
        await reservations.update_reservations(tx, changes)
    return {old.order_id for old, _ in changes}
