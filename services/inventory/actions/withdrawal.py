"""Withdrawal: which of a line's units can still be taken back, and at what stage each is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.inventory.actions.moves import Move
from services.inventory.actions.warehouse import CancelUnits
from services.inventory.queries.reservations import Reservation
from services.inventory.queries.warehouse import StageCount
from services.inventory.states.stock import HOLDING_STOCK, WAITING, ReservationState

R = ReservationState

CANCELLED = "cancelled"
PUT_BACK_PENDING = "put_back_pending"
INTERCEPT_REQUESTED = "intercept_requested"
REFUSED_SHIPPED = "refused_shipped"

Stages = Mapping[tuple[UUID, str], StageCount]


@dataclass(frozen=True, slots=True)
class Wish:
    """Units of a line that shall be taken back; `cause` is the id of the cancellation or event behind it."""

    order_id: UUID
    line_id: UUID
    quantity: int
    cause: UUID


@dataclass(slots=True)
class Withdrawal:
    """What a wish comes to: units by outcome, moves of reservations, and work the warehouse must drop."""

    wish: Wish
    outcomes: dict[str, int] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    work: list[CancelUnits] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Units of the wish without an outcome yet."""
        return self.wish.quantity - sum(self.outcomes.values())

    def note(self, outcome: str, count: int) -> None:
        """Count units under an outcome."""
        if count > 0:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count


def withdraw(wish: Wish, rows: Sequence[Reservation], stages: Stages, intercept_after: datetime) -> Withdrawal:
    """Take units back where that costs least: without stock, then unpicked, picked, handed over at last.

    Units handed over after `intercept_after` may still be intercepted; a parcel longer on its way is refused.
    What no reservation of the line covers is cancelled: nothing holds it.
    """
    result = Withdrawal(wish)
    own = [row for row in rows if row.line_id == wish.line_id and row.cancellation_id is None]
    for row in own:
        if row.state in WAITING or row.state is R.EXPIRED:
            taken = _take(result, row, result.missing, R.RELEASED)
            if taken and row.state in WAITING:
                result.work.append(CancelUnits(wish.order_id, wish.line_id, "", taken, 0))
    held = [row for row in own if row.state in HOLDING_STOCK]
    secured = {code: _secured(stages, wish.line_id, code) for code in {row.location for row in held} if code}
    for code, count in sorted(secured.items()):
        _take_unpicked(result, [row for row in held if row.location == code], stages, code, count)
    for code, count in sorted(secured.items()):
        _doom(result, [row for row in held if row.location == code], code, count)
    for row in own:
        if row.state is R.CONSUMED:
            outcome = INTERCEPT_REQUESTED if row.since > intercept_after else REFUSED_SHIPPED
            result.note(outcome, min(row.quantity, result.missing))
    result.note(CANCELLED, result.missing)
    return result


def _secured(stages: Stages, line_id: UUID, location: str) -> int:
    """Count units that lie in totes and parcels."""
    stage = stages.get((line_id, location), StageCount())
    return stage.picked + stage.packed


def _take(result: Withdrawal, row: Reservation, most: int, to: ReservationState) -> int:
    count = min(row.quantity, most, result.missing)
    if count > 0:
        result.moves.append(Move(row, count, to, doomed_by=result.wish.cause))
        result.note(CANCELLED, count)
    return max(count, 0)


def _take_unpicked(
    result: Withdrawal, rows: Sequence[Reservation], stages: Stages, location: str, secured: int
) -> None:
    """Release units that nobody has picked, unplanned ones first."""
    takeable = max(sum(row.quantity for row in rows) - secured, 0)
    planned = min(stages.get((result.wish.line_id, location), StageCount()).unpicked, takeable)
    taken = 0
    for row in rows:
        taken += _take(result, row, takeable - taken, R.RELEASED)
    dropped = max(taken - (takeable - planned), 0)
    if dropped:
        result.work.append(CancelUnits(result.wish.order_id, result.wish.line_id, location, dropped, 0))


def _doom(result: Withdrawal, rows: Sequence[Reservation], location: str, secured: int) -> None:
    """Have picked units put back; their reservation lives until the scan that says so."""
    moved: dict[UUID, int] = {}
    for move in result.moves:
        moved[move.row.id] = moved.get(move.row.id, 0) + move.quantity
    doomed = 0
    for row in rows:
        count = min(row.quantity - moved.get(row.id, 0), secured - doomed, result.missing)
        if count > 0:
            result.moves.append(Move(row, count, R.ALLOCATED, row.location, doomed_by=result.wish.cause))
            result.note(PUT_BACK_PENDING, count)
            doomed += count
    if doomed:
        result.work.append(CancelUnits(result.wish.order_id, result.wish.line_id, location, 0, doomed))
