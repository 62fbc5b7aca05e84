"""The repair of stock that is held for nothing: staff give one reservation back, with a reason."""

from uuid import UUID

from services.inventory.actions import warehouse
from services.inventory.actions.moves import apply_moves
from services.inventory.actions.totals import publish_totals
from services.inventory.actions.withdrawal import PUT_BACK_PENDING, Wish, withdraw
from services.inventory.errors import ReservationEndedError, ReservationNotFoundError, UnitsPickedError
from services.inventory.queries import reservations
from services.inventory.queries import warehouse as work
from services.inventory.queries.reservations import Reservation
from services.inventory.schemas.stock_answers import ReservationAnswer
from services.inventory.states.stock import HOLDING_STOCK, RESERVATIONS, ReservationState
from shared.audit import audit
from shared.db import Transaction
from shared.ids import new_id

R = ReservationState


async def release_reservation(tx: Transaction, reservation_id: UUID, reason: str, actor: str) -> ReservationAnswer:
    """Give a reservation's units back to stock, or end their waiting; unpicked work on them is dropped.

    Raises ReservationNotFoundError, ReservationEndedError, and UnitsPickedError when they lie in a tote or parcel.
    """
    order_id = await reservations.order_of_reservation(tx, reservation_id)
    if order_id is None:
        raise ReservationNotFoundError(f"there is no reservation {reservation_id}")
    demands = await reservations.lock_orders(tx, [order_id])
    rows = await reservations.list_reservations(tx, [order_id])
    row = next(row for row in rows if row.id == reservation_id)
    await _withdraw(tx, row)
    if row.state in HOLDING_STOCK:
        await reservations.mark_for_refill(tx, [row.sku])
    await publish_totals(tx, demands, [order_id], released="staff")
    change = ({"state": row.state, "quantity": row.quantity}, {"state": R.RELEASED, "quantity": row.quantity})
    subject = f"reservation:{reservation_id}"
    await audit(tx, actor=actor, act="release_reservation", subject=subject, reason=reason, change=change)
    after = await reservations.list_reservations(tx, [order_id])
    return ReservationAnswer.model_validate(next(row for row in after if row.id == reservation_id))


async def _withdraw(tx: Transaction, row: Reservation) -> None:
    if not RESERVATIONS.allows(row.state, R.RELEASED):
        raise ReservationEndedError(f"this reservation is {row.state}: it holds nothing")
    if row.cancellation_id is not None:
        raise UnitsPickedError("its units are cancelled already: the put-back scan will release them")
    stages = await work.stage_counts(tx, [row.order_id])
    result = withdraw(Wish(row.order_id, row.line_id, row.quantity, new_id()), [row], stages, tx.now)
    picked = result.outcomes.get(PUT_BACK_PENDING, 0)
    if picked:
        raise UnitsPickedError(f"{picked} of its units are picked: cancel them, and they are put back by scan")
    await apply_moves(tx, result.moves)
    if result.work:
        await warehouse.cancel_units(tx, result.work, None)
