"""What the console reads of the services' answers: only what a page shows; the rest is ignored."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Read(BaseModel):
    """A part of a service's answer."""

    model_config = ConfigDict(extra="ignore")


class FoundOrder(Read):
    """An order that the look-up found, and by what."""

    order_id: UUID
    number: str
    reference: str
    status: str
    fulfilment_status: str
    placed_at: datetime
    promise: "Promise"
    matched: list[str]


class FoundOrders(Read):
    """What the look-up found, newest first."""

    data: list[FoundOrder]


class Amount(Read):
    """Money in minor units."""

    amount: int
    currency: str


class Promise(Read):
    """The promise in force."""

    revision: int
    ship_by: datetime
    deliver_by_latest: datetime
    outcome: str | None


class Hold(Read):
    """Something that holds an order."""

    reason: str
    holder: str
    since: datetime
    due_at: datetime | None


class Line(Read):
    """A line and where its units are."""

    id: UUID
    sku: str
    name: str
    quantity: int
    total: Amount
    open: int
    backordered: int
    reserved: int
    picked: int
    packed: int
    in_transit: int
    delivered: int
    cancelled: int
    lost: int
    returned_to_sender: int
    written_off: int
    expected_at: datetime | None

    @property
    def inside(self) -> int:
        """Units that have not left the house."""
        return self.open + self.backordered + self.reserved + self.picked + self.packed

    @property
    def live(self) -> int:
        """Units that may still be cancelled, or asked back from the carrier."""
        return self.quantity - self.delivered - self.cancelled - self.lost - self.returned_to_sender - self.written_off


class Units(Read):
    """Units of a line in a parcel."""

    line_id: UUID
    sku: str
    quantity: int


class Place(Read):
    """Where a scan happened."""

    city: str = ""
    country_code: str = ""


class Shipment(Read):
    """A parcel on its way."""

    parcel_id: UUID
    carrier: str
    service: str
    tracking_number: str
    tracking_url: str
    status: str
    flags: list[str]
    lines: list[Units]
    packed_at: datetime | None
    handed_over_at: datetime | None
    last_scan_at: datetime | None
    last_place: Place
    estimated_delivery_at: datetime | None
    delivered_at: datetime | None
    signed_by: bool


class OrderNumber(Read):
    """An order by the number that people call it."""

    order_id: UUID
    number: str


class OrderNumbers(Read):
    """Orders by their numbers."""

    data: list[OrderNumber]


class NextStep(Read):
    """What happens next by itself."""

    what: str
    by: datetime | None


class Remedy(Read):
    """What made, or will make, the customer whole."""

    kind: str
    state: str
    reship_order_id: UUID | None


class CancelledUnits(Read):
    """Units of a line that somebody asked to cancel, and what became of them: `pending` until the warehouse answers."""

    line_id: UUID
    quantity: int
    outcome: str


class Cancellation(Read):
    """A wish to cancel."""

    status: str
    reason: str
    lines: list[CancelledUnits]


class Order(Read):
    """An order, without the person behind it."""

    id: UUID
    number: str
    reference: str
    status: str
    fulfilment_status: str
    payment_status: str
    version: int
    test: bool
    placed_at: datetime
    service_level: str
    promise: Promise
    holds: list[Hold]
    lines: list[Line]
    shipments: list[Shipment]
    total: Amount
    next_step: NextStep
    cancellable: bool
    reship_of: UUID | None
    notifications: str
    locale: str
    remedies: list[Remedy]
    cancellations: list[Cancellation]


class Waiting(Read):
    """A step somebody holds."""

    stage: str
    step: str
    holder: str
    since: datetime
    due_at: datetime | None
    overdue: bool
    unblock: str


class Explanation(Read):
    """Why an order is where it is."""

    blocking: Waiting | None
    also: list[Waiting]


class Fact(Read):
    """One fact on the timeline."""

    at: datetime
    source: str
    fact: str
    what: str
    actor: str
    audience: str
    details: dict[str, object]


class Timeline(Read):
    """The facts of an order."""

    data: list[Fact]


class PromiseRevision(Read):
    """One promise in the ledger."""

    revision: int
    deliver_by_latest: datetime
    made_at: datetime
    source: str
    reason: str
    attributed_to: str
    outcome: str | None


class Promises(Read):
    """All promises, the original first."""

    data: list[PromiseRevision]


class Person(Read):
    """The person behind an order, masked until the caller is verified."""

    masked: bool
    verified_until: datetime | None
    name: str
    company: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country_code: str
    delivery_instructions: str
    email: str | None
    email_kind: str
    phone: str | None
    phone_kind: str
    locale: str
    gift: bool


class Verification(Read):
    """Which of a caller's answers were right."""

    verified: bool
    matched: list[str]
    missed: list[str]
    verified_until: datetime | None


class Case(Read):
    """A case of an order."""

    id: UUID
    number: str
    kind: str
    family: str
    level: str
    state: str
    priority: str
    assignee: str | None
    opened_at: datetime
    next_action: str
    next_action_by: str
    next_action_due: datetime | None
    resolution: str | None


class Cases(Read):
    """Cases."""

    data: list[Case]


class Trouble(Read):
    """An exception that is open."""

    kind: str
    level: str
    detected_at: datetime
    cleared_at: datetime | None


class Troubles(Read):
    """Exceptions."""

    data: list[Trouble]


class Message(Read):
    """A message to the customer."""

    id: UUID
    topic: str
    channel: str
    state: str
    silence: str
    subject: str
    body: str
    created_at: datetime
    sent_at: datetime | None
    resend_of: UUID | None


class Messages(Read):
    """Messages, newest first."""

    data: list[Message]


class Contact(Read):
    """A contact with the customer."""

    at: datetime
    channel: str
    direction: str
    reason: str
    note: str
    agent: str


class Contacts(Read):
    """Contacts, newest first."""

    data: list[Contact]


class Agreement(Read):
    """How the customer stands to the date in force, and what else they chose.

    `awaited` ends at `answer_by`, and silence cancels then.
    """

    promise_revision: int
    consent: str
    answer_by: datetime | None
    notices: str
    rating: int | None


class Photo(Read):
    """A photo that a customer sent, and what they reported with it."""

    id: UUID
    width: int
    height: int
    kind: str | None
    comment: str
    at: datetime


class Photos(Read):
    """Photos, newest first."""

    data: list[Photo]
