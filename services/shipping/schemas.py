"""Request and response models of the shipping service's HTTP door."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.shipping.states import ShipmentStatus
from shared.doors import Answer, Body
from shared.events.base import LineCount, Money, Progress
from shared.fields import NearMoment

MAX_WAIT_SECONDS = 10.0


class Reasoned(Body):
    """Why staff act; it goes into the audit trail."""

    reason: str = Field(min_length=3, max_length=500, examples=["box was crushed at the bench"])


class SetStatus(Body):
    """A repair: where the parcel really is, and how we know."""

    status: ShipmentStatus
    reason: str = Field(min_length=3, max_length=500, examples=["the recipient says it never came"])


class Reconcile(Reasoned):
    """What to compare with the carrier's list after a restore."""

    since: NearMoment = Field(description="the moment of shipping's backup: labels made since then are compared")
    give_back: bool = Field(default=False, description="also give back labels that no parcel here waits for")


class AdvanceTest(Body):
    """Where to move a test parcel, a position from picked_up on; one step along its usual way if not said."""

    position: ShipmentStatus | None = None


class PlaceSeen(Answer):
    """Where a scan happened."""

    city: str = ""
    region: str = ""
    country_code: str = ""


class TrackingEventShown(Answer):
    """One thing said about the parcel, with the carrier's own words."""

    occurred_at: datetime
    recorded_at: datetime
    source: str
    raw_status: str
    raw_detail: str
    message: str
    place: PlaceSeen
    position: str | None
    flags: list[str]
    exception: str | None
    tracking_number: str


class LabelShown(Answer):
    """One attempt at a label."""

    id: UUID
    state: str
    carrier: str | None
    service: str | None
    tracking_number: str | None
    carrier_shipment_id: str | None
    price: Money | None
    requested_at: datetime
    bought_at: datetime | None
    void_requested_at: datetime | None
    void_settled_at: datetime | None


class EstimateShown(Answer):
    """When the parcel should arrive, and who says so: carrier or doorstep."""

    deliver_at: datetime
    p80_at: datetime | None
    source: str


class ShipmentShown(Answer):
    """A shipment in short."""

    id: UUID
    order_id: UUID
    parcel_id: UUID
    location: str
    service_level: str
    status: ShipmentStatus
    flags: list[str]
    failed_attempts: int
    carrier: str | None
    service: str | None
    tracking_number: str | None
    tracking_url: str | None
    contents: list[LineCount]
    handed_over_at: datetime | None
    delivered_at: datetime | None
    last_scan_at: datetime | None
    estimate: EstimateShown | None
    failure_code: str | None
    failure_reason: str | None
    progress: Progress
    version: int


class ShipmentDetail(ShipmentShown):
    """A shipment with all its labels and all that was said of it."""

    labels: list[LabelShown]
    tracking: list[TrackingEventShown]


class ShipmentList(Answer):
    """A page of shipments; `next_cursor` is null on the last."""

    data: list[ShipmentShown]
    next_cursor: UUID | None = None


class ReconciledLabel(Answer):
    """A label that the carrier has sold and that was not known here, and what became of it."""

    carrier_shipment_id: str
    reference: str | None
    tracking_number: str
    carrier: str | None
    outcome: str = Field(description="taken_over, unknown, given_back or refused (by the carrier)")


class ReconciledList(Answer):
    """All labels that were not known, newest first."""

    data: list[ReconciledLabel]


class PrintedLabel(Answer):
    """A bought label, ready to print."""

    shipment_id: UUID
    carrier: str
    service: str
    tracking_number: str
    format: str = Field(examples=["png"])
    media_type: str
    content_base64: str
    label_url: str = Field(description="where this service serves the same bytes")
