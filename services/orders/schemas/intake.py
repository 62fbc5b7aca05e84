"""POST /orders: what a storefront sends."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.config import JsonDict

from services.orders.schemas.parts import (
    Address,
    Code,
    Contact,
    Country,
    Gift,
    Metadata,
    Price,
    Quantity,
    Reference,
    Text,
)
from services.orders.states import ServiceLevel
from shared.doors import Body
from shared.fields import NearDayOrMoment, NearMoment

MOST_LINES = 200
# So that the total of all lines, taxes and shipping stays an amount that a Price can say.
MOST_OF_A_LINE = 10**12
_EXAMPLE: JsonDict = {
    "reference": "1001",
    "service_level": "standard",
    "customer": {"email": "ann@example.com", "locale": "en"},
    "shipping_address": {
        "name": "Ann Example",
        "line1": "1 Harbour Road",
        "city": "Hamburg",
        "postal_code": "20457",
        "country_code": "DE",
    },
    "lines": [{"reference": "1", "sku": "MUG-BLUE", "quantity": 2, "unit_price": {"amount": 1290, "currency": "EUR"}}],
    "shipping_price": {"amount": 490, "currency": "EUR"},
    "payment": {"status": "authorized"},
}


def _summable(price: Price) -> Price:
    if price.amount > MOST_OF_A_LINE:
        raise ValueError(f"is more than {MOST_OF_A_LINE}")
    return price


Part = Annotated[Price, AfterValidator(_summable)]


class PlaceLine(Body):
    """A line; `location` pins it to one location's stock."""

    reference: Reference
    sku: Code
    name: Annotated[str, Field(max_length=300)] = ""
    quantity: Quantity
    requires_shipping: bool = True
    unit_price: Price
    discount: Price | None = None
    tax: Part | None = None
    total: Price | None = None
    properties: Metadata | None = None
    customs: Metadata | None = None
    location: Code | None = None

    @field_validator("unit_price")
    @classmethod
    def _can_be_multiplied(cls, price: Price, info: ValidationInfo) -> Price:
        if price.amount * info.data.get("quantity", 1) > MOST_OF_A_LINE:
            raise ValueError(f"price times quantity is more than {MOST_OF_A_LINE}")
        return price


class PlacePayment(Body):
    """What the storefront knows of the money; no amount means the order's total."""

    status: Literal["pending", "authorized", "captured"]
    amount: Price | None = None
    reference: Annotated[str, Field(max_length=200)] = ""
    expires_at: NearMoment | None = None


class PlacePolicy(Body):
    """What we may do when stock is missing."""

    partial_shipments: Literal["none", "allowed"] = "none"
    backorder: Literal["wait", "cancel"] = "wait"
    max_backorder_days: Annotated[int, Field(ge=0, le=365)] | None = None


class PlaceOrder(Body):
    """An order."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    reference: Reference
    placed_at: NearMoment | None = None
    quote_id: UUID | None = None
    service_level: ServiceLevel = ServiceLevel.STANDARD
    ship_after: NearMoment | None = None
    deliver_by: NearDayOrMoment | None = None
    customer: Contact = Contact()
    shipping_address: Address
    lines: Annotated[list[PlaceLine], Field(min_length=1, max_length=MOST_LINES)]
    shipping_price: Part | None = None
    total: Price | None = None
    payment: PlacePayment | None = None
    policy: PlacePolicy = Field(default_factory=PlacePolicy)
    gift: Gift | None = None
    metadata: Metadata = Field(default_factory=dict)
    priority: Annotated[int, Field(ge=0, le=9)] = 0


class Destination(Body):
    """As much of an address as a promise needs."""

    country_code: Country
    postal_code: Annotated[str, Field(max_length=20)] = ""
    region: Annotated[str, Field(max_length=100)] = ""


class WantedLine(Body):
    """Goods somebody may order."""

    sku: Code
    quantity: Quantity


class AskDeliveryOptions(Body):
    """Where to, and what."""

    destination: Destination
    lines: Annotated[list[WantedLine], Field(min_length=1, max_length=MOST_LINES)]


class LineChange(Body):
    """Units of a line, named by our id or the storefront's reference."""

    line_id: UUID | None = None
    reference: Text | None = None
    quantity: Annotated[int, Field(ge=0, le=100_000)]


class AmendOrder(Body):
    """PATCH: what may change before the pick starts; of `contact` only the fields sent; lines only get fewer."""

    shipping_address: Address | None = None
    contact: Contact | None = None
    ship_after: NearMoment | None = None
    lines: Annotated[list[LineChange], Field(max_length=MOST_LINES)] | None = None


class AskCancellation(Body):
    """Cancel these units; no lines means all that can still be cancelled."""

    reason: Literal["customer", "fraud", "inventory", "payment", "staff", "other"] = "customer"
    lines: Annotated[list[LineChange], Field(min_length=1, max_length=MOST_LINES)] | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class ReportPayment(Body):
    """What the storefront did with the money."""

    type: Literal["authorized", "captured", "voided", "refunded", "failed"]
    amount: Price | None = None
    reference: Annotated[str, Field(max_length=200)] = ""
    shipment_id: UUID | None = None
    refund_id: UUID | None = None
    expires_at: NearMoment | None = None
