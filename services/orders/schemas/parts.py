"""Parts of requests and answers: money, addresses, contacts."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from shared.doors import Body
from shared.fields import MOST_MINOR_UNITS, Day, free_form

_MOST_METADATA_BYTES = 4096

Text = Annotated[str, Field(min_length=1, max_length=200)]
LongText = Annotated[str, Field(max_length=1000)]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s/]+$")]
Reference = Annotated[str, Field(min_length=1, max_length=100)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
Quantity = Annotated[int, Field(ge=1, le=100_000)]
ContactKind = Literal["real", "relay", "proxy"]


def _small(value: dict[str, object]) -> dict[str, object]:
    return free_form(value, _MOST_METADATA_BYTES)


Metadata = Annotated[dict[str, object], AfterValidator(_small)]


class Price(Body):
    """Money in integer minor units of an ISO 4217 currency."""

    amount: Annotated[int, Field(ge=0, le=MOST_MINOR_UNITS)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Contact(Body):
    """How to reach the customer; relays and proxies never link people."""

    reference: Text | None = None
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] | None = None
    email_kind: ContactKind = "real"
    phone: Annotated[str, Field(max_length=40, pattern=r"^[+0-9 ()./-]+$")] | None = None
    phone_kind: ContactKind = "real"
    locale: Annotated[str, Field(max_length=35, description="BCP 47, such as pt-BR: whom we write to reads it")] = ""


class Address(Body):
    """Where the goods go."""

    name: Text
    company: LongText = ""
    line1: Text
    line2: LongText = ""
    city: Text
    region: Annotated[str, Field(max_length=100)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    country_code: Country
    delivery_instructions: LongText = ""
    pickup_point_id: Text | None = None

    @field_validator("pickup_point_id")
    @classmethod
    def _no_carrier_goes_there(cls, point: str | None) -> str | None:
        if point is not None:
            raise ValueError("no carrier here delivers to a pickup point: send the address the goods shall go to")
        return point


class Gift(Body):
    """What a gift needs; `needed_on` is the day it is for, such as a birthday."""

    message: LongText = ""
    hide_prices: bool = True
    needed_on: Day | None = None
