"""What can be read of an order that is not well formed, so that its other faults are named in the same answer."""

from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from services.orders.schemas.intake import MOST_LINES
from services.orders.schemas.parts import Code, Country, Price, Quantity, Reference
from services.orders.states import ServiceLevel
from shared.fields import NearDayOrMoment, NearMoment, is_storable

T = TypeVar("T")


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> object:
    if isinstance(value, str) and not is_storable(value):
        return None
    try:
        return read(value)
    except ValidationError:
        return None


def _first_lines(value: object) -> object:
    return value[:MOST_LINES] if isinstance(value, list) else []


Part = Annotated[T | None, WrapValidator(_or_none)]
"""A field as far as it is good; None says nothing."""


class _Readable(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)


class ReadableLine(_Readable):
    """What checks look at of a line."""

    reference: Part[Reference] = None
    sku: Part[Code] = None
    quantity: Part[Quantity] = None
    unit_price: Part[Price] = None
    discount: Part[Price] = None
    tax: Part[Price] = None
    total: Part[Price] = None
    location: Part[Code] = None


class ReadableAddress(_Readable):
    """Where to, as far as a promise needs it."""

    country_code: Part[Country] = None
    postal_code: Part[str] = None
    region: Part[str] = None


class ReadablePayment(_Readable):
    """What checks look at of the money."""

    amount: Part[Price] = None
    expires_at: Part[NearMoment] = None


class ReadableOrder(_Readable):
    """What checks look at of an order; a line that cannot be read keeps its place as None."""

    quote_id: Part[UUID] = None
    service_level: Part[ServiceLevel] = None
    ship_after: Part[NearMoment] = None
    deliver_by: Part[NearDayOrMoment] = None
    shipping_address: Part[ReadableAddress] = None
    lines: Annotated[list[Part[ReadableLine]], BeforeValidator(_first_lines)] = Field(default_factory=list)
    shipping_price: Part[Price] = None
    total: Part[Price] = None
    payment: Part[ReadablePayment] = None


def read_parts(body: object) -> ReadableOrder:
    """Read what can be read of a body of whatever shape."""
    return ReadableOrder.model_validate(body) if isinstance(body, dict) else ReadableOrder()
