"""The repair of a reservation: staff give it back, with a reason; what its order still wants seeks stock again."""

from uuid import UUID

from services.inventory.actions import warehouse
from services.inventory.actions.displacement import displace
from services.inventory.actions.effects import Act
from services.inventory.actions.moves import apply_moves
from services.inventory.actions.totals import publish_totals
from services.inventory.actions.withdrawal import PUT_BACK_PENDING, Wish, Withdrawal, withdraw
from services.inventory.errors import (
    ReservationEndedError,
    ReservationNotFoundError,
    StillWantedError,
    UnitsPickedError,
)
from services.inventory.queries import reservations
from services.inventory.queries import warehouse as work
from services.inventory.queries.reservations import Demand, Reservation
from services.inventory.schemas.stock_answers import ReservationAnswer
from services.inventory.states.stock import HOLDING_STOCK, RESERVATIONS, ReservationState
from shared.audit import audit
from shared.db import Transaction
from shared.ids import new_id

R = ReservationState


async def release_reservation(tx: Transaction, reservation_id: UUID, reason: str, actor: str) -> ReservationAnswer:
    """Give a reservation's units back to stock; those a live order still wants seek others elsewhere, or wait.

    Of an ended order the units, or their waiting, end for good, and unpicked work on them is dropped. Raises
    ReservationNotFoundError, ReservationEndedError, StillWantedError when a live order's units hold nothing, and
    UnitsPickedError when they lie in a tote or parcel.
    """
    order_id = await reservations.order_of_reservation(tx, reservation_id)
    if order_id is None:
        raise ReservationNotFoundError(f"there is no reservation {reservation_id}")
    demand = (await reservations.lock_orders(tx, [order_id]))[order_id]
    row = await _read(tx, order_id, reservation_id)
    given_back = await _plan(tx, row)
    if demand.ended_at is None:
        await _seek_again(tx, demand, row, actor)
    else:
        await _end(tx, demand, given_back)
    if row.state in HOLDING_STOCK:
        await reservations.mark_for_refill(tx, [row.sku])
    after = await _read(tx, order_id, reservation_id)
    change = ({"state": row.state, "quantity": row.quantity}, {"state": after.state, "quantity": after.quantity})
    subject = f"reservation:{reservation_id}"
    await audit(tx, actor=actor, act="release_reservation", subject=subject, reason=reason, change=change)
    return ReservationAnswer.model_validate(after)


async def _read(tx: Transaction, order_id: UUID, reservation_id: UUID) -> Reservation:
    rows = await reservations.list_reservations(tx, [order_id])
    return next(row for row in rows if row.id == reservation_id)


async def _plan(tx: Transaction, row: Reservation) -> Withdrawal:
    """Work out what giving a reservation back means; raises when it holds nothing or its units are picked."""
    if not RESERVATIONS.allows(row.state, R.RELEASED):
        raise ReservationEndedError(f"this reservation is {row.state}: it holds nothing")
    if row.cancellation_id is not None:
        raise UnitsPickedError("its units are cancelled already: the put-back scan will release them")
    stages = await work.stage_counts(tx, [row.order_id])
    result = withdraw(Wish(row.order_id, row.line_id, row.quantity, new_id()), [row], stages, tx.now)
    picked = result.outcomes.get(PUT_BACK_PENDING, 0)
    if picked:
        raise UnitsPickedError(f"{picked} of its units are picked: cancel them, and they are put back by scan")
    return result


async def _seek_again(tx: Transaction, demand: Demand, row: Reservation, actor: str) -> None:
    if row.state not in HOLDING_STOCK:
        raise StillWantedError(
            f"this reservation is {row.state} and holds nothing, and its order still wants the units: cancel them there"
        )
    await displace(tx, [(row, row.quantity)], {demand.order_id: demand}, act=Act.RELEASE, actor=actor)


async def _end(tx: Transaction, demand: Demand, given_back: Withdrawal) -> None:
    await apply_moves(tx, given_back.moves)
    if given_back.work:
        await warehouse.cancel_units(tx, given_back.work, None)
    await publish_totals(tx, {demand.order_id: demand}, [demand.order_id], released="staff")
