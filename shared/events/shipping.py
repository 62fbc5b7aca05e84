"""Facts the shipping service publishes; keyed by order id."""

from datetime import datetime
from uuid import UUID

from shared.events.base import Event, LineCount, Money, Progress, Value


class ShippingEvent(Event, source="shipping", aggregate="shipment"):
    """A fact of one shipment."""

    order_id: UUID
    shipment_id: UUID
    parcel_id: UUID

    @property
    def key(self) -> str:
        return str(self.order_id)


class Place(Value):
    """Where a scan happened: a hub, never a customer's street."""

    city: str = ""
    region: str = ""
    country_code: str = ""


class Estimate(Value):
    """When the parcel should arrive; `source` is `carrier` or `doorstep` (our own quantiles)."""

    deliver_at: datetime
    source: str
    p80_at: datetime | None = None


class ShipmentBooked(ShippingEvent, fact="shipment_booked"):
    """A label was bought; it is live until its void is requested."""

    carrier: str
    service: str
    tracking_number: str
    tracking_url: str = ""
    price: Money | None = None
    estimate: Estimate | None = None
    progress: Progress


class BookingFailed(ShippingEvent, fact="booking_failed"):
    """The carrier refused: a person must mend what `reason` says, the address or something else, then retry."""

    carrier: str
    code: str
    reason: str
    address_refused: bool = False
    progress: Progress


class BookingUnknown(ShippingEvent, fact="booking_unknown"):
    """The carrier's answer was lost; it is being asked whether it sold the label."""

    carrier: str
    progress: Progress


class LabelVoidRequested(ShippingEvent, fact="label_void_requested"):
    """The label is no longer live; the refund may take weeks."""

    tracking_number: str
    reason: str
    progress: Progress | None = None


class LabelVoided(ShippingEvent, fact="label_voided"):
    """The carrier's answer to the void: voided or refused; `progress` unless the parcel has another label by now."""

    tracking_number: str
    outcome: str
    progress: Progress | None = None


class ShipmentProgressed(ShippingEvent, fact="shipment_progressed"):
    """A carrier's fact moved the shipment, set a flag, or is only worth a line on the timeline.

    `position` is the shipment's state after the fact; `flags` are delayed, on_hold, damaged;
    `exception` is our taxonomy's exception (delay, hold, address_problem, failed_attempt, refused, damage, lost,
    loss_suspected, delivery_problem, returned, voided_label_used, unmapped) or empty.
    """

    carrier: str
    service: str
    tracking_number: str
    position: str
    flags: tuple[str, ...] = ()
    exception: str = ""
    scanned_at: datetime
    physical_scan: bool = True
    place: Place = Place()
    attempts: int = 0
    pickup_expires_at: datetime | None = None
    raw_status: str = ""
    raw_detail: str = ""
    estimate: Estimate | None = None
    contents: tuple[LineCount, ...] = ()
    progress: Progress | None = None


class ShipmentDelivered(ShippingEvent, fact="shipment_delivered"):
    """The parcel lies on the doorstep; `delivered_at` is the carrier's time."""

    carrier: str
    service: str
    tracking_number: str
    delivered_at: datetime
    signed_by: bool = False
    contents: tuple[LineCount, ...] = ()
