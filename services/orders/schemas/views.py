"""What we answer about orders."""

from datetime import datetime
from uuid import UUID

from services.orders.schemas.parts import Price
from shared.doors import Answer


class PromiseView(Answer):
    """The promise in force; UTC instants; `deliver_by_latest` is the end of a local day at the destination."""

    revision: int
    ship_by: datetime
    deliver_by_earliest: datetime | None
    deliver_by_latest: datetime
    source: str
    outcome: str | None


class HoldView(Answer):
    """Something that holds the order."""

    id: UUID
    reason: str
    holder: str
    since: datetime
    due_at: datetime | None


class LineView(Answer):
    """A line; the buckets add up to `quantity`."""

    id: UUID
    reference: str
    sku: str
    name: str
    quantity: int
    requires_shipping: bool
    location: str | None
    unit_price: Price
    total: Price
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


class ShippedLine(Answer):
    """Units of a line in a parcel."""

    line_id: UUID
    sku: str
    quantity: int


class PlaceView(Answer):
    """Where a scan happened."""

    city: str = ""
    region: str = ""
    country_code: str = ""


class ShipmentView(Answer):
    """A parcel on its way."""

    id: UUID | None
    parcel_id: UUID
    carrier: str
    service: str
    tracking_number: str
    tracking_url: str
    status: str
    flags: list[str]
    lines: list[ShippedLine]
    packed_at: datetime | None
    handed_over_at: datetime | None
    last_scan_at: datetime | None
    last_place: PlaceView
    estimated_delivery_at: datetime | None
    delivered_at: datetime | None
    signed_by: bool
    amount_due: Price | None


class NextStep(Answer):
    """What happens next, and by when."""

    what: str
    by: datetime | None


class PaymentView(Answer):
    """Totals of what the storefront reported, in minor units."""

    status: str
    authorized: int
    captured: int
    refunded: int
    voided: int
    currency: str
    authorization_expires_at: datetime | None


class OrderView(Answer):
    """An order as its storefront sees it."""

    id: UUID
    number: str
    reference: str
    status: str
    fulfilment_status: str
    payment_status: str
    exception_status: str
    return_status: str
    version: int
    test: bool
    placed_at: datetime
    updated_at: datetime
    service_level: str
    ship_after: datetime | None
    promise: PromiseView
    holds: list[HoldView]
    lines: list[LineView]
    shipments: list[ShipmentView]
    payment: PaymentView
    shipping_price: Price
    total: Price
    next_step: NextStep
    cancellable: bool
    reship_of: UUID | None
    metadata: dict[str, object]


class OrderPage(Answer):
    """A page of orders."""

    data: list[OrderView]
    next_cursor: str | None


class OutcomeView(Answer):
    """What became of some units a cancellation asked for."""

    line_id: UUID
    sku: str
    quantity: int
    outcome: str


class CancellationView(Answer):
    """A cancellation; while it is pending, its lines are what was asked for."""

    id: UUID
    order_id: UUID
    status: str
    reason: str
    requested_at: datetime
    answered_at: datetime | None
    lines: list[OutcomeView]


class TimelineView(Answer):
    """One fact."""

    at: datetime
    source: str
    fact: str
    what: str
    actor: str
    audience: str
    details: dict[str, object]


class TimelinePage(Answer):
    """The facts of an order in the order we learned them."""

    data: list[TimelineView]
    next_cursor: str | None


class Waiting(Answer):
    """A step somebody holds."""

    stage: str
    step: str
    holder: str
    since: datetime
    due_at: datetime | None
    overdue: bool
    unblock: str


class ExplainView(Answer):
    """Why the order is where it is: the step that blocks it, then whatever else is under way."""

    order_id: UUID
    number: str
    status: str
    fulfilment_status: str
    blocking: Waiting | None
    also: list[Waiting]
    promise: PromiseView


class RefundView(Answer):
    """An instruction to move money; confirm it by a payment report with its id."""

    id: UUID
    order_id: UUID
    kind: str
    amount: Price
    state: str
    since: datetime
    due_at: datetime | None
    lines: list[dict[str, object]]


class RefundList(Answer):
    """A page of refund instructions."""

    data: list[RefundView]
    next_cursor: str | None


class DeliveryOption(Answer):
    """One way to have the goods delivered."""

    quote_id: UUID
    service_level: str
    order_by: datetime
    ship_by: datetime
    deliver_by_earliest: datetime
    deliver_by_latest: datetime
    shipments: int
    expires_at: datetime


class UnavailableLine(Answer):
    """Goods we cannot deliver now."""

    sku: str
    wanted: int
    available: int
    code: str


class DeliveryOptions(Answer):
    """All ways, and what is missing."""

    options: list[DeliveryOption]
    unavailable: list[UnavailableLine]


class AvailabilityView(Answer):
    """What is available of a SKU over all locations; absolute."""

    sku: str
    available: int
    backorderable: bool
    next_available_at: datetime | None
    updated_at: datetime


class AvailabilityList(Answer):
    """What is available, the SKU that changed last at the end."""

    data: list[AvailabilityView]
    next_cursor: str | None


class RecipientView(Answer):
    """Who gets the goods: asked at the moment of use and not stored."""

    order_id: UUID
    number: str
    reference: str
    storefront_id: UUID
    test: bool
    notifications: str
    locale: str
    name: str
    company: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country_code: str
    email: str | None
    phone: str | None
    delivery_instructions: str
    gift: dict[str, object] | None


class EnclosedLine(Answer):
    """What a line was ordered with beyond its SKU, such as an engraving; empty when nothing."""

    line_id: UUID
    properties: dict[str, object]


class EnclosureView(Answer):
    """What the packer writes and looks at for one order: asked at the moment of use and not stored."""

    order_id: UUID
    gift_message: str
    delivery_instructions: str
    lines: list[EnclosedLine]


class RemedyView(Answer):
    """A remedy here."""

    id: UUID
    kind: str
    state: str
    code: str | None
    reship_order_id: UUID | None
    refund_id: UUID | None


class SummaryView(OrderView):
    """An order for care, staff and its customer: with its cancellations and what made it whole; no address.

    `locale` is the language it was placed in; empty when the storefront did not say.
    """

    storefront_id: UUID
    notifications: str
    locale: str
    remedies: list[RemedyView]
    refunds: list[RefundView]
    cancellations: list[CancellationView]
    made_whole: dict[str, int]


class OrderNumber(Answer):
    """An order by the number that people call it."""

    order_id: UUID
    number: str


class OrderNumbers(Answer):
    """Orders by their numbers; what is no order is left out."""

    data: list[OrderNumber]


class StageCounts(Answer):
    """Orders at work by stage."""

    data: dict[str, int]


class TrackedOrder(Answer):
    """The order of which a customer knows number and postcode."""

    order_id: UUID


class FoundOrder(Answer):
    """An order the look-up found, and by what."""

    order_id: UUID
    number: str
    reference: str
    storefront_id: UUID
    status: str
    fulfilment_status: str
    placed_at: datetime
    promise: PromiseView
    matched: list[str]


class FoundOrders(Answer):
    """What the look-up found, newest first."""

    data: list[FoundOrder]
