"""What Doorstep needs of any carrier: the Protocol, its words as frozen dataclasses, its failures as types."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

from services.shipping.states import CarrierException, Flag, ShipmentStatus

_SHORTEST = 2  # a shorter word is found in any text


class LabelFormat(StrEnum):
    """What a label is printed from."""

    PNG = "png"
    PDF = "pdf"
    ZPL = "zpl"

    @property
    def media_type(self) -> str:
        """Name its files' media type."""
        return "image/png" if self is LabelFormat.PNG else f"application/{self}"


class RefundStatus(StrEnum):
    """What the carrier says about a label we asked it to take back."""

    NOT_REQUESTED = "not_requested"
    SUBMITTED = "submitted"
    REFUNDED = "refunded"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Address:
    """A sender or recipient as it is printed on a label; never stored by this service."""

    name: str
    line1: str
    city: str
    postal_code: str
    country_code: str
    company: str = ""
    line2: str = ""
    region: str = ""
    phone: str = ""
    email: str = ""
    delivery_instructions: str = ""
    """What a recipient asks of whoever brings the parcel."""

    def words(self) -> tuple[str, ...]:
        """Give what tells who and where it is, the longest first; country and region are everybody's."""
        told = (self.name, self.company, self.line1, self.line2, self.city, self.postal_code, self.phone, self.email)
        return tuple(sorted((word for word in told if len(word) > _SHORTEST), key=len, reverse=True))


@dataclass(frozen=True, slots=True)
class ParcelSize:
    """Weight and outer size of a closed parcel."""

    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class Content:
    """Units of one SKU inside a parcel."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ShipmentRequest:
    """Everything a carrier must know to offer rates for one parcel."""

    reference: str
    """Our shipment id, which is its parcel's: a create whose answer was lost, or our record of it, is found by it."""
    order_reference: str
    sender: Address
    recipient: Address
    size: ParcelSize
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """One offer of the carrier."""

    id: str
    carrier: str
    service: str
    price_minor: int
    currency: str
    delivery_days: int | None = None
    deliver_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label, and where its bytes are to be fetched from, once."""

    url: str
    media_type: str


@dataclass(frozen=True, slots=True)
class CarrierShipment:
    """A shipment as the carrier knows it; bought if it has a tracking code."""

    id: str
    reference: str | None
    rates: tuple[Rate, ...]
    tracking_code: str | None
    tracker_id: str | None
    bought_rate: Rate | None
    label: Label | None
    refund: RefundStatus
    refusals: tuple[str, ...] = ()
    """Why some or all services are not offered, in the carrier's words."""
    tracking_url: str = ""
    """Where the recipient may follow the parcel."""

    @property
    def is_bought(self) -> bool:
        """Say whether a label was sold."""
        return self.tracking_code is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scan happened, as coarse as the carrier says."""

    city: str = ""
    region: str = ""
    postal_code: str = ""
    country_code: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a pair of carrier codes means in our words."""

    position: ShipmentStatus | None = None
    flags: frozenset[Flag] = frozenset()
    exception: CarrierException | None = None
    unmapped: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """One tracking event: the raw codes and our reading of them."""

    occurred_at: datetime
    status: str
    detail: str
    message: str
    place: Place
    reading: Reading
    is_summary: bool = False
    """Said of the parcel as a whole, at the time of the message: said again, it is no new scan."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """Everything a carrier says about one parcel at one moment."""

    tracker_id: str
    tracking_code: str
    carrier_shipment_id: str | None
    carrier: str
    estimate_at: datetime | None
    signed_by: str | None
    scans: tuple[Scan, ...]


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One signed message of a carrier; without tracking it is of a kind that does not concern parcels."""

    id: str
    kind: str
    tracking: Tracking | None


@dataclass(frozen=True, slots=True)
class FieldReason:
    """One thing a carrier refused, by its own name of the field."""

    field: str
    reason: str


class CarrierError(Exception):
    """Anything that kept a carrier from doing what we asked."""


class CarrierUnavailableError(CarrierError):
    """The request never took effect: try again later."""


class RateLimitedError(CarrierUnavailableError):
    """The carrier asked us to wait."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"the carrier asks to wait {retry_after_seconds:g} s")
        self.retry_after_seconds = retry_after_seconds


class AnswerLostError(CarrierError):
    """The carrier may or may not have done it: ask before trying again."""


class CarrierRejectedError(CarrierError):
    """The carrier understood and refused."""

    def __init__(self, code: str, message: str, reasons: tuple[FieldReason, ...] = ()) -> None:
        super().__init__(": ".join(part for part in (code, message) if part))
        self.code = code
        self.message = message
        self.reasons = reasons

    @property
    def without_values(self) -> str:
        """Say the code alone, for the log: the carrier's words may repeat the address."""
        return self.code

    def without(self, words: tuple[str, ...]) -> Self:
        """Give the same refusal in which none of these words is quoted: it is published, logged and kept."""

        def cleaned(text: str) -> str:
            for word in words:
                text = re.sub(re.escape(word), "…", text, flags=re.IGNORECASE)
            return text

        reasons = tuple(FieldReason(one.field, cleaned(one.reason)) for one in self.reasons)
        return type(self)(self.code, cleaned(self.message), reasons)

    def in_words(self) -> str:
        """Say all of it on one line, for staff."""
        named = "; ".join(": ".join(filter(None, (one.field, one.reason))) for one in self.reasons)
        return f"{self.message} ({named})" if named else self.message


class AlreadyBoughtError(CarrierRejectedError):
    """The label of this carrier shipment was sold before."""


class NotFoundAtCarrierError(CarrierRejectedError):
    """The carrier knows nothing under this id."""


class CredentialsRefusedError(CarrierRejectedError):
    """The carrier does not accept our key."""


class AnswerNotUnderstoodError(CarrierError):
    """The carrier answered in a shape we do not know."""


class SignatureRefusedError(CarrierError):
    """A message claims to be the carrier's and is not signed by it."""


class Carrier(Protocol):
    """One carrier, or one aggregator of carriers.

    Every call raises CarrierUnavailableError (nothing happened), AnswerLostError (something may have happened;
    only of create, buy and void), CarrierRejectedError (it said no) or AnswerNotUnderstoodError.
    """

    name: str

    async def create_shipment(self, request: ShipmentRequest) -> CarrierShipment:
        """Ask for rates; nothing is paid for yet."""
        ...

    async def buy(self, carrier_shipment_id: str, rate_id: str) -> CarrierShipment:
        """Buy the label of a created shipment; raises AlreadyBoughtError the second time."""
        ...

    async def find_by_id(self, carrier_shipment_id: str) -> CarrierShipment:
        """Ask for a created shipment; raises NotFoundAtCarrierError."""
        ...

    async def find_by_reference(self, reference: str, created_after: datetime) -> CarrierShipment | None:
        """Look through the carrier's list for a shipment created with our reference, newest first."""
        ...

    async def list_sold(self, created_after: datetime) -> list[CarrierShipment]:
        """List the shipments of our account that a label was sold for, newest first."""
        ...

    async def void(self, carrier_shipment_id: str) -> RefundStatus:
        """Ask the carrier to take the label back."""
        ...

    async def fetch_label(self, label: Label) -> bytes:
        """Fetch what the bench prints."""
        ...

    async def convert_label(self, carrier_shipment_id: str, label_format: LabelFormat) -> Label | None:
        """Ask for a bought label in another format; None when the carrier does not give it so."""
        ...

    async def fetch_tracking(self, tracker_id: str) -> Tracking:
        """Ask where a parcel is."""
        ...

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookMessage:
        """Check the signature over the raw body, then read it; raises SignatureRefusedError."""
        ...

    async def ensure_webhook(self, url: str) -> None:
        """Have tracking messages sent to `url`, once each, signed with the secret we have now."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
