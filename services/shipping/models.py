"""Tables of the shipping service: shipments, their labels, tracking events and the carrier's pending work."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Column, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel
from typing_extensions import TypedDict  # pydantic asks for this one on Python 3.11

from services.shipping.states import ShipmentStatus


class LabelState(StrEnum):
    """A label's own life, beside its shipment's."""

    REQUESTED = "requested"  # nothing is known to be sold
    LIVE = "live"
    VOID_REQUESTED = "void_requested"
    VOIDED = "voided"
    VOID_REFUSED = "void_refused"
    ABANDONED = "abandoned"  # never sold


class Step(StrEnum):
    """One call to the carrier that a job makes; each is claimed, made and recorded on its own."""

    CREATE = "create"
    BUY = "buy"
    FETCH_LABEL = "fetch_label"
    VOID = "void"
    CHECK_REFUND = "check_refund"


class Source(StrEnum):
    """Who told us where a parcel is."""

    WEBHOOK = "webhook"
    POLL = "poll"
    STAFF = "staff"
    TEST = "test"


class ParcelLine(TypedDict):
    """Units of one order line inside a parcel, as stored."""

    line_id: str
    sku: str
    quantity: int


def _moment(*, required: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=not required)


class ShippingTable(SQLModel):
    """A table of this service's own database."""

    metadata: ClassVar[MetaData] = MetaData()


class OrderCopy(ShippingTable, table=True):
    """What shipping keeps of an order; never who it is for."""

    __tablename__ = "order_copy"

    order_id: UUID = Field(primary_key=True)
    reference: str
    service_level: str
    deliver_by: datetime | None = Field(default=None, sa_column=_moment())
    test: bool = False
    cancelled_at: datetime | None = Field(default=None, sa_column=_moment())


class LocationCopy(ShippingTable, table=True):
    """A location that parcels leave from, so that its booking can be paused by its name."""

    __tablename__ = "location_copy"

    location: str = Field(primary_key=True)


class Shipment(ShippingTable, table=True):
    """One closed parcel's way to the doorstep."""

    __tablename__ = "shipment"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    parcel_id: UUID
    location: str
    service_level: str
    country_code: str
    postal_zone: str
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    contents: list[ParcelLine] = Field(sa_column=Column(JSONB, nullable=False))
    status: str = Field(default=ShipmentStatus.PENDING.value, sa_column=Column(Text, nullable=False))
    since: datetime = Field(sa_column=_moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=_moment())
    flags: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    failed_attempts: int = 0
    label_id: UUID | None = None
    void_reason: str | None = None
    failure_code: str | None = None
    failure_reason: str | None = None
    handed_over_at: datetime | None = Field(default=None, sa_column=_moment())
    delivered_at: datetime | None = Field(default=None, sa_column=_moment())
    reopened_at: datetime | None = Field(default=None, sa_column=_moment())
    last_scan_at: datetime | None = Field(default=None, sa_column=_moment())
    poll_due_at: datetime | None = Field(default=None, sa_column=_moment())
    poll_not_before: datetime | None = Field(default=None, sa_column=_moment())
    estimate_at: datetime | None = Field(default=None, sa_column=_moment())
    estimate_p80_at: datetime | None = Field(default=None, sa_column=_moment())
    estimate_source: str | None = None
    version: int = 1
    created_at: datetime = Field(sa_column=_moment(required=True))


class ShippingLabel(ShippingTable, table=True):
    """One attempt at a label: asked for, perhaps sold, perhaps given back."""

    __tablename__ = "label"

    id: UUID = Field(primary_key=True)
    shipment_id: UUID
    parcel_id: UUID
    state: str = Field(default=LabelState.REQUESTED.value, sa_column=Column(Text, nullable=False))
    format: str
    adapter: str
    carrier_shipment_id: str | None = None
    rate_id: str | None = None
    tracker_id: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    carrier: str | None = None
    service: str | None = None
    price_minor: int | None = None
    currency: str | None = None
    delivery_days: int | None = None
    url: str | None = None
    media_type: str | None = None
    requested_at: datetime = Field(sa_column=_moment(required=True))
    bought_at: datetime | None = Field(default=None, sa_column=_moment())
    void_requested_at: datetime | None = Field(default=None, sa_column=_moment())
    void_settled_at: datetime | None = Field(default=None, sa_column=_moment())


class TrackingEvent(ShippingTable, table=True):
    """One thing said about a parcel, by its carrier or by our staff; unique by content."""

    __tablename__ = "tracking_event"

    id: UUID = Field(primary_key=True)
    tracking_number: str
    content: str
    shipment_id: UUID | None = None
    label_id: UUID | None = None
    source: str
    occurred_at: datetime = Field(sa_column=_moment(required=True))
    recorded_at: datetime = Field(sa_column=_moment(required=True))
    raw_status: str
    raw_detail: str
    message: str
    city: str
    region: str
    postal_code: str
    country_code: str
    position: str | None = None
    flags: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    exception: str | None = None
    forced: bool = False
