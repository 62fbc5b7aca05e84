"""Cancelling on request: whatever the stage, each unit gets an outcome."""

from collections.abc import Sequence
from uuid import UUID

from services.orders.actions import cancelling, ledger
from services.orders.actions.conclusion import finish
from services.orders.actions.finding import named_lines, open_order, read_order, refuse_if_ended
from services.orders.actions.work import Work
from services.orders.errors import CancellationNotFoundError, NothingToCancelError, TooLateError
from services.orders.models import OrderLine, OrderRecord
from services.orders.queries import orders
from services.orders.queries.views import cancellation_view, order_view
from services.orders.schemas.intake import AskCancellation
from services.orders.schemas.staff import RejectOrder, WriteOff
from services.orders.schemas.views import CancellationView, OrderView
from services.orders.states import ORDER, OrderState
from shared.audit import audit
from shared.auth import Principal
from shared.db import Transaction
from shared.errors import FieldError, InvalidError
from shared.events.orders import LinesWrittenOff, OrderRejected

_BATCH = 100


async def ask_cancellation(tx: Transaction, who: Principal, named: str, body: AskCancellation) -> CancellationView:
    """Ask for units to be cancelled; raises NothingToCancelError or OrderEndedError."""
    work, record = await open_order(tx, who, named)
    refuse_if_ended(record)
    wanted = _wanted(record, body)
    asked = cancelling.Request(body.reason, who.actor, body.note)
    row = cancelling.request(work, record, wanted, asked)
    await finish(work)
    return cancellation_view(row)


def _wanted(record: OrderRecord, body: AskCancellation) -> list[tuple[OrderLine, int]]:
    wanted = cancelling.cancellable(record)
    if body.lines is not None:
        possible = {line.id: count for line, count in wanted}
        wanted = named_lines(record, body.lines)
        errors = tuple(
            FieldError(f"/lines/{number}/quantity", "too_many", f"only {possible[line.id]} units can be cancelled")
            for number, (line, quantity) in enumerate(wanted)
            if quantity > possible[line.id]
        )
        if errors:
            raise InvalidError("more units than can be cancelled", errors=errors)
    if not any(quantity for _, quantity in wanted):
        raise NothingToCancelError("every unit is cancelled, asked to be cancelled, or at its end already")
    return wanted


async def get_cancellation(tx: Transaction, who: Principal, named: str, cancellation_id: UUID) -> CancellationView:
    """Give a cancellation of an order."""
    record = await read_order(tx, who, named)
    for row in record.cancellations:
        if row.id == cancellation_id:
            return cancellation_view(row)
    raise CancellationNotFoundError("this order has no such cancellation")


async def reject_order(tx: Transaction, who: Principal, named: str, body: RejectOrder) -> OrderView:
    """Refuse an order that was placed but not released; its stock is given back."""
    work, record = await open_order(tx, who, named)
    refuse_if_ended(record)
    if record.releases:
        raise TooLateError("the order was released: cancel it instead", extra={"still_possible": ["cancellation"]})
    reason = body.reason if body.reason in {"fraud", "payment"} else "staff"
    wanted = cancelling.cancellable(record)
    if any(count for _, count in wanted):
        cancelling.request(work, record, wanted, cancelling.Request(reason, who.actor, body.note))
    ORDER.check(record.head.state, OrderState.REJECTED)
    record.head.state, record.head.since = OrderState.REJECTED, work.now
    ledger.withdraw(work, record)
    work.say(record, OrderRejected(order_id=record.id, reason=body.reason), actor=who.actor)
    work.announce(record, "order.cancelled", {"reason": body.reason, "rejected": True})
    await audit(tx, actor=who.actor, act="reject_order", subject=str(record.id), reason=body.reason)
    await finish(work)
    return order_view(record)


async def write_off(tx: Transaction, who: Principal, named: str, body: WriteOff) -> OrderView:
    """Give units up that have left the house and that nobody will deliver any more."""
    work, record = await open_order(tx, who, named)
    line = next((one for one in record.lines if one.id == body.line_id), None)
    if line is None:
        raise InvalidError("no such line", errors=(FieldError("/line_id", "unknown_line", "no line of this order"),))
    outside = line.buckets.in_transit
    if body.quantity > outside:
        detail = f"only {outside} units are on their way; cancel what is still in the house"
        raise InvalidError(detail, errors=(FieldError("/quantity", "too_many", detail),))
    before = line.written_off
    line.written_off += body.quantity
    totals = record.counts((one, one.written_off) for one in record.lines)
    work.say(record, LinesWrittenOff(order_id=record.id, reason=body.reason, lines=totals), actor=who.actor)
    await audit(
        tx, actor=who.actor, act="write_off", subject=str(record.id), reason=body.reason,
        change=({"written_off": before}, {"written_off": line.written_off}),
    )  # fmt: skip
    await finish(work)
    return order_view(record)


async def cancel_unpaid_orders(tx: Transaction) -> int:
    """Cancel orders that were not paid in time, also those that never had stock."""
    from services.orders.actions.stock import cancel_unpaid

    work = await _due(tx, "payment_due_at")
    for record in work.records.values():
        due_at = record.head.payment_due_at
        if due_at is not None and due_at <= work.now:  # nobody reported a payment while we waited for the lock
            cancel_unpaid(work, record)
    await finish(work)
    return len(work.records)


async def cancel_late_backorders(tx: Transaction) -> int:
    """Cancel units that waited for stock longer than their storefront allows."""
    work = await _due(tx, "backorder_due_at")
    for record in work.records.values():
        wanted = [(line, line.buckets.backordered) for line in record.lines]
        if any(count for _, count in wanted) and not record.pending_cancellations:
            asked = cancelling.Request("inventory", "orders", "waited for stock as long as allowed")
            cancelling.request(work, record, wanted, asked)
    await finish(work)
    return len(work.records)


async def _due(tx: Transaction, column: str) -> Work:
    due: Sequence[UUID] = await orders.due_order_ids(tx, column, _BATCH)
    return await Work.open(tx, due)
