"""Facts the orders service publishes; keyed by order id."""

from datetime import datetime
from uuid import UUID

from shared.events.base import Destination, Event, LineCount, Money, Progress, Value


class OrdersEvent(Event, source="orders", aggregate="order"):
    """A fact of an order."""

    order_id: UUID

    @property
    def key(self) -> str:
        return str(self.order_id)


class OrderLine(Value):
    """A line as ordered; `location` pins it to one location's stock."""

    line_id: UUID
    reference: str
    sku: str
    quantity: int
    requires_shipping: bool = True
    location: str | None = None
    perishable: bool = False
    safety: bool = False


class Promise(Value):
    """A date told to the customer; revisions are appended, never overwritten.

    `ship_by` and the delivery window are UTC instants; `deliver_by_latest` is the end of the local day at
    the destination.
    """

    revision: int
    ship_by: datetime
    deliver_by_earliest: datetime | None = None
    deliver_by_latest: datetime
    source: str = "doorstep"


class Policy(Value):
    """What the storefront allows when stock is missing."""

    partial_shipments: str = "none"  # none | allowed
    backorder: str = "wait"  # wait | cancel
    max_backorder_days: int | None = None


class OrderPlaced(OrdersEvent, fact="order_placed"):
    """An order was accepted; `soft_until` is set while a payment hold makes its reservation expire.

    `gift_due_at` is the end of the local day for which a gift is meant. `customer` is a digest that only orders can
    make, the same for all orders of one customer at one storefront; it is empty where nothing tells who they are.
    """

    number: str
    reference: str
    storefront_id: UUID
    customer: str = ""
    lines: tuple[OrderLine, ...]
    destination: Destination
    service_level: str
    promise: Promise
    policy: Policy = Policy()
    priority: int = 0
    holds: tuple[str, ...] = ()
    soft_until: datetime | None = None
    ship_after: datetime | None = None
    value: Money
    reship_of: UUID | None = None
    remedy_id: UUID | None = None
    gift_due_at: datetime | None = None
    notifications: str = "doorstep"  # who writes to the customer: doorstep | storefront
    test: bool = False
    progress: Progress


class ReleasedLine(Value):
    """Units of a line handed to one location's warehouse by one release."""

    line_id: UUID
    sku: str
    quantity: int
    location: str


class OrderReleased(OrdersEvent, fact="order_released"):
    """Stock is reserved and nothing holds it: these units may be picked."""

    release_no: int
    number: str
    reference: str
    lines: tuple[ReleasedLine, ...]
    service_level: str
    destination: Destination
    ship_by: datetime
    priority: int = 0
    progress: Progress


class OrderRejected(OrdersEvent, fact="order_rejected"):
    """The order was refused after it was placed (fraud, payment, address)."""

    reason: str


class OrderAmended(OrdersEvent, fact="order_amended"):
    """Address, contact, dates or fewer units; `lines` carries the ordered total of every line."""

    changed: tuple[str, ...]
    lines: tuple[LineCount, ...]
    destination: Destination
    ship_after: datetime | None = None


class HoldApplied(OrdersEvent, fact="hold_applied"):
    """Something holds the order; after release it stops the fulfilment order up to hand-over."""

    hold_id: UUID
    reason: str
    holder: str
    progress: Progress


class HoldReleased(OrdersEvent, fact="hold_released"):
    """A hold is gone; `remaining` names the reasons that still hold; empty and paid makes soft stock firm."""

    hold_id: UUID
    reason: str
    remaining: tuple[str, ...] = ()
    progress: Progress


class CancellationRequested(OrdersEvent, fact="cancellation_requested"):
    """Units shall be cancelled; inventory answers with an outcome per line and unit.

    `lines` is what this request asks for, a count per line (a document, not a running total).
    """

    cancellation_id: UUID
    reason: str
    actor: str
    lines: tuple[LineCount, ...]


class LinesCancelled(OrdersEvent, fact="lines_cancelled"):
    """Absolute totals of cancelled units per line, after an answer."""

    cancellation_id: UUID
    lines: tuple[LineCount, ...]


class LinesWrittenOff(OrdersEvent, fact="lines_written_off"):
    """Absolute totals of units per line that left the house and that nobody will deliver any more."""

    reason: str
    lines: tuple[LineCount, ...]


class OrderCancelled(OrdersEvent, fact="order_cancelled"):
    """Every unit is cancelled."""

    reason: str


class OrderCompleted(OrdersEvent, fact="order_completed"):
    """Every unit is delivered, cancelled, lost, returned to sender or written off."""

    outcome: str  # delivered | partially_delivered | lost | returned


class PromiseMade(OrdersEvent, fact="promise_made"):
    """Revision 1."""

    promise: Promise


class PromiseRevised(OrdersEvent, fact="promise_revised"):
    """A later date was promised; slip is against the previous revision, in minutes."""

    promise: Promise
    slip_minutes: int
    attributed_to: str  # stock | warehouse | carrier | customer | other
    reason: str


class PromiseSettled(OrdersEvent, fact="promise_settled"):
    """The promise ended: kept, broken or withdrawn."""

    revision: int
    outcome: str
    settled_at: datetime
    slip_minutes: int = 0
    attributed_to: str = "other"


class PaymentReported(OrdersEvent, fact="payment_reported"):
    """Totals in minor units after a report of the storefront."""

    status: str
    authorized: int
    captured: int
    refunded: int
    currency: str


class KnownGrant(Value):
    """What care granted, as orders has it, and since when it is answered: a care restored to before takes it over."""

    case_id: UUID
    reason: str
    granted_by: str
    answered_at: datetime | None = None
    lines: tuple[LineCount, ...] = ()
    parcel_id: UUID | None = None


class RemedyExecuted(OrdersEvent, fact="remedy_executed"):
    """A granted remedy took effect; a reship names its linked order, a refund its instruction."""

    remedy_id: UUID
    kind: str
    reship_order_id: UUID | None = None
    refund_id: UUID | None = None
    amount: Money | None = None
    grant: KnownGrant | None = None


class RemedyRefused(OrdersEvent, fact="remedy_refused"):
    """A granted remedy could not be executed: no_stock, over_captured, already_made_whole, …."""

    remedy_id: UUID
    kind: str
    code: str
    detail: str
    grant: KnownGrant | None = None


class CustomerErased(OrdersEvent, fact="customer_erased"):
    """The order's customer is forgotten here: whoever holds words, pictures or labels of theirs does the same."""
