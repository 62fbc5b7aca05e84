"""Refund instructions: never more than was captured for a line or for shipping, confirmed by the storefront."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.orders.actions.funds import RELEASE_OF_AUTHORIZATION
from services.orders.actions.work import Work
from services.orders.models import OrderLine, OrderRecord, Refund, Remedy
from services.orders.states import REFUND, RefundState, RemedyKind


@dataclass(frozen=True, slots=True)
class RefusedRemedy(Exception):  # noqa: N818 - an answer, not a fault
    """Why a remedy cannot be carried out."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Share:
    """What of a refund belongs to one line."""

    line: OrderLine
    quantity: int
    amount: int


def instruct(work: Work, record: OrderRecord, remedy: Remedy) -> Refund:
    """Tell the storefront to pay back; raises RefusedRemedy when that is more than was taken.

    Goods and shipping of a reshipment are paid back from the order that was paid for.
    """
    payer = record if remedy.kind == RemedyKind.GOODWILL_CREDIT else work.payer_of(record)
    if remedy.currency is not None and remedy.currency != payer.head.currency:
        raise RefusedRemedy("currency_mismatch", f"the order is in {payer.head.currency}")
    shares: list[Share] = []
    if remedy.kind == RemedyKind.REFUND:
        shares = _shares(payer, remedy, _paid_lines(record, payer, remedy))
        amount = sum(share.amount for share in shares)
    elif remedy.kind == RemedyKind.SHIPPING_REFUND:
        amount = _shipping(payer, remedy)
    else:
        amount = remedy.amount or 0
    if amount <= 0:
        raise RefusedRemedy("nothing_to_refund", "there is nothing left to pay back")
    kind = str(remedy.kind)
    if remedy.kind != RemedyKind.GOODWILL_CREDIT:
        kind = _covered(payer, kind, amount)
    _take(payer, remedy, shares, amount)
    return _request(work, payer, remedy, kind, amount, shares)


def _take(payer: OrderRecord, remedy: Remedy, shares: Sequence[Share], amount: int) -> None:
    for share in shares:
        share.line.refunded += share.amount
    if remedy.kind == RemedyKind.SHIPPING_REFUND:
        payer.head.shipping_refunded += amount


def _paid_lines(record: OrderRecord, payer: OrderRecord, remedy: Remedy) -> dict[UUID, int]:
    """Give the units of a remedy by the lines that were paid for; a reshipment's lines bear the same references."""
    paid = {line.reference: line.id for line in payer.lines}
    units = [(UUID(str(entry["line_id"])), int(str(entry["quantity"]))) for entry in remedy.lines]
    return {paid[record.line(line_id).reference]: quantity for line_id, quantity in units}


def _shares(record: OrderRecord, remedy: Remedy, wanted: dict[UUID, int]) -> list[Share]:
    """Split a refund over its lines, each within what the line cost and has not been paid back."""
    lines = [line for line in record.lines if not wanted or line.id in wanted]
    left = remedy.amount
    shares: list[Share] = []
    for line in lines:
        quantity = min(wanted.get(line.id, 0), line.quantity)
        share = line.total * quantity // line.quantity if wanted and line.quantity else line.total
        room = line.total - line.refunded
        amount = min(room, share if left is None else left)
        if left is not None:
            left -= amount
        elif share > room:
            raise RefusedRemedy("over_captured", f"line {line.reference} has only {room} left to pay back")
        shares.append(Share(line, quantity, amount))
    if left:
        raise RefusedRemedy("over_captured", f"{left} more than these lines cost")
    return shares


def _shipping(record: OrderRecord, remedy: Remedy) -> int:
    room = record.head.shipping_price - record.head.shipping_refunded
    amount = remedy.amount if remedy.amount is not None else room
    if amount > room:
        raise RefusedRemedy("over_captured", f"shipping has only {room} left to pay back")
    return amount


def _covered(record: OrderRecord, kind: str, amount: int) -> str:
    """Give the kind of instruction that captured, or else authorized, money allows."""
    head = record.head
    live = {RefundState.APPROVED, RefundState.REQUESTED}
    asked = sum(one.amount for one in record.refunds if one.state in live and one.kind != RemedyKind.GOODWILL_CREDIT)
    if head.captured:
        if head.refunded + asked + amount > head.captured:
            raise RefusedRemedy("over_captured", f"{head.captured} captured, {head.refunded + asked} refunded or asked")
        return kind
    if head.authorized - head.voided - asked >= amount:
        return RELEASE_OF_AUTHORIZATION
    raise RefusedRemedy("over_captured", "no payment was captured or authorized for this")


def _request(
    work: Work, record: OrderRecord, remedy: Remedy, kind: str, amount: int, shares: Sequence[Share]
) -> Refund:
    refund = Refund(
        id=remedy.id,  # the storefront knows it by this: the same remedy again is the same instruction
        order_id=record.id,
        storefront_id=record.head.storefront_id,
        remedy_id=remedy.id,
        kind=kind,
        amount=amount,
        currency=record.head.currency,
        since=work.now,
        lines=[
            {"line_id": str(share.line.id), "quantity": share.quantity, "amount": share.amount}
            for share in shares
            if share.amount
        ],
        note=remedy.reason,
    )
    record.refunds.append(refund)
    move(work, refund, RefundState.REQUESTED)
    data: dict[str, object] = {
        "refund_id": str(refund.id),
        "kind": kind,
        "amount": {"amount": amount, "currency": refund.currency},
        "lines": refund.lines,
        "reason": remedy.reason,
    }
    work.announce(record, "refund.requested", data)
    return refund


def move(work: Work, refund: Refund, state: RefundState) -> None:
    """Move an instruction on; raises IllegalMoveError."""
    REFUND.check(refund.state, state)
    refund.state, refund.since, refund.due_at = state, work.now, REFUND.due_at(state, work.now)


def undo(record: OrderRecord, refund: Refund, remedy: Remedy) -> None:
    """Free what a failed instruction had taken of its lines and of shipping."""
    for entry in refund.lines:
        line = record.line(UUID(str(entry["line_id"])))
        line.refunded = max(0, line.refunded - int(str(entry["amount"])))
    if remedy.kind == RemedyKind.SHIPPING_REFUND:
        record.head.shipping_refunded = max(0, record.head.shipping_refunded - refund.amount)
