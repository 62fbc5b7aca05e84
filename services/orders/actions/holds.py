"""Holds as people and timers set and end them; an authorization about to end is one."""

from uuid import UUID

from services.orders.actions import holding
from services.orders.actions.conclusion import finish
from services.orders.actions.drafting import LAPSING
from services.orders.actions.finding import open_order, refuse_if_ended
from services.orders.actions.work import Work
from services.orders.errors import HoldExistsError, HoldNotFoundError
from services.orders.queries import orders
from services.orders.queries.views import order_view
from services.orders.schemas.staff import ApplyHold, ReleaseHold
from services.orders.schemas.views import OrderView
from services.orders.states import HoldReason
from shared.audit import audit
from shared.auth import Principal
from shared.db import Transaction

_BATCH = 100


async def apply_hold(tx: Transaction, who: Principal, named: str, body: ApplyHold) -> OrderView:
    """Hold an order; after release this stops the warehouse up to hand-over."""
    work, record = await open_order(tx, who, named)
    refuse_if_ended(record)
    if any(hold.reason == body.reason for hold in record.open_holds):
        raise HoldExistsError(f"the order is on hold for {body.reason} already")
    hold = holding.make_hold(record.id, body.reason, who.actor, body.note, work.now)
    holding.put_on(work, record, hold)
    await audit(
        tx, actor=who.actor, act="apply_hold", subject=str(record.id), reason=body.reason,  # the note is about a person
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
    if hold.reason == HoldReason.PAYMENT:
        record.head.accepted_expiry = record.head.authorization_expires_at
    holding.let_go(work, record, hold, actor=who.actor)
    await audit(tx, actor=who.actor, act="release_hold", subject=str(record.id), reason=body.note)
    await finish(work)
    return order_view(record)


async def hold_expiring_authorizations(tx: Transaction) -> int:
    """Hold orders whose authorization ends soon and whose goods are still in the house."""
    work = await Work.open(tx, await orders.due_order_ids(tx, "authorization_due_at", _BATCH))
    for record in work.records.values():
        due_at = record.head.authorization_due_at
        if due_at is not None and due_at <= work.now:  # nobody reported a payment while we waited for the lock
            expires_at = record.head.authorization_expires_at
            hold = holding.make_hold(record.id, HoldReason.PAYMENT, "orders", LAPSING, work.now, expires_at)
            holding.put_on(work, record, hold)
    await finish(work)
    return len(work.records)


async def release_due_orders(tx: Transaction) -> int:
    """Release orders whose day has come, or whose pause is over."""
    work = await Work.open(tx, await orders.releases_due(tx, _BATCH))
    await finish(work)
    return len(work.records)
