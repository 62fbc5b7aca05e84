"""Holds: applied and let go with a reason; an authorization about to end is one."""

from uuid import UUID

from services.orders.actions.conclusion import finish
from services.orders.actions.drafting import make_hold
from services.orders.actions.finding import open_order, refuse_if_ended
from services.orders.actions.standing import standing
from services.orders.actions.work import Work
from services.orders.errors import HoldExistsError, HoldNotFoundError
from services.orders.models import Hold, OrderRecord
from services.orders.queries import orders
from services.orders.queries.views import order_view
from services.orders.schemas.staff import ApplyHold, ReleaseHold
from services.orders.schemas.views import OrderView
from services.orders.states import HOLD, HoldReason, HoldState, hold_progress
from shared.audit import audit
from shared.auth import Principal
from shared.db import Transaction
from shared.events.orders import HoldApplied, HoldReleased

_BATCH = 100


async def apply_hold(tx: Transaction, who: Principal, named: str, body: ApplyHold) -> OrderView:
    """Hold an order; after release this stops the warehouse up to hand-over."""
    work, record = await open_order(tx, who, named)
    refuse_if_ended(record)
    if any(hold.reason == body.reason for hold in record.open_holds):
        raise HoldExistsError(f"the order is on hold for {body.reason} already")
    hold = hold_order(work, record, body.reason, actor=who.actor, note=body.note)
    await audit(
        tx, actor=who.actor, act="apply_hold", subject=str(record.id), reason=body.note or body.reason,
        change=(None, {"hold_id": str(hold.id), "reason": body.reason}),
    )  # fmt: skip
    await finish(work)
    return order_view(record)


async def release_hold(tx: Transaction, who: Principal, named: str, hold_id: UUID, body: ReleaseHold) -> OrderView:
    """Let a hold go."""
    work, record = await open_order(tx, who, named)
    hold = next((one for one in record.open_holds if one.id == hold_id), None)
    if hold is None:
        raise HoldNotFoundError("the order has no such open hold")
    let_go(work, record, hold, actor=who.actor)
    await audit(tx, actor=who.actor, act="release_hold", subject=str(record.id), reason=body.note)
    await finish(work)
    return order_view(record)


def hold_order(work: Work, record: OrderRecord, reason: HoldReason, *, actor: str, note: str) -> Hold:
    """Put a hold on an order."""
    hold = make_hold(record.id, reason, actor, note, work.now)
    record.holds.append(hold)
    fact = HoldApplied(
        order_id=record.id,
        hold_id=hold.id,
        reason=reason,
        holder=hold.holder,
        progress=hold_progress(reason, hold.since, hold.due_at),
    )
    work.say(record, fact, actor=actor)
    work.announce(record, "order.on_hold", {"reason": str(reason)})
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


async def hold_expiring_authorizations(tx: Transaction) -> int:
    """Hold orders whose authorization ends soon and whose goods are still in the house."""
    work = await Work.open(tx, await orders.due_order_ids(tx, "authorization_due_at", _BATCH))
    for record in work.records.values():
        note = "the payment's authorization expires soon"
        hold_order(work, record, HoldReason.PAYMENT, actor="orders", note=note)
    await finish(work)
    return len(work.records)


async def release_due_orders(tx: Transaction) -> int:
    """Release orders whose day has come, or whose pause is over."""
    work = await Work.open(tx, await orders.releases_due(tx, _BATCH))
    await finish(work)
    return len(work.records)
