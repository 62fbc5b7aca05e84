"""Tables of an order: its head, lines, holds, releases, cancellations, promises and parcels."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.models.columns import Document, OrdersTable, document, minor_units, moment, text, texts
from services.orders.states import (
    Buckets,
    CancellationState,
    HoldReason,
    HoldState,
    OrderState,
    ReleaseState,
    Totals,
    buckets_of,
)


class Order(OrdersTable, table=True):
    """An order's head: what was agreed, and the times of what happened to it."""

    __tablename__ = "orders"

    id: UUID = Field(primary_key=True)
    number: str
    storefront_id: UUID
    reference: str
    fingerprint: str
    state: OrderState = Field(sa_column=text())
    version: int
    test: bool
    currency: str
    placed_at: datetime = Field(sa_column=moment(required=True))
    since: datetime = Field(sa_column=moment(required=True))
    updated_at: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())
    service_level: str
    priority: int
    ship_after: datetime | None = Field(default=None, sa_column=moment())
    customer: Document = Field(sa_column=document())
    address: Document = Field(sa_column=document())
    gift: Document | None = Field(default=None, sa_column=document(required=False))
    storefront_metadata: Document = Field(sa_column=document())
    country_code: str
    postal_zone: str
    time_zone: str
    origin_location: str | None = None
    partial_shipments: str
    backorder: str
    max_backorder_days: int | None = None
    notifications: str
    shipping_price: int = Field(sa_column=minor_units())
    total: int = Field(sa_column=minor_units())
    payment_status: str
    authorized: int = Field(sa_column=minor_units())
    captured: int = Field(sa_column=minor_units())
    refunded: int = Field(sa_column=minor_units())
    voided: int = Field(sa_column=minor_units())
    shipping_refunded: int = Field(sa_column=minor_units())
    authorization_expires_at: datetime | None = Field(default=None, sa_column=moment())
    accepted_expiry: datetime | None = Field(default=None, sa_column=moment())
    reship_of: UUID | None = None
    remedy_id: UUID | None = None
    exceptions: Document = Field(sa_column=document())
    stock_ready_at: datetime | None = Field(default=None, sa_column=moment())
    holds_cleared_at: datetime | None = Field(default=None, sa_column=moment())
    released_at: datetime | None = Field(default=None, sa_column=moment())
    pick_started_at: datetime | None = Field(default=None, sa_column=moment())
    handed_over_at: datetime | None = Field(default=None, sa_column=moment())
    delivered_at: datetime | None = Field(default=None, sa_column=moment())
    release_due_at: datetime | None = Field(default=None, sa_column=moment())
    payment_due_at: datetime | None = Field(default=None, sa_column=moment())
    backorder_due_at: datetime | None = Field(default=None, sa_column=moment())
    authorization_due_at: datetime | None = Field(default=None, sa_column=moment())
    erased_at: datetime | None = Field(default=None, sa_column=moment())


class OrderLine(OrdersTable, table=True):
    """A line as ordered, and the absolute totals that the services reported about its units."""

    __tablename__ = "order_line"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    position: int
    reference: str
    sku: str
    name: str
    quantity: int
    requires_shipping: bool
    perishable: bool = False
    safety: bool = False
    location: str | None = None
    unit_price: int = Field(sa_column=minor_units())
    discount: int = Field(sa_column=minor_units())
    tax: int = Field(sa_column=minor_units())
    total: int = Field(sa_column=minor_units())
    properties: Document | None = Field(default=None, sa_column=document(required=False))
    customs: Document | None = Field(default=None, sa_column=document(required=False))
    reserved: int = 0
    backordered: int = 0
    given_back: int = 0
    allocations: list[Document] = Field(default_factory=list, sa_column=document())
    expected_at: datetime | None = Field(default=None, sa_column=moment())
    picked: int = 0
    packed: int = 0
    handed_over: int = 0
    delivered: int = 0
    lost: int = 0
    returned: int = 0
    cancelled: int = 0
    put_back_due: int = 0
    put_back: int = 0
    written_off: int = 0
    given: int = 0
    made_whole: int = 0
    refunded: int = Field(default=0, sa_column=minor_units())

    @property
    def cancelled_units(self) -> int:
        """Units cancelled for good: those that had been picked count once they lie on their shelf again."""
        return self.cancelled + min(self.put_back_due, self.put_back)

    @property
    def buckets(self) -> Buckets:
        """Where this line's units are; what needs no shipping is with the customer once it was given."""
        return buckets_of(
            Totals(
                ordered=self.quantity,
                backordered=self.backordered,
                reserved=self.reserved,
                picked=self.picked,
                packed=self.packed,
                handed_over=self.handed_over,
                delivered=self.delivered + self.given,
                lost=self.lost,
                returned_to_sender=self.returned,
                cancelled=self.cancelled_units,
                written_off=self.written_off,
            )
        )


class Hold(OrdersTable, table=True):
    """Something that holds an order, and who may let it go."""

    __tablename__ = "hold"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    reason: HoldReason = Field(sa_column=text())
    state: HoldState = Field(default=HoldState.OPEN, sa_column=text())
    holder: str
    since: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())
    actor: str
    note: str
    released_at: datetime | None = Field(default=None, sa_column=moment())
    released_by: str | None = None


class OrderRelease(OrdersTable, table=True):
    """Units of a line handed to one location's warehouse by one release."""

    __tablename__ = "order_release"

    order_id: UUID = Field(primary_key=True)
    release_no: int = Field(primary_key=True)
    line_id: UUID = Field(primary_key=True)
    location: str = Field(primary_key=True)
    sku: str
    quantity: int
    state: ReleaseState = Field(default=ReleaseState.RELEASED, sa_column=text())
    released_at: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())


class Cancellation(OrdersTable, table=True):
    """A request to cancel units, and its one answer."""

    __tablename__ = "cancellation"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    reason: str
    actor: str
    note: str
    state: CancellationState = Field(default=CancellationState.PENDING, sa_column=text())
    lines: list[Document] = Field(sa_column=document())
    outcomes: list[Document] = Field(default_factory=list, sa_column=document())
    requested_at: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())
    answered_at: datetime | None = Field(default=None, sa_column=moment())
    remedy_id: UUID | None = None


class PromiseRow(OrdersTable, table=True):
    """One revision of what we told the customer; appended, never overwritten, ended once."""

    __tablename__ = "promise"

    order_id: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    ship_by: datetime = Field(sa_column=moment(required=True))
    deliver_by_earliest: datetime | None = Field(default=None, sa_column=moment())
    deliver_by_latest: datetime = Field(sa_column=moment(required=True))
    source: str
    made_at: datetime = Field(sa_column=moment(required=True))
    communicated_at: datetime | None = Field(default=None, sa_column=moment())
    reason: str = ""
    attributed_to: str = ""
    slip_minutes: int = 0
    outcome: str | None = None
    settled_at: datetime | None = Field(default=None, sa_column=moment())


class ProgressRow(OrdersTable, table=True):
    """What the newest fact of a stage said about who holds the order and what unblocks it."""

    __tablename__ = "progress"

    order_id: UUID = Field(primary_key=True)
    fact: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    stage: str
    step: str
    holder: str
    since: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())
    unblock: str


class Parcel(OrdersTable, table=True):
    """A parcel as inventory and shipping told of it, in whichever order they did."""

    __tablename__ = "parcel"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    fulfilment_id: UUID | None = None
    location: str = ""
    contents: list[Document] = Field(default_factory=list, sa_column=document())
    shipment_id: UUID | None = None
    carrier: str = ""
    service: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    position: str = ""
    flags: list[str] = Field(default_factory=list, sa_column=texts())
    exception: str = ""
    closed_at: datetime | None = Field(default=None, sa_column=moment())
    booked_at: datetime | None = Field(default=None, sa_column=moment())
    handed_over_at: datetime | None = Field(default=None, sa_column=moment())
    delivered_at: datetime | None = Field(default=None, sa_column=moment())
    scanned_at: datetime | None = Field(default=None, sa_column=moment())
    signed_by: bool = False
    attempts: int = 0
    place: Document = Field(default_factory=dict, sa_column=document())
    estimate_at: datetime | None = Field(default=None, sa_column=moment())
    pickup_expires_at: datetime | None = Field(default=None, sa_column=moment())
    amount_due: int | None = Field(default=None, sa_column=minor_units(required=False))
