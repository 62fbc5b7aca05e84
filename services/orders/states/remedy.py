"""Remedies, refund instructions and what a storefront says about money: states and derived status."""

from datetime import timedelta
from enum import StrEnum

from shared.states import Rule, TransitionTable


class RemedyKind(StrEnum):
    """What care may grant."""

    RESHIP = "reship"
    REFUND = "refund"
    SHIPPING_REFUND = "shipping_refund"
    GOODWILL_CREDIT = "goodwill_credit"
    NEW_PROMISE = "new_promise"
    CANCEL_LINE = "cancel_line"


class RemedyState(StrEnum):
    """A granted remedy here: it waits for stock, a storefront or a warehouse, then it is executed or refused."""

    WAITING = "waiting"
    EXECUTED = "executed"
    REFUSED = "refused"


REMEDY = TransitionTable(
    RemedyState,
    {
        RemedyState.WAITING: Rule(
            to=frozenset({RemedyState.EXECUTED, RemedyState.REFUSED}),
            dwell=timedelta(days=4),
            holder="orders",
            unblock="stock is reserved, the storefront confirms the refund, or the warehouse answers",
        ),
        # A reshipment that is cancelled before it leaves has made nobody whole.
        RemedyState.EXECUTED: Rule(to=frozenset({RemedyState.REFUSED}), rests=True),
        RemedyState.REFUSED: Rule(to=frozenset()),
    },
)


class RefundState(StrEnum):
    """An instruction to the storefront to move money."""

    APPROVED = "approved"
    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


REFUND = TransitionTable(
    RefundState,
    {
        RefundState.APPROVED: Rule(
            to=frozenset({RefundState.REQUESTED}),
            dwell=timedelta(hours=1),
            holder="orders",
            unblock="the instruction is put on the storefront's feed",
        ),
        RefundState.REQUESTED: Rule(
            to=frozenset({RefundState.SUCCEEDED, RefundState.FAILED}),
            dwell=timedelta(days=3),
            holder="storefront",
            unblock="the storefront reports the refund with its refund_id",
        ),
        RefundState.SUCCEEDED: Rule(to=frozenset()),
        RefundState.FAILED: Rule(to=frozenset()),
    },
)


class PaymentStatus(StrEnum):
    """What the storefront's reports amount to."""

    NOT_REPORTED = "not_reported"
    PENDING = "pending"
    AUTHORIZED = "authorized"
    PARTIALLY_CAPTURED = "partially_captured"
    CAPTURED = "captured"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FAILED = "failed"


PAYMENT_TYPES = ("authorized", "captured", "voided", "refunded", "failed")


def payment_status(
    due: int, *, authorized: int, captured: int, refunded: int, voided: int, failed: bool = False
) -> PaymentStatus:
    """Derive the status from totals in minor units; `due` is the order's total, `failed` the last report."""
    if refunded and refunded >= captured:
        return PaymentStatus.REFUNDED
    if refunded:
        return PaymentStatus.PARTIALLY_REFUNDED
    if captured:
        return PaymentStatus.CAPTURED if captured >= due else PaymentStatus.PARTIALLY_CAPTURED
    if voided and voided >= authorized:
        return PaymentStatus.VOIDED
    if authorized:
        return PaymentStatus.AUTHORIZED
    return PaymentStatus.FAILED if failed else PaymentStatus.PENDING
