"""Putting a hold on an order and letting it go; shared by people, reports, timers and the end of an order."""

from datetime import datetime
from uuid import UUID

from services.orders.actions.standing import standing
from services.orders.actions.work import Work
from services.orders.models import Hold, OrderRecord
from services.orders.states import HOLD, HoldReason, HoldState, hold_progress
from shared.events.orders import HoldApplied, HoldReleased
from shared.ids import new_id


def make_hold(
    order_id: UUID, reason: HoldReason, actor: str, note: str, now: datetime, due_at: datetime | None = None
) -> Hold:
    """Make a hold that somebody must answer for by its due time."""
    progress = hold_progress(reason, now, due_at)
    return Hold(
        id=new_id(),
        order_id=order_id,
        reason=reason,
        holder=progress.holder,
        since=now,
        due_at=progress.due_at,
        actor=actor,
        note=note,
    )


def put_on(work: Work, record: OrderRecord, hold: Hold) -> Hold:
    """Put a hold on an order."""
    record.holds.append(hold)
    fact = HoldApplied(
        order_id=record.id,
        hold_id=hold.id,
        reason=hold.reason,
        holder=hold.holder,
        progress=hold_progress(hold.reason, hold.since, hold.due_at),
    )
    work.say(record, fact, actor=hold.actor)
    work.announce(record, "order.on_hold", {"reason": str(hold.reason)})
    return hold


def let_go(work: Work, record: OrderRecord, hold: Hold, *, actor: str) -> None:
    """Release a hold; what follows is concluded at the end of the action."""
    HOLD.check(hold.state, HoldState.RELEASED)
    hold.state, hold.released_at, hold.released_by = HoldState.RELEASED, work.now, actor
    left = record.open_holds
    if not left:
        record.head.holds_cleared_at = work.now
    fact = HoldReleased(
        order_id=record.id,
        hold_id=hold.id,
        reason=hold.reason,
        remaining=tuple(str(one.reason) for one in left),
        progress=standing(record, work.now),
    )
    work.say(record, fact, actor=actor)


def close_all(work: Work, record: OrderRecord) -> None:
    """Close the holds of an order that has ended: nobody has to answer for them any more.

    They come after the fact of the end, so that nobody takes their release for leave to go on.
    """
    for hold in record.open_holds:
        let_go(work, record, hold, actor="orders")


def payment_hold(record: OrderRecord) -> Hold | None:
    """Give the hold that waits for money, if there is one."""
    return next((hold for hold in record.open_holds if hold.reason == HoldReason.PAYMENT), None)
