"""What the stock half's doors take."""

from datetime import time
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, field_validator

from shared.doors import Body
from shared.fields import Day, NearMoment

MOST_ROWS = 500
MOST_UNITS = 1_000_000
UNSUPPORTED_FLAGS = ("lot", "serial", "expiry", "hazmat")
KNOWN_FLAGS = ("fragile", "perishable", "safety", *UNSUPPORTED_FLAGS)
"""safety: somebody's safety rests on these goods arriving sound, such as medicine, or batteries that must not leak."""

Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/]+$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Quantity = Annotated[int, Field(ge=1, le=MOST_UNITS)]
Millimetres = Annotated[int, Field(ge=1, le=10_000)]
Reason = Annotated[str, Field(min_length=3, max_length=500)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not an IANA time zone")
    ZoneInfo(name)
    return name


def _clock_time(text: str) -> str:
    time.fromisoformat(text)
    return text


def _supported(flags: list[str]) -> list[str]:
    for flag in flags:
        if flag in UNSUPPORTED_FLAGS:
            raise ValueError(f"SKUs flagged {flag} are not supported yet: this service does not track {flag}")
        if flag not in KNOWN_FLAGS:
            raise ValueError(f"unknown flag {flag!r}; known: {', '.join(KNOWN_FLAGS)}")
    return flags


ClockTime = Annotated[str, Field(pattern=r"^\d{2}:\d{2}$"), AfterValidator(_clock_time)]


class BarcodeBody(Body):
    """A barcode and how many units one scan of it stands for."""

    code: Code
    units: int = Field(default=1, ge=1, le=10_000)


class BinBody(Body):
    """Where units lie at a location, and when the walk passes there."""

    location: Code
    bin: Text
    walk_order: int = Field(default=0, ge=0, le=1_000_000)


class SkuBody(Body):
    """A SKU; barcodes and bins that are absent stay as they are."""

    code: Code
    name: Text
    weight_grams: int = Field(ge=1, le=1_000_000)
    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres
    requires_shipping: bool = True
    active: bool = True
    flags: Annotated[list[str], AfterValidator(_supported)] = Field(default=[], max_length=10)
    barcodes: list[BarcodeBody] | None = Field(default=None, max_length=20)
    bins: list[BinBody] | None = Field(default=None, max_length=50)


class SaveSkus(Body):
    """SKUs to insert or replace."""

    skus: list[SkuBody] = Field(min_length=1, max_length=MOST_ROWS)


class CutOffBody(Body):
    """The last moment for orders and the truck's time on a weekday (0 = Monday), local time.

    `*` serves every level that has no truck of its own that day; a truck before its cut-off leaves the next day.
    """

    service_level: Text
    weekday: int = Field(ge=0, le=6)
    order_by: ClockTime
    truck_at: ClockTime


class LocationBody(Body):
    """A place that stocks and ships."""

    code: Code
    name: Text
    company: Text | None = None
    line1: Text
    line2: Text | None = None
    city: Text
    region: Text | None = None
    postal_code: Text
    country_code: str = Field(pattern=r"^[A-Z]{2}$")
    phone: Text | None = None
    email: Text | None = None
    zone: Text
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    cut_offs: list[CutOffBody] = Field(default=[], max_length=100)
    holidays: list[Day] = Field(default=[], max_length=400)
    label_format: Literal["png", "pdf", "zpl"] = Field(default="png", description="what its label printers read")
    active: bool = True

    @field_validator("cut_offs")
    @classmethod
    def _one_a_day(cls, cut_offs: list[CutOffBody]) -> list[CutOffBody]:
        if len({(one.service_level, one.weekday) for one in cut_offs}) < len(cut_offs):
            raise ValueError("a service level has at most one cut-off a weekday")
        return cut_offs


class SaveLocations(Body):
    """Locations to insert or replace."""

    locations: list[LocationBody] = Field(min_length=1, max_length=MOST_ROWS)


class ReceiveLine(Body):
    """Units that came in; `damaged` of them cannot be sold."""

    sku: Code
    location: Code
    quantity: Quantity
    damaged: int = Field(default=0, ge=0, le=MOST_UNITS)

    @field_validator("damaged")
    @classmethod
    def _within(cls, damaged: int, values: object) -> int:
        quantity = getattr(values, "data", {}).get("quantity", damaged)
        if damaged > quantity:
            raise ValueError("more units are damaged than were received")
        return damaged


class Receive(Body):
    """A receipt, free or against an inbound."""

    lines: list[ReceiveLine] = Field(min_length=1, max_length=MOST_ROWS)
    inbound_id: UUID | None = None
    reference: Text = "free receipt"


class AdjustLine(Body):
    """A correction of one bucket, in units; damaged and quarantined units stay on hand."""

    sku: Code
    location: Code
    quantity: int = Field(ge=-MOST_UNITS, le=MOST_UNITS)
    bucket: Literal["on_hand", "damaged", "quarantined"] = "on_hand"

    @field_validator("quantity")
    @classmethod
    def _not_zero(cls, quantity: int) -> int:
        if quantity == 0:
            raise ValueError("an adjustment of nothing")
        return quantity


class Adjust(Body):
    """Corrections and their reason."""

    lines: list[AdjustLine] = Field(min_length=1, max_length=MOST_ROWS)
    reason: Reason


class CountLine(Body):
    """How many units were counted: all that lie in the house, in totes and parcels too."""

    sku: Code
    location: Code
    counted: int = Field(ge=0, le=MOST_UNITS)


class Count(Body):
    """A count and its reason."""

    lines: list[CountLine] = Field(min_length=1, max_length=MOST_ROWS)
    reason: Reason = "count"


class SkuQuantity(Body):
    """Units of a SKU."""

    sku: Code
    quantity: Quantity


class Transfer(Body):
    """Units leave one location for another, where they are expected as an inbound."""

    source: Code
    target: Code
    expected_at: NearMoment
    reference: Text = "transfer"
    lines: list[SkuQuantity] = Field(min_length=1, max_length=MOST_ROWS)

    @field_validator("target")
    @classmethod
    def _elsewhere(cls, target: str, values: object) -> str:
        if target == getattr(values, "data", {}).get("source"):
            raise ValueError("the target is the source")
        return target


class SafetyLine(Body):
    """How many units allocation leaves alone."""

    sku: Code
    location: Code
    safety_stock: int = Field(ge=0, le=MOST_UNITS)


class SetSafety(Body):
    """Safety stock by SKU and location, and why."""

    lines: list[SafetyLine] = Field(min_length=1, max_length=MOST_ROWS)
    reason: Reason


class Release(Body):
    """Why a reservation is given back."""

    reason: Reason


class AnnounceInbound(Body):
    """A delivery that will come."""

    kind: Literal["purchase", "return"] = "purchase"
    location: Code
    reference: Text
    expected_at: NearMoment
    lines: list[SkuQuantity] = Field(min_length=1, max_length=MOST_ROWS)


class Reschedule(Body):
    """A new date for an inbound, and why."""

    expected_at: NearMoment
    reason: Reason
