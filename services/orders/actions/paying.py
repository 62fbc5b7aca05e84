"""What a storefront reports about money: totals, the payment hold, and confirmations of refunds."""

from datetime import timedelta

from services.orders.actions import cancelling, funds, holding, remedies
from services.orders.actions.conclusion import finish
from services.orders.actions.drafting import LAPSING
from services.orders.actions.finding import open_order
from services.orders.actions.funds import RELEASE_OF_AUTHORIZATION
from services.orders.actions.work import Work
from services.orders.models import OrderRecord, PaymentReport, Refund
from services.orders.queries import money
from services.orders.queries.views import payment_view
from services.orders.schemas.intake import ReportPayment
from services.orders.schemas.views import PaymentView
from services.orders.settings import settings
from services.orders.states import HoldReason, RefundState, payment_status
from shared.auth import Principal
from shared.db import Transaction
from shared.errors import ConflictError, FieldError, InvalidError
from shared.events.orders import PaymentReported
from shared.ids import new_id


async def report_payment(tx: Transaction, who: Principal, named: str, body: ReportPayment) -> PaymentView:
    """Book a report; the same report (type and reference) again changes nothing."""
    work, record = await open_order(tx, who, named)
    amount = _amount(record, body)
    known = await money.get_report(tx, record.id, body.type, body.reference) if body.reference else None
    if known is not None:
        _refuse_other(known, body)
        return payment_view(record)
    refund = _refund(record, body)
    _refuse_more(record, body, amount, refund)
    _add(record, body, amount, refund)
    work.add(
        PaymentReport(
            id=new_id(),
            order_id=record.id,
            type=body.type,
            amount=amount,
            reference=body.reference,
            shipment_id=body.shipment_id,
            refund_id=body.refund_id,
            reported_at=work.now,
        )
    )
    _say(work, record, actor=who.actor)
    if refund is not None:
        await remedies.refund_confirmed(work, record, refund, ok=body.type != "failed")
    elif not record.is_ended:
        _follow_money(work, record, body.type, who.actor)
    await finish(work)
    return payment_view(record)


def _refuse_other(known: PaymentReport, body: ReportPayment) -> None:
    """Refuse a reference that stands for another movement of money already."""
    sent = {
        "amount": body.amount.amount if body.amount else known.amount,
        "shipment_id": body.shipment_id,
        "refund_id": body.refund_id,
    }
    different = [name for name, value in sent.items() if value != getattr(known, name)]
    if different:
        detail = f"{body.type} was reported under it with another {', '.join(different)}: give each its own"
        raise InvalidError(detail, errors=(FieldError("/reference", "reported_already", detail),))


def _refuse_more(record: OrderRecord, body: ReportPayment, amount: int, refund: Refund | None) -> None:
    """Refuse to book other money back than was asked for, or more than was taken."""
    left = record.head.captured - record.head.refunded
    if refund is not None and amount != refund.amount:
        detail = f"the instruction is about {refund.amount} {refund.currency}: confirm that, or report it as failed"
    elif refund is None and body.type == "refunded" and amount > left:
        detail = f"of what was captured {left} {record.head.currency} is left to pay back"
    else:
        return
    raise InvalidError(detail, errors=(FieldError("/amount", "other_amount", detail),))


def _amount(record: OrderRecord, body: ReportPayment) -> int:
    if body.amount is None:
        confirmed = next((one for one in record.refunds if one.id == body.refund_id), None)
        return confirmed.amount if confirmed is not None else record.head.total
    if body.amount.currency != record.head.currency:
        detail = f"the order is in {record.head.currency}"
        raise InvalidError(detail, errors=(FieldError("/amount/currency", "currency_mismatch", detail),))
    return body.amount.amount


def _refund(record: OrderRecord, body: ReportPayment) -> Refund | None:
    """Find the instruction a report confirms; raises InvalidError or ConflictError."""
    if body.refund_id is None:
        return None
    refund = next((one for one in record.refunds if one.id == body.refund_id), None)
    if refund is None:
        error = FieldError("/refund_id", "unknown_refund", "no refund instruction of this order")
        raise InvalidError("no such refund instruction", errors=(error,))
    wanted = "voided" if refund.kind == RELEASE_OF_AUTHORIZATION else "refunded"
    if body.type not in {wanted, "failed"}:
        error = FieldError("/type", "other_type", f"confirm this instruction with type {wanted} or failed")
        raise InvalidError(error.detail, errors=(error,))
    if refund.state != RefundState.REQUESTED:
        raise ConflictError(f"this instruction has {refund.state} already", extra={"state": str(refund.state)})
    return refund


def _add(record: OrderRecord, body: ReportPayment, amount: int, refund: Refund | None) -> None:
    head = record.head
    credit = refund is not None and refund.kind == "goodwill_credit"
    if body.type == "authorized":
        # A second authorization of the whole follows one that lapses; it does not add to it.
        replaces = head.authorized - head.voided >= head.total
        head.authorized = (head.voided if replaces else head.authorized) + amount
        head.authorization_expires_at = body.expires_at
    elif body.type == "captured":
        head.captured += amount
        head.authorized = max(head.authorized, head.captured)
    elif body.type == "voided":
        head.voided += amount
    elif body.type == "refunded" and not credit:
        head.refunded += amount
    head.payment_status = payment_status(
        head.total,
        authorized=head.authorized,
        captured=head.captured,
        refunded=head.refunded,
        voided=head.voided,
        failed=body.type == "failed" and refund is None,
    )


def _say(work: Work, record: OrderRecord, *, actor: str) -> None:
    head = record.head
    fact = PaymentReported(
        order_id=record.id,
        status=head.payment_status,
        authorized=head.authorized,
        captured=head.captured,
        refunded=head.refunded,
        currency=head.currency,
    )
    work.say(record, fact, actor=actor)


def _follow_money(work: Work, record: OrderRecord, reported: str, actor: str) -> None:
    """Let the payment hold go once the money is there to stay, or hold goods in the house that lost theirs."""
    hold, lapsing = holding.payment_hold(record), funds.is_lapsing(record, work.now)
    if reported in {"authorized", "captured"} and funds.is_covered(record) and not lapsing:
        if hold is not None:
            holding.let_go(work, record, hold, actor=actor)
        return
    lost = reported in {"voided", "failed"} and not funds.is_covered(record)
    if hold is not None or not cancelling.has_goods_inside(record) or not (lost or lapsing):
        return
    due_at = record.head.authorization_expires_at if lapsing else None
    due_at = due_at or work.now + timedelta(hours=settings().payment_wait_hours)
    note = LAPSING if lapsing else f"the storefront reported: {reported}"
    holding.put_on(work, record, holding.make_hold(record.id, HoldReason.PAYMENT, actor, note, work.now, due_at))
