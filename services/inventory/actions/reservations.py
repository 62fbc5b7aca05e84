"""Reservations: orders get stock in arrival order, never more than lies there, and give it back or use it up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.inventory.actions.allocation import Arrivals, missing_units, open_shelf, read_arrivals
from services.inventory.actions.effects import Act, Effect, apply_effects
from services.inventory.actions.measures import count_units
from services.inventory.actions.moves import Move, apply_moves
from services.inventory.actions.routing import Ask, Placement
from services.inventory.actions.totals import line_totals, publish_standing, publish_totals
from services.inventory.errors import NotReservedError
from services.inventory.queries import reservations, stock
from services.inventory.queries.reservations import Demand, Reservation, Units
from services.inventory.states.stock import HOLDING_STOCK, WAITING, ReservationState
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import HoldReleased, OrderPlaced, PromiseRevised
from shared.failpoints import barrier
from shared.ids import new_id

R = ReservationState

Part = tuple[Reservation, int]
"""Some units of a reservation."""

EXPIRY_BATCH = 200
SHORT_ACTS = {
    "not_found": Act.SHORT_NOT_FOUND,
    "mismatch": Act.SHORT_MISMATCH,
    "damaged": Act.SHORT_DAMAGED,
}
"""What each reason of a short does to the buckets."""


@dataclass(frozen=True, slots=True)
class Shorted:
    """What became of units that could not be picked: placed elsewhere, or waiting until `expected_at`."""

    replaced: tuple[Units, ...]
    backordered: int
    expected_at: datetime | None


async def reserve_stock(tx: Transaction, events: Sequence[Received[OrderPlaced]]) -> None:
    """Reserve stock for all orders of a wave: one lock, one update, one answer per order."""
    demands = [_demand(event) for event in events]
    asks = [_asks(event.event) for event in events]
    await reservations.insert_orders(tx, demands)
    shelf = await open_shelf(tx, [ask for lines in asks for ask in lines])
    placed = [shelf.serve(demand, lines) for demand, lines in zip(demands, asks, strict=True)]
    missing = [missing_units(lines, places) for lines, places in zip(asks, placed, strict=True)]
    arrivals = await read_arrivals(tx, {ask.sku for units in missing for ask, _ in units}, behind_queue=True)
    rows: list[Reservation] = []
    for demand, places, units in zip(demands, placed, missing, strict=True):
        own = [*_held(tx, demand, places), *_waiting(tx, demand, units, arrivals)]
        publish_standing(tx, demand, line_totals(own))
        rows.extend(own)
    await apply_effects(tx, [_reserve(row) for row in rows if row.location is not None], locked=True)
    count_units(tx, "reserved", sum(row.quantity for row in rows if row.location is not None))
    count_units(tx, "backordered", sum(row.quantity for row in rows if row.location is None))
    if rows:
        await reservations.insert_reservations(tx, rows)


def _demand(received: Received[OrderPlaced]) -> Demand:
    order = received.event
    return Demand(
        order_id=order.order_id,
        number=order.number,
        service_level=order.service_level,
        country_code=order.destination.country_code,
        postal_zone=order.destination.postal_zone,
        priority=order.priority,
        ship_by=order.promise.ship_by,
        ship_after=order.ship_after,
        placed_at=received.occurred_at,
        partial_shipments=order.policy.partial_shipments,
        soft_until=order.soft_until,
    )


def _asks(order: OrderPlaced) -> list[Ask]:
    return [Ask(line.line_id, line.sku, line.quantity, line.location) for line in order.lines if line.requires_shipping]


def _held(tx: Transaction, demand: Demand, placements: Sequence[Placement]) -> list[Reservation]:
    state = R.SOFT_RESERVED if demand.soft_until is not None else R.ALLOCATED
    return [replace(_row(tx, demand, p.ask, p.quantity), state=state, location=p.location) for p in placements]


def _waiting(
    tx: Transaction, demand: Demand, units: Sequence[tuple[Ask, int]], arrivals: Arrivals
) -> list[Reservation]:
    return [
        replace(
            _row(tx, demand, ask, count),
            state=R.BACKORDERED,
            expected_at=arrivals.promise(ask.sku, ask.pinned, count),
        )
        for ask, count in units
    ]


def _row(tx: Transaction, demand: Demand, ask: Ask, quantity: int) -> Reservation:
    return Reservation(
        id=new_id(),
        order_id=demand.order_id,
        line_id=ask.line_id,
        sku=ask.sku,
        location=None,
        quantity=quantity,
        state=R.REQUESTED,
        pinned=ask.pinned,
        expected_at=None,
        cancellation_id=None,
        since=tx.now,
    )


def _reserve(row: Reservation) -> Effect:
    return Effect(Act.RESERVE, row.sku, row.location or "", row.quantity, f"order:{row.order_id}")


async def firm_up(tx: Transaction, events: Sequence[Received[HoldReleased]]) -> None:
    """Make soft reservations firm once no payment hold is left; what has expired meanwhile is sought again."""
    wanted = {event.event.order_id for event in events if "payment" not in event.event.remaining}
    demands = await reservations.lock_orders(tx, wanted)
    open_ids = [order_id for order_id, demand in demands.items() if demand.ended_at is None]
    rows = await reservations.list_reservations(tx, open_ids)
    soft = {order_id for order_id in open_ids if demands[order_id].soft_until is not None}
    lost = [row for row in rows if row.state is R.EXPIRED and row.cancellation_id is None]
    changed = soft | {row.order_id for row in lost}
    if not changed:
        return
    await reservations.set_soft_until(tx, changed, None)
    firm = await reservations.lock_orders(tx, changed)
    await apply_moves(
        tx, [Move(row, row.quantity, R.ALLOCATED, row.location) for row in rows if row.state is R.SOFT_RESERVED]
    )
    await seek_stock(tx, firm, [(row, row.quantity) for row in lost])
    await publish_totals(tx, firm, changed)


async def change_promises(tx: Transaction, events: Sequence[Received[PromiseRevised]]) -> None:
    """Rank orders by what they are promised now."""
    await reservations.lock_orders(tx, {event.event.order_id for event in events})
    await reservations.set_ship_by(tx, [(e.event.order_id, e.event.promise.ship_by) for e in events])


async def seek_stock(
    tx: Transaction, demands: Mapping[UUID, Demand], parts: Sequence[Part], *, act: Act | None = None, actor: str = ""
) -> list[Units]:
    """Find stock for units that lost theirs or never had it; what finds none waits. Gives what was placed.

    Their orders are locked; the stock is locked here, that of the places they leave included.
    """
    if not parts:
        return []
    asks = await _part_asks(tx, parts)
    shelf = await open_shelf(tx, asks)
    arrivals = await read_arrivals(tx, {row.sku for row, _ in parts}, behind_queue=True)
    moves: list[Move] = []
    for order_id in dict.fromkeys(row.order_id for row, _ in parts):
        own = {row.id: row for row, _ in parts if row.order_id == order_id}
        wanted = [ask for ask in asks if ask.line_id in own]
        state = R.SOFT_RESERVED if demands[order_id].soft_until is not None else R.ALLOCATED
        placements = shelf.serve(demands[order_id], wanted)
        moves += [Move(own[p.ask.line_id], p.quantity, state, p.location, act) for p in placements]
        for ask, count in missing_units(wanted, placements):
            expected_at = arrivals.promise(ask.sku, ask.pinned, count)
            moves.append(Move(own[ask.line_id], count, R.BACKORDERED, None, act, expected_at))
    await apply_moves(tx, moves, actor=actor, locked=True)
    return [_units(move) for move in moves if move.location is not None]


async def _part_asks(tx: Transaction, parts: Sequence[Part]) -> list[Ask]:
    """Ask for each part under its reservation's id; neither where it was shorted nor where it is displaced."""
    avoided = await reservations.list_avoided(tx, {row.line_id for row, _ in parts})
    asks: list[Ask] = []
    for row, count in parts:
        left = {row.location} if row.location is not None and row.state in HOLDING_STOCK else set()
        asks.append(Ask(row.id, row.sku, count, row.pinned, avoided.get(row.line_id, frozenset()) | left))
    return asks


def _units(move: Move) -> Units:
    return Units(move.row.order_id, move.row.line_id, move.row.sku, move.location or "", move.quantity)


async def reserve_again(tx: Transaction, units: Sequence[Units], *, actor: str = "") -> list[Units]:
    """Seek stock for released units whose reservation expired or was displaced; gives what is reserved now."""
    demands = await reservations.lock_orders(tx, {unit.order_id for unit in units})
    wanted: dict[UUID, int] = {}
    for unit in units:
        wanted[unit.line_id] = wanted.get(unit.line_id, 0) + unit.quantity
    parts: list[Part] = []
    for row in await reservations.list_reservations(tx, demands):
        lost = row.state is R.BACKORDERED or (row.state is R.EXPIRED and row.cancellation_id is None)
        count = min(row.quantity, wanted.get(row.line_id, 0)) if lost else 0
        if count:
            wanted[row.line_id] -= count
            parts.append((row, count))
    found = await seek_stock(tx, demands, parts, actor=actor)
    await publish_totals(tx, demands, {row.order_id for row, _ in parts})
    return found


async def expire_unpaid(tx: Transaction) -> int:
    """Give back what was only held for a payment that did not come; ≤ 200 orders."""
    demands = await reservations.claim_expired(tx, tx.now, EXPIRY_BATCH)
    if not demands:
        return 0
    await barrier("expiry.claimed")
    rows = await reservations.list_reservations(tx, demands)
    ending = [row for row in rows if row.state is R.SOFT_RESERVED or row.state in WAITING]
    await apply_moves(tx, [Move(row, row.quantity, R.EXPIRED, act=Act.EXPIRE) for row in ending])
    count_units(tx, "expired", sum(row.quantity for row in ending))
    await reservations.set_soft_until(tx, demands.keys(), None)
    await reservations.mark_for_refill(tx, {row.sku for row in ending})
    await publish_totals(tx, demands, {row.order_id for row in ending}, released="expired")
    return len(demands)


async def consume(tx: Transaction, units: Sequence[Units], *, document: str | None = None, actor: str = "") -> None:
    """Take handed-over units out of stock; raises NotReservedError naming a line that does not hold them."""
    await reservations.lock_orders(tx, {unit.order_id for unit in units})
    rows = await reservations.list_reservations(tx, {unit.order_id for unit in units})
    held = [row for row in rows if row.state is R.ALLOCATED and row.cancellation_id is None]
    await apply_moves(tx, _take(held, units, R.CONSUMED, Act.HAND_OVER), actor=actor, document=document)


async def release_put_back(
    tx: Transaction, units: Sequence[Units], *, document: str | None = None, actor: str = ""
) -> None:
    """Give back cancelled units that lie on their shelf again; raises NotReservedError."""
    demands = await reservations.lock_orders(tx, {unit.order_id for unit in units})
    rows = await reservations.list_reservations(tx, demands)
    doomed = [row for row in rows if row.state is R.ALLOCATED and row.cancellation_id is not None]
    await apply_moves(tx, _take(doomed, units, R.RELEASED, Act.PUT_BACK), actor=actor, document=document)
    await reservations.mark_for_refill(tx, {unit.sku for unit in units})
    await publish_totals(tx, demands, demands.keys(), released="put_back")


async def short(tx: Transaction, units: Units, reason: str, *, actor: str) -> Shorted:
    """Take units that could not be picked off this line and look for others elsewhere.

    `reason` is not_found, mismatch or damaged; the location is not offered to the line again until stock was
    received or counted there. Raises NotReservedError.
    """
    demands = await reservations.lock_orders(tx, {units.order_id})
    rows = await reservations.list_reservations(tx, demands)
    held = [row for row in rows if row.state is R.ALLOCATED and row.cancellation_id is None]
    taken = _take(held, [units], R.REALLOCATING, SHORT_ACTS[reason])
    await reservations.avoid_location(tx, units.line_id, units.location, units.sku, reason)
    parts = [(move.row, move.quantity) for move in taken]
    placed = await seek_stock(tx, demands, parts, act=SHORT_ACTS[reason], actor=actor)
    if reason != "damaged":
        await stock.open_count_task(tx, units.sku, units.location, reason)
    await publish_totals(tx, demands, demands.keys())
    after = await reservations.list_reservations(tx, demands)
    waiting = [row for row in after if row.line_id == units.line_id and row.state is R.BACKORDERED]
    missing = units.quantity - sum(unit.quantity for unit in placed)
    dates = [row.expected_at for row in waiting if row.expected_at is not None]
    return Shorted(tuple(placed), missing, max(dates) if missing and len(dates) == len(waiting) else None)


def _take(held: Collection[Reservation], units: Sequence[Units], to: ReservationState, act: Act) -> list[Move]:
    """Take units out of what lines hold at locations, oldest reservation first."""
    left = {row.id: row.quantity for row in held}
    moves: list[Move] = []
    for unit in units:
        missing = unit.quantity
        for row in held:
            if (row.line_id, row.location) == (unit.line_id, unit.location) and missing and left[row.id]:
                count = min(missing, left[row.id])
                left[row.id] -= count
                missing -= count
                moves.append(Move(row, count, to, act=act))
        if missing:
            raise NotReservedError(
                f"the line holds {missing} fewer units of {unit.sku} at {unit.location} than this takes",
                extra={"line_id": str(unit.line_id), "missing": missing},
            )
    return moves
