"""What the stock half's doors answer."""

from datetime import datetime
from uuid import UUID

from services.inventory.schemas.stock import BarcodeBody, BinBody, CutOffBody
from shared.doors import Answer


class Saved(Answer):
    """How many rows were saved."""

    saved: int


class StockAnswer(Answer):
    """What lies of a SKU at a location."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    safety_stock: int
    available: int
    version: int


class Received(Answer):
    """Stock after a receipt, and how many waiting units it served."""

    lines: list[StockAnswer]
    backorders_filled: int


class Changed(Answer):
    """Stock after a correction, and how many reserved units lost their place."""

    lines: list[StockAnswer]
    displaced: int


class InboundLineAnswer(Answer):
    """A line of an inbound."""

    sku: str
    expected: int
    received: int
    over: int
    short: int


class InboundAnswer(Answer):
    """An inbound."""

    id: UUID
    kind: str
    state: str
    location: str
    source: str | None
    reference: str
    expected_at: datetime
    since: datetime
    lines: list[InboundLineAnswer]


class LocationAnswer(Answer):
    """A location with its address and calendar."""

    code: str
    name: str
    company: str | None
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str
    country_code: str
    phone: str | None
    email: str | None
    zone: str
    time_zone: str
    cut_offs: list[CutOffBody]
    holidays: list[str]
    label_format: str
    active: bool
    version: int


class SkuAnswer(Answer):
    """A SKU with its barcodes and bins."""

    code: str
    name: str
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    requires_shipping: bool
    active: bool
    fragile: bool
    perishable: bool
    safety: bool
    barcodes: list[BarcodeBody]
    bins: list[BinBody]


class LedgerAnswer(Answer):
    """One effect."""

    id: int
    at: datetime
    sku: str
    location: str
    act: str
    quantity: int
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    document: str
    actor: str


class CountTaskAnswer(Answer):
    """Units somebody should count."""

    id: UUID
    sku: str
    location: str
    reason: str
    opened_at: datetime


class ReservationAnswer(Answer):
    """Units of an order line and where they stand."""

    id: UUID
    order_id: UUID
    line_id: UUID
    sku: str
    location: str | None
    quantity: int
    state: str
    expected_at: datetime | None
    cancellation_id: UUID | None
    since: datetime


class SkuPage(Answer):
    """SKUs, and where the next page starts."""

    data: list[SkuAnswer]
    next_cursor: str | None = None


class LocationPage(Answer):
    """Locations, and where the next page starts."""

    data: list[LocationAnswer]
    next_cursor: str | None = None


class StockPage(Answer):
    """Stock, and where the next page starts."""

    data: list[StockAnswer]
    next_cursor: str | None = None


class LedgerPage(Answer):
    """Effects, oldest first, and where the next page starts."""

    data: list[LedgerAnswer]
    next_cursor: str | None = None


class InboundList(Answer):
    """Inbounds, newest first."""

    data: list[InboundAnswer]


class CountTaskList(Answer):
    """Open count tasks, oldest first."""

    data: list[CountTaskAnswer]


class ReservationList(Answer):
    """Reservations of an order."""

    data: list[ReservationAnswer]
