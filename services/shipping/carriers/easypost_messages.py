"""EasyPost's messages, pure: our request to its JSON, its JSON to our words; no I/O."""

import hashlib
import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from services.shipping.carriers import easypost_codes
from services.shipping.carriers.base import (
    Address,
    AlreadyBoughtError,
    AnswerNotUnderstoodError,
    CarrierRejectedError,
    CarrierShipment,
    CredentialsRefusedError,
    FieldReason,
    Label,
    LabelFormat,
    NotFoundAtCarrierError,
    Place,
    Rate,
    RefundStatus,
    Scan,
    ShipmentRequest,
    SignatureRefusedError,
    Tracking,
    WebhookMessage,
)
from services.shipping.carriers.units import contents_summary, inches, minor_units, ounces
from shared.fields import known, refuse_nul

SIGNATURE_HEADER = "x-hmac-signature"
_SIGNATURE_SCHEME = "hmac-sha256-hex="
_UNAUTHORISED = (401, 403)
_NOT_FOUND = 404
_ALREADY_BOUGHT_CODES = frozenset({"SHIPMENT.POSTAGE.EXISTS", "SHIPMENT.POSTAGE.ALREADY_PURCHASED"})
_LABEL_FORMATS = {LabelFormat.PNG: "PNG", LabelFormat.PDF: "PDF", LabelFormat.ZPL: "ZPL"}
_REFUNDS = {
    None: RefundStatus.NOT_REQUESTED,
    "submitted": RefundStatus.SUBMITTED,
    "refunded": RefundStatus.REFUNDED,
    "rejected": RefundStatus.REJECTED,
    "not_applicable": RefundStatus.REJECTED,
}


_Amount = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
_Moment = Annotated[datetime, AfterValidator(known)]


class _Shape(BaseModel):
    """A part of an answer, as far as we read it; what could not be stored is not understood."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    _storable = field_validator("*", mode="after")(refuse_nul)


class _Rate(_Shape):
    id: str
    carrier: str
    service: str
    rate: _Amount
    currency: str = "USD"
    delivery_days: int | None = None
    est_delivery_days: int | None = None
    delivery_date: _Moment | None = None


class _PostageLabel(_Shape):
    label_url: str
    label_file_type: str = "image/png"
    label_pdf_url: str | None = None
    label_zpl_url: str | None = None


class _Location(_Shape):
    city: str | None = None
    state: str | None = None
    country: str | None = None
    zip: str | None = None


class _Detail(_Shape):
    status: str
    status_detail: str | None = None
    message: str | None = None
    at: _Moment | None = Field(default=None, alias="datetime")
    tracking_location: _Location | None = None


class _Tracker(_Shape):
    id: str
    tracking_code: str
    status: str = "unknown"
    status_detail: str | None = None
    carrier: str = ""
    shipment_id: str | None = None
    signed_by: str | None = None
    est_delivery_date: _Moment | None = None
    updated_at: _Moment | None = None
    public_url: str | None = None
    tracking_details: tuple[_Detail, ...] = ()


class _Message(_Shape):
    carrier: str = ""
    message: str | None = ""


class _Shipment(_Shape):
    id: str
    reference: str | None = None
    rates: tuple[_Rate, ...] = ()
    tracking_code: str | None = None
    tracker: _Tracker | None = None
    selected_rate: _Rate | None = None
    postage_label: _PostageLabel | None = None
    refund_status: str | None = None
    messages: tuple[_Message, ...] = ()


class _ShipmentPage(_Shape):
    shipments: tuple[_Shipment, ...] = ()
    has_more: bool = False


class _FieldError(_Shape):
    field: str = ""
    message: str = ""


class _Error(_Shape):
    code: str = ""
    message: str | list[str] = ""
    errors: tuple[_FieldError | str, ...] = ()


class _ErrorBody(_Shape):
    error: _Error | str


class _Event(_Shape):
    id: str
    description: str
    result: dict[str, object] = Field(default_factory=dict)


class _Webhook(_Shape):
    id: str
    url: str
    disabled_at: _Moment | None = None


class _Webhooks(_Shape):
    webhooks: tuple[_Webhook, ...] = ()


_M = TypeVar("_M", bound=_Shape)


def _read(shape: type[_M], body: bytes) -> _M:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in one["loc"]) or "body" for one in error.errors())
        raise AnswerNotUnderstoodError(f"EasyPost's {shape.__name__.strip('_')} is not as known: {fields}") from error


def _address_message(address: Address) -> dict[str, str]:
    fields = {
        "name": address.name,
        "company": address.company,
        "street1": address.line1,
        "street2": address.line2,
        "city": address.city,
        "state": address.region,
        "zip": address.postal_code,
        "country": address.country_code,
        "phone": address.phone,
        "email": address.email,
    }
    return {name: value for name, value in fields.items() if value}


def create_message(request: ShipmentRequest) -> dict[str, object]:
    """Write the body of `POST /v2/shipments`."""
    size = request.size
    return {
        "shipment": {
            "reference": request.reference,
            "from_address": _address_message(request.sender),
            "to_address": _address_message(request.recipient),
            "parcel": {
                "length": inches(size.length_mm),
                "width": inches(size.width_mm),
                "height": inches(size.height_mm),
                "weight": ounces(size.weight_grams),
            },
            "options": _options_message(request),
        }
    }


def _options_message(request: ShipmentRequest) -> dict[str, str]:
    options = {
        "label_format": "PNG",  # EasyPost makes other formats of this one only
        "print_custom_1": request.order_reference,
        "print_custom_2": contents_summary(request.contents),
        "handling_instructions": " ".join(request.recipient.delivery_instructions.split()),
    }
    return {name: value for name, value in options.items() if value}


def buy_message(rate_id: str) -> dict[str, object]:
    """Write the body of `POST /v2/shipments/{id}/buy`."""
    return {"rate": {"id": rate_id}}


def conversion_params(label_format: LabelFormat) -> dict[str, str]:
    """Write the query of `GET /v2/shipments/{id}/label`."""
    return {"file_format": _LABEL_FORMATS[label_format]}


def webhook_message(url: str, secret: str) -> dict[str, object]:
    """Write the body of `POST /v2/webhooks`."""
    return {"webhook": {"url": url, "webhook_secret": secret}}


def webhook_secret_message(secret: str) -> dict[str, object]:
    """Write the body of `PATCH /v2/webhooks/{id}`, which is not wrapped; it also enables a disabled one again."""
    return {"webhook_secret": secret}


def _rate(shape: _Rate) -> Rate:
    return Rate(
        id=shape.id,
        carrier=shape.carrier,
        service=shape.service,
        price_minor=minor_units(shape.rate, shape.currency),
        currency=shape.currency,
        delivery_days=shape.delivery_days if shape.delivery_days is not None else shape.est_delivery_days,
        deliver_at=_aware(shape.delivery_date),
    )


def _shipment(shape: _Shipment) -> CarrierShipment:
    if shape.refund_status not in _REFUNDS:
        raise AnswerNotUnderstoodError(f"EasyPost's refund status {shape.refund_status!r} is not one we know")
    label = shape.postage_label
    return CarrierShipment(
        id=shape.id,
        reference=shape.reference,
        rates=tuple(_rate(rate) for rate in shape.rates),
        tracking_code=shape.tracking_code,
        tracker_id=shape.tracker.id if shape.tracker else None,
        bought_rate=_rate(shape.selected_rate) if shape.selected_rate else None,
        label=Label(label.label_url, label.label_file_type) if label else None,
        refund=_REFUNDS[shape.refund_status],
        tracking_url=(shape.tracker.public_url or "") if shape.tracker else "",
        refusals=tuple(": ".join(filter(None, (message.carrier, message.message or ""))) for message in shape.messages),
    )


def parse_shipment(body: bytes) -> CarrierShipment:
    """Read a Shipment; raises AnswerNotUnderstoodError."""
    return _shipment(_read(_Shipment, body))


def parse_conversion(body: bytes, label_format: LabelFormat) -> Label | None:
    """Read where a Shipment's label lies in a format, None for nowhere; raises AnswerNotUnderstoodError."""
    label = _read(_Shipment, body).postage_label
    if label is None:
        return None
    url = {LabelFormat.PDF: label.label_pdf_url, LabelFormat.ZPL: label.label_zpl_url}.get(label_format)
    if url is None and label.label_file_type == label_format.media_type:
        url = label.label_url
    return Label(url, label_format.media_type) if url else None


def parse_shipment_page(body: bytes) -> tuple[tuple[CarrierShipment, ...], bool]:
    """Read a page of shipments, newest first, and whether there are more."""
    page = _read(_ShipmentPage, body)
    return tuple(_shipment(shape) for shape in page.shipments), page.has_more


def find_webhook(body: bytes, url: str) -> str | None:
    """Read the id under which an address is registered; a disabled one only if there is no other."""
    hooks = [hook for hook in _read(_Webhooks, body).webhooks if hook.url == url]
    return min(hooks, key=lambda hook: hook.disabled_at is not None).id if hooks else None


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _scan(detail: _Detail, fallback: datetime | None) -> Scan | None:
    occurred_at = _aware(detail.at) or fallback
    if occurred_at is None:
        return None
    place = detail.tracking_location or _Location()
    status_detail = detail.status_detail or ""
    return Scan(
        occurred_at=occurred_at,
        status=detail.status,
        detail=status_detail,
        message=detail.message or "",
        place=Place(place.city or "", place.state or "", place.zip or "", place.country or ""),
        reading=easypost_codes.reading_of(detail.status, status_detail),
    )


def _summary_scan(shape: _Tracker, scans: tuple[Scan, ...]) -> tuple[Scan, ...]:
    """Read the tracker's own codes as a scan when no detail says the same: some carriers send only those."""
    said = {(scan.status, scan.detail) for scan in scans}
    codes = (shape.status, shape.status_detail or "")
    reading = easypost_codes.reading_of(*codes)
    if codes in said or reading == easypost_codes.AWAITING_CARRIER or shape.updated_at is None:
        return ()
    if reading.exception is None and any(scan.status == shape.status for scan in scans):
        return ()
    summary = _Detail(status=shape.status, status_detail=shape.status_detail, datetime=shape.updated_at)
    scan = _scan(summary, None)
    return (replace(scan, is_summary=True),) if scan else ()


def _tracking(shape: _Tracker) -> Tracking:
    read = (_scan(detail, _aware(shape.updated_at)) for detail in shape.tracking_details)
    scans = tuple(scan for scan in read if scan is not None)
    return Tracking(
        tracker_id=shape.id,
        tracking_code=shape.tracking_code,
        carrier_shipment_id=shape.shipment_id,
        carrier=shape.carrier,
        estimate_at=_aware(shape.est_delivery_date),
        signed_by=shape.signed_by,
        scans=scans + _summary_scan(shape, scans),
    )


def parse_tracker(body: bytes) -> Tracking:
    """Read a Tracker; raises AnswerNotUnderstoodError."""
    return _tracking(_read(_Tracker, body))


def signature_of(body: bytes, secret: str) -> str:
    """Sign a raw body as EasyPost does; its signature covers no time."""
    key = unicodedata.normalize("NFKD", secret).encode()
    return _SIGNATURE_SCHEME + hmac.new(key, body, hashlib.sha256).hexdigest()


def parse_webhook(body: bytes, headers: Mapping[str, str], secret: str) -> WebhookMessage:
    """Check the signature over the raw body in constant time, then read the Event inside."""
    given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE_HEADER, "")
    if not hmac.compare_digest(given.encode(), signature_of(body, secret).encode()):
        raise SignatureRefusedError("the signature does not match the body")
    event = _read(_Event, body)
    if event.result.get("object") != "Tracker":
        return WebhookMessage(event.id, event.description, None)
    try:
        tracker = _Tracker.model_validate(event.result)
    except ValidationError as error:
        raise AnswerNotUnderstoodError(f"EasyPost's tracker in {event.id} is not as known") from error
    return WebhookMessage(event.id, event.description, _tracking(tracker))


def _field_reasons(errors: tuple[_FieldError | str, ...]) -> tuple[FieldReason, ...]:
    return tuple(
        FieldReason("", error) if isinstance(error, str) else FieldReason(error.field, error.message)
        for error in errors
    )


def parse_error(status: int, body: object) -> CarrierRejectedError:
    """Turn a 4xx answer's JSON into the refusal it means, whatever it looks like."""
    try:
        error = _ErrorBody.model_validate(body).error
    except ValidationError:
        error = f"HTTP {status}"
    if isinstance(error, str):
        error = _Error(code=str(status), message=error)
    message = error.message if isinstance(error.message, str) else "; ".join(error.message)
    kind: type[CarrierRejectedError] = CarrierRejectedError
    if status in _UNAUTHORISED:
        kind = CredentialsRefusedError
    elif status == _NOT_FOUND:
        kind = NotFoundAtCarrierError
    elif error.code in _ALREADY_BOUGHT_CODES:
        kind = AlreadyBoughtError
    return kind(error.code, message, _field_reasons(error.errors))
