"""What an order's reported money is good for: what is still due, whether it is covered, and until when."""

from datetime import datetime, timedelta

from services.orders.actions import cancelling
from services.orders.models import OrderRecord
from services.orders.settings import settings
from services.orders.states import RefundState

RELEASE_OF_AUTHORIZATION = "authorization_release"


def due(record: OrderRecord) -> int:
    """Give what the storefront must have, in minor units: the total without cancelled units and what we let go."""
    off = sum(
        line.total * min(line.quantity, line.cancelled + line.put_back_due + asked) // line.quantity
        for line, asked in cancelling.pending_units(record)
        if line.quantity
    )
    let_go = sum(
        refund.amount
        for refund in record.refunds
        if refund.kind == RELEASE_OF_AUTHORIZATION and refund.state == RefundState.SUCCEEDED
    )
    return max(0, record.head.total - off - let_go)


def is_covered(record: OrderRecord) -> bool:
    """Say whether all that is due is authorized or captured."""
    head = record.head
    return max(head.captured, head.authorized - head.voided) >= due(record)


def warned_at(record: OrderRecord) -> datetime | None:
    """Say from when goods in the house must not rely on the authorization; None while it does not matter.

    Somebody who released the hold for an expiry has accepted it: it holds the order no second time.
    """
    head = record.head
    expires_at = head.authorization_expires_at
    if expires_at is None or expires_at == head.accepted_expiry or head.captured >= due(record):
        return None
    return expires_at - timedelta(hours=settings().authorization_warning_hours)


def is_lapsing(record: OrderRecord, now: datetime) -> bool:
    """Say whether the authorization ends too soon for goods that are still in the house."""
    moment = warned_at(record)
    return moment is not None and moment <= now


def given_up_at(record: OrderRecord, hold_due_at: datetime) -> datetime | None:
    """Say when an order on a payment hold is cancelled; None while money that does not end covers it."""
    head = record.head
    if is_covered(record):
        if head.captured >= due(record) or head.authorization_expires_at is None:
            return None
        hold_due_at = max(hold_due_at, head.authorization_expires_at)
    return hold_due_at + timedelta(minutes=settings().unpaid_grace_minutes)
