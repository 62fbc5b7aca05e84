"""What travels over the wire: the shapes of the EasyPost v2 HTTP API as its recorded exchanges show them."""

from datetime import UTC, datetime
from typing import NotRequired, TypedDict
from uuid import uuid4

from pydantic import JsonValue


class FieldError(TypedDict):
    """One thing that is wrong with a request."""

    field: str
    message: str


class VerificationError(TypedDict):
    """Why an address could not be confirmed."""

    code: str
    field: str
    message: str
    suggestion: str | None


class VerificationDetails(TypedDict):
    """Where a confirmed address lies."""

    latitude: float
    longitude: float
    time_zone: str


class Verification(TypedDict):
    """The answer of one check of an address."""

    success: bool
    errors: list[VerificationError]
    details: VerificationDetails | None


class Address(TypedDict):
    """An address, as given or as corrected by verification."""

    id: str
    object: str
    created_at: str
    updated_at: str
    name: str | None
    company: str | None
    street1: str | None
    street2: str | None
    city: str | None
    state: str | None
    zip: str | None
    country: str | None
    phone: str | None
    email: str | None
    mode: str
    carrier_facility: str | None
    residential: bool | None
    federal_tax_id: str | None
    state_tax_id: str | None
    verifications: dict[str, Verification]


class Parcel(TypedDict):
    """A box: inches and ounces."""

    id: str
    object: str
    created_at: str
    updated_at: str
    length: float | None
    width: float | None
    height: float | None
    predefined_package: str | None
    weight: float
    mode: str


class CustomsItem(TypedDict):
    """One kind of content for customs."""

    id: str
    object: str
    created_at: str
    updated_at: str
    description: str | None
    hs_tariff_number: str | None
    origin_country: str | None
    quantity: float
    value: str
    weight: float
    code: str | None
    mode: str
    manufacturer: str | None
    currency: str | None
    eccn: str | None
    printed_commodity_identifier: str | None


class CustomsInfo(TypedDict):
    """The customs declaration of a shipment."""

    id: str
    object: str
    created_at: str
    updated_at: str
    contents_explanation: str | None
    contents_type: str | None
    customs_certify: bool
    customs_signer: str | None
    eel_pfc: str | None
    non_delivery_option: str | None
    restriction_comments: str | None
    restriction_type: str | None
    mode: str
    declaration: str | None
    customs_items: list[CustomsItem]


class Rate(TypedDict):
    """What one service would cost, in decimal strings."""

    id: str
    object: str
    created_at: str
    updated_at: str
    mode: str
    service: str
    carrier: str
    rate: str
    currency: str
    retail_rate: str
    retail_currency: str
    list_rate: str
    list_currency: str
    billing_type: str
    delivery_days: int
    delivery_date: str | None
    delivery_date_guaranteed: bool
    est_delivery_days: int
    shipment_id: str
    carrier_account_id: str


class PostageLabel(TypedDict):
    """The label that was bought and where to fetch it."""

    object: str
    id: str
    created_at: str
    updated_at: str
    date_advance: int
    integrated_form: str
    label_date: str
    label_resolution: int
    label_size: str
    label_type: str
    label_file_type: str
    label_url: str
    label_pdf_url: str | None
    label_zpl_url: str | None
    label_epl2_url: str | None
    label_file: str | None


class Fee(TypedDict):
    """What was charged for a shipment."""

    object: str
    type: str
    amount: str
    charged: bool
    refunded: bool


class TrackingLocation(TypedDict):
    """Where a scan happened."""

    object: str
    city: str | None
    state: str | None
    country: str | None
    zip: str | None


class TrackingDetail(TypedDict):
    """One scan."""

    object: str
    message: str
    description: str
    status: str
    status_detail: str
    datetime: str
    source: str
    carrier_code: str
    tracking_location: TrackingLocation


class CarrierDetail(TypedDict):
    """What the carrier itself says about the parcel."""

    object: str
    service: str
    container_type: str | None
    est_delivery_date_local: str | None
    est_delivery_time_local: str | None
    origin_location: str
    origin_tracking_location: TrackingLocation
    destination_location: str
    destination_tracking_location: TrackingLocation | None
    guaranteed_delivery_date: str | None
    alternate_identifier: str | None
    initial_delivery_attempt: str | None


class Tracker(TypedDict):
    """A parcel's whole tracking history."""

    id: str
    object: str
    mode: str
    tracking_code: str
    status: str
    status_detail: str
    created_at: str
    updated_at: str
    signed_by: str | None
    weight: float | None
    est_delivery_date: str | None
    shipment_id: str | None
    carrier: str
    tracking_details: list[TrackingDetail]
    fees: NotRequired[list[Fee]]
    carrier_detail: CarrierDetail | None
    finalized: NotRequired[bool]
    is_return: NotRequired[bool]
    public_url: str


class NotOffered(TypedDict):
    """What the API can do with shipments and the simulator does not."""

    batch_id: str | None
    batch_status: str | None
    batch_message: str | None
    insurance: str | None
    order_id: str | None
    scan_form: str | None
    forms: list[dict[str, str]]


class Shipment(NotOffered):
    """A parcel with its two ends, its prices and, once bought, its label and tracker."""

    id: str
    created_at: str
    is_return: bool
    messages: list[dict[str, str]]
    mode: str
    options: dict[str, JsonValue]
    reference: str | None
    status: str
    tracking_code: str | None
    updated_at: str
    customs_info: CustomsInfo | None
    from_address: Address
    parcel: Parcel
    postage_label: PostageLabel | None
    rates: list[Rate]
    refund_status: str | None
    selected_rate: Rate | None
    tracker: Tracker | None
    to_address: Address
    usps_zone: int
    return_address: Address
    buyer_address: Address
    fees: list[Fee]
    object: str


class Header(TypedDict):
    """A header that a receiver wants to see on its webhooks."""

    name: str
    value: str


class Webhook(TypedDict):
    """A registered receiver of events."""

    id: str
    object: str
    mode: str
    url: str
    created_at: str
    disabled_at: str | None
    custom_headers: list[Header]


class Refund(TypedDict):
    """A label whose price was asked back."""

    id: str
    object: str
    created_at: str
    updated_at: str
    tracking_code: str
    confirmation_number: str | None
    status: str
    carrier: str
    shipment_id: str


class Event(TypedDict):
    """The envelope in which receivers get news; `result` is the object it is about."""

    id: str
    object: str
    description: str
    mode: str
    previous_attributes: dict[str, str | None]
    result: Tracker | Refund
    created_at: str
    updated_at: str
    pending_urls: list[str]
    completed_urls: list[str]
    status: str
    user_id: str


def new_id(prefix: str) -> str:
    """Make an id as the API writes it, such as shp_1f…."""
    return f"{prefix}_{uuid4().hex}"


def stamp(moment: datetime) -> str:
    """Write a moment as most of the API does, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def address_stamp(moment: datetime) -> str:
    """Write a moment as addresses carry it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def event_stamp(moment: datetime) -> str:
    """Write a moment as events carry it, to the millisecond."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
