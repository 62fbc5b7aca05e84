"""What callers may send: lenient where the API is, and naming the field where it is not."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator


def _blank_if_empty(value: object) -> object:
    return None if value == {} else value


class Lenient(BaseModel):
    """A body as the carrier's API takes it: fields it does not know are ignored."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class Strict(BaseModel):
    """A body of the simulator's own controls: a field it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid")


class AddressIn(Lenient):
    """An address, or the id of one."""

    id: str | None = None
    name: str | None = None
    company: str | None = None
    street1: str | None = None
    street2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    phone: str | None = None
    email: str | None = None
    federal_tax_id: str | None = None
    state_tax_id: str | None = None
    residential: bool | None = None


class AddressCreate(Lenient):
    """POST /v2/addresses and /v2/addresses/create_and_verify."""

    address: AddressIn
    verify: bool | list[str] = False
    verify_strict: bool | list[str] = False


class ParcelIn(Lenient):
    """A box in inches and ounces, or the id of one."""

    id: str | None = None
    length: float | None = Field(default=None, gt=0)
    width: float | None = Field(default=None, gt=0)
    height: float | None = Field(default=None, gt=0)
    predefined_package: str | None = None
    weight: float | None = Field(default=None, gt=0)


class ParcelCreate(Lenient):
    """POST /v2/parcels."""

    parcel: Annotated[ParcelIn | None, BeforeValidator(_blank_if_empty)] = None


class CustomsItemIn(Lenient):
    """One kind of content for customs."""

    description: str | None = None
    hs_tariff_number: str | None = None
    origin_country: str | None = None
    quantity: float = Field(default=1, gt=0)
    value: float = Field(default=0, ge=0)
    weight: float = Field(default=0, ge=0)
    code: str | None = None
    manufacturer: str | None = None
    currency: str | None = None
    eccn: str | None = None
    printed_commodity_identifier: str | None = None


class CustomsInfoIn(Lenient):
    """A customs declaration, or the id of one."""

    id: str | None = None
    contents_explanation: str | None = None
    contents_type: str | None = None
    customs_certify: bool = False
    customs_signer: str | None = None
    eel_pfc: str | None = None
    non_delivery_option: str | None = None
    restriction_comments: str | None = None
    restriction_type: str | None = None
    declaration: str | None = None
    customs_items: list[CustomsItemIn] = []


class ShipmentIn(Lenient):
    """A shipment to be rated and, with `service`, bought in the same call."""

    from_address: AddressIn | None = None
    to_address: AddressIn | None = None
    return_address: AddressIn | None = None
    buyer_address: AddressIn | None = None
    parcel: ParcelIn | None = None
    customs_info: CustomsInfoIn | None = None
    options: dict[str, JsonValue] | None = None
    reference: str | None = None
    is_return: bool = False
    service: str | None = None
    carrier: str | None = None
    carrier_accounts: list[str] = []


class ShipmentCreate(Lenient):
    """POST /v2/shipments."""

    shipment: Annotated[ShipmentIn | None, BeforeValidator(_blank_if_empty)] = None


class RateId(Lenient):
    """Which of the quoted rates."""

    id: str


class ShipmentBuy(Lenient):
    """POST /v2/shipments/{id}/buy."""

    rate: RateId | None = None
    insurance: str | None = None


class TrackerIn(Lenient):
    """A tracking code to watch."""

    tracking_code: str | None = None
    carrier: str | None = None


class TrackerCreate(Lenient):
    """POST /v2/trackers."""

    tracker: Annotated[TrackerIn | None, BeforeValidator(_blank_if_empty)] = None


class HeaderIn(Lenient):
    """A header that the receiver wants on every event."""

    name: str
    value: str


class WebhookIn(Lenient):
    """Where to send events, and the secret that signs them."""

    url: str | None = None
    webhook_secret: str | None = None
    custom_headers: list[HeaderIn] | None = None


class WebhookCreate(Lenient):
    """POST /v2/webhooks."""

    webhook: Annotated[WebhookIn | None, BeforeValidator(_blank_if_empty)] = None


class WebhookUpdate(WebhookIn):
    """PATCH /v2/webhooks/{id}: bare, or wrapped as for creation."""

    webhook: WebhookIn | None = None


class Page(Lenient):
    """Which part of a list: newest first, before or after an id."""

    before_id: str | None = None
    after_id: str | None = None
    start_datetime: datetime | None = None
    end_datetime: datetime | None = None
    page_size: int = Field(default=20, ge=1, le=100)


class ShipmentPage(Page):
    """Which shipments: like the API, only bought ones unless told otherwise."""

    purchased: bool = True


class TrackerPage(Page):
    """Which trackers."""

    tracking_code: str | None = None
    tracking_codes: list[str] = Field(default=[], alias="tracking_codes[]")
    carrier: str | None = None


class HandOver(Strict):
    """Parcels that were physically given to the carrier."""

    tracking_codes: list[str] = Field(min_length=1, max_length=1000)
    at: AwareDatetime | None = None


class Step(Strict):
    """One scan of a scripted journey: at a moment, or so many hours after the hand-over."""

    at: AwareDatetime | None = None
    after_hours: float | None = Field(default=None, ge=0)
    status: str
    status_detail: str
    message: str = ""
    city: str | None = None
    state: str | None = None
    country: str | None = None
    zip: str | None = None

    @model_validator(mode="after")
    def check_the_time(self) -> Self:
        if (self.at is None) == (self.after_hours is None):
            raise ValueError("give exactly one of 'at' and 'after_hours'")
        return self


class Match(Strict):
    """Parcels by what is printed on their label: the order's reference, and which of its parcels."""

    print_custom_1: str
    print_custom_2: str | None = None


class Script(Strict):
    """A journey told step by step, for one tracking code or for every label that matches."""

    tracking_code: str | None = None
    match: Match | None = None
    steps: list[Step] = Field(min_length=1, max_length=200)
    signed_by: str | None = None
    synthetic_scan_hours: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def check_the_target(self) -> Self:
        if (self.tracking_code is None) == (self.match is None):
            raise ValueError("give exactly one of 'tracking_code' and 'match'")
        return self


class FaultKind(StrEnum):
    """What can be made to go wrong."""

    slow = "slow"
    rate_limited = "rate_limited"
    server_error = "server_error"
    refused = "refused"
    answer_lost = "answer_lost"
    duplicate_webhooks = "duplicate_webhooks"
    forged_webhooks = "forged_webhooks"
    shuffled_webhooks = "shuffled_webhooks"
    no_webhooks = "no_webhooks"


class Fault(Strict):
    """One thing going wrong, so many times or until it is taken away."""

    kind: FaultKind
    route: str | None = None
    times: int | None = Field(default=None, ge=1)
    seconds: float = Field(default=1, ge=0, le=600)
    only_reference: str | None = None
