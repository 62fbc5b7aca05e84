"""Moves of reserved units: validated by the transition table, applied to reservations and stock together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.inventory.actions.effects import Act, Effect, apply_effects
from services.inventory.queries import reservations
from services.inventory.queries.reservations import Reservation
from services.inventory.states.stock import HOLDING_STOCK, RESERVATIONS, WAITING, ReservationState
from shared.db import Transaction
from shared.errors import ConflictError
from shared.ids import new_id

R = ReservationState

# What leaving stock's hold does to the buckets, by where the units go.
LEAVING: dict[ReservationState, Act] = {
    R.RELEASED: Act.RELEASE,
    R.EXPIRED: Act.EXPIRE,
    R.CONSUMED: Act.HAND_OVER,
    R.REALLOCATING: Act.DISPLACE,
}


class ReservationChangedError(ConflictError):
    """The reservation was changed by somebody else meanwhile."""

    code = "reservation_changed"


@dataclass(frozen=True, slots=True)
class Move:
    """`quantity` units of a reservation go to state `to`, at `location` where that holds stock.

    `act` overrides what leaving the old place does to the buckets; `doomed_by` is the cancellation that ended
    them, or for which they only wait to be put back (`to` is then the state they are in).
    """

    row: Reservation
    quantity: int
    to: ReservationState
    location: str | None = None
    act: Act | None = None
    expected_at: datetime | None = None
    doomed_by: UUID | None = None

    @property
    def path(self) -> tuple[ReservationState, ...]:
        """The states passed through: units that change their place, or lose it, are reallocating in between."""
        holds = self.row.state in HOLDING_STOCK
        seeks = self.to in HOLDING_STOCK | WAITING and self.location != self.row.location
        if holds and seeks:
            return self.row.state, R.REALLOCATING, self.to
        if self.row.state is R.EXPIRED and self.to not in {R.RELEASED, R.EXPIRED}:
            return self.row.state, R.REQUESTED, self.to
        return self.row.state, self.to


def effects_of(move: Move, actor: str, document: str | None) -> Iterable[Effect]:
    """Give what a move does to stock: its old place loses the hold, its new place gains it."""
    row, document = move.row, document or f"order:{move.row.order_id}"
    held = row.location if row.state in HOLDING_STOCK else None
    holds = move.location if move.to in HOLDING_STOCK else None
    if held is not None and held != holds:
        act = move.act or LEAVING[move.path[1]]
        yield Effect(act, row.sku, held, move.quantity, document, actor)
    if holds is not None and held != holds:
        yield Effect(Act.RESERVE, row.sku, holds, move.quantity, document, actor)


async def apply_moves(
    tx: Transaction, moves: Sequence[Move], *, actor: str = "", document: str | None = None, locked: bool = False
) -> None:
    """Apply moves of reservations whose orders are locked; `locked` says that the stock is locked as well.

    Raises IllegalMoveError for a move the table does not know, ReservationChangedError when a row is not as
    it was read.
    """
    moves = [move for move in moves if move.quantity > 0]
    if not moves:
        return
    for move in moves:
        for old, new in zip(move.path, move.path[1:], strict=False):
            if old is not new:
                RESERVATIONS.check(old, new)
    changes, fresh = _split(moves, tx.now)
    await apply_effects(tx, [effect for move in moves for effect in effects_of(move, actor, document)], locked=locked)
    if await reservations.update_reservations(tx, changes) != len(changes):
        raise ReservationChangedError("a reservation was changed meanwhile; try again")
    if fresh:
        await reservations.insert_reservations(tx, fresh)


def _split(moves: Sequence[Move], now: datetime) -> tuple[list[tuple[Reservation, Reservation]], list[Reservation]]:
    """Work out row changes (old, new) and new rows: the first part of a row moved whole keeps its row."""
    by_row: dict[UUID, list[Move]] = {}
    for move in moves:
        by_row.setdefault(move.row.id, []).append(move)
    changes: list[tuple[Reservation, Reservation]] = []
    fresh: list[Reservation] = []
    for parts in by_row.values():
        old = parts[0].row
        left = old.quantity - sum(part.quantity for part in parts)
        if left < 0:
            raise ReservationChangedError("more units were moved than the reservation has")
        if left > 0:
            changes.append((old, replace(old, quantity=left)))
            fresh.extend(_moved(part, now, new_id()) for part in parts)
        else:
            changes.append((old, _moved(parts[0], now, old.id)))
            fresh.extend(_moved(part, now, new_id()) for part in parts[1:])
    return changes, fresh


def _moved(move: Move, now: datetime, row_id: UUID) -> Reservation:
    keeps_place = move.to in HOLDING_STOCK
    location = move.location if keeps_place else None if move.to in WAITING else move.row.location
    return replace(
        move.row,
        id=row_id,
        quantity=move.quantity,
        state=move.to,
        location=location,
        expected_at=move.expected_at,
        cancellation_id=move.doomed_by,
        since=move.row.since if move.to is move.row.state and location == move.row.location else now,
    )
