"""Facts the care service publishes; keyed by order id."""

from datetime import datetime
from uuid import UUID

from shared.events.base import Event, LineCount, Money


class CareEvent(Event, source="care", aggregate="case"):
    """A fact of care about one order."""

    order_id: UUID

    @property
    def key(self) -> str:
        return str(self.order_id)


class ExceptionRaised(CareEvent, fact="exception_raised"):
    """A rule found that something breaks, or will break, the promise."""

    exception_id: UUID
    kind: str
    level: str
    rule: str  # name@version
    parcel_id: UUID | None = None
    line_id: UUID | None = None
    detected_at: datetime
    disposition: str = ""


class ExceptionCleared(CareEvent, fact="exception_cleared"):
    """The facts no longer show the exception."""

    exception_id: UUID
    kind: str


class CaseOpened(CareEvent, fact="case_opened"):
    """A case was opened for an order and cause family."""

    case_id: UUID
    number: str
    family: str
    kind: str
    priority: str


class CaseUpdated(CareEvent, fact="case_updated"):
    """A case changed state, priority or next action."""

    case_id: UUID
    number: str
    state: str
    priority: str
    next_action: str = ""
    next_action_by: str = ""
    next_action_due: datetime | None = None


class CaseResolved(CareEvent, fact="case_resolved"):
    """A case ended: by a remedy, a stated reason, or by itself."""

    case_id: UUID
    number: str
    resolution: str


class RemedyGranted(CareEvent, fact="remedy_granted"):
    """An idempotent command into the fulfilment core; orders answers executed or refused.

    kind: reship | refund | shipping_refund | goodwill_credit | new_promise | cancel_line.
    `lines` are the units to be made whole; `amount` the money of a refund or credit.
    """

    remedy_id: UUID
    case_id: UUID
    kind: str
    reason: str
    granted_by: str
    lines: tuple[LineCount, ...] = ()
    amount: Money | None = None
    deliver_by_latest: datetime | None = None
    parcel_id: UUID | None = None


class CustomerNotified(CareEvent, fact="customer_notified"):
    """A message left for the customer; the words stay in care."""

    message_id: UUID
    topic: str
    channel: str
    promise_revision: int = 0


class FeedbackReceived(CareEvent, fact="feedback_received"):
    """A customer answered our one question."""

    case_id: UUID | None = None
    kind: str
    score: int
