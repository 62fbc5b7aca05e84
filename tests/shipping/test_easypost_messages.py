"""EasyPost's recorded exchanges read into our words, and our requests held against the recorded ones."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, cast

import pytest
from easypost.util import validate_webhook

from services.shipping.carriers import easypost_messages as messages
from services.shipping.carriers.base import (
    Address,
    AlreadyBoughtError,
    AnswerNotUnderstoodError,
    CarrierRejectedError,
    Content,
    CredentialsRefusedError,
    FieldReason,
    Label,
    LabelFormat,
    NotFoundAtCarrierError,
    ParcelSize,
    RefundStatus,
    ShipmentRequest,
    SignatureRefusedError,
)
from services.shipping.carriers.units import contents_summary, inches, minor_units, ounces
from services.shipping.states import CarrierException, Flag, ShipmentStatus

RECORDED = Path(os.environ.get("DOORSTEP_DATA", str(Path(__file__).parents[3] / "shared" / "data"))) / "easypost"
SECRET = "sécret of the webhook"


class Request(TypedDict):
    """What the official client sent."""

    method: str
    path: str
    body: Mapping[str, object] | None


class Response(TypedDict):
    """What EasyPost answered."""

    status: int
    body: Mapping[str, object]


class Exchange(TypedDict):
    """One recorded call."""

    request: Request
    response: Response


def recorded(name: str) -> list[Exchange]:
    return cast("list[Exchange]", json.loads((RECORDED / f"{name}.json").read_text()))


def answer(name: str, index: int) -> bytes:
    return json.dumps(recorded(name)[index]["response"]["body"]).encode()


def request_of() -> ShipmentRequest:
    return ShipmentRequest(
        reference="0190-our-shipment",
        order_reference="SHOP-1001",
        sender=Address("Jack Sparrow", "388 Townsend St", "San Francisco", "94107", "US", "", "Apt 20", "CA"),
        recipient=Address("Elizabeth Swan", "179 N Harbor Dr", "Redondo Beach", "90277", "US", region="CA"),
        size=ParcelSize(weight_grams=437, length_mm=254, width_mm=204, height_mm=100),
        contents=(Content("SKU-2", 1), Content("SKU-1", 2)),
    )


def test_a_created_shipment_is_read_with_its_rates_and_is_not_bought() -> None:
    shipment = messages.parse_shipment(answer("shipment_create", 0))
    assert shipment.id == "shp_4f5381cd729d48c2adc4d2d801d655e2"
    assert shipment.reference == "123"
    assert not shipment.is_bought
    assert [(rate.service, rate.price_minor, rate.currency, rate.delivery_days) for rate in shipment.rates] == [
        ("Express", 3415, "USD", 1),
        ("Priority", 742, "USD", 2),
        ("GroundAdvantage", 607, "USD", 3),
    ]


def test_a_bought_shipment_is_read_with_label_tracker_and_the_rate_paid() -> None:
    shipment = messages.parse_shipment(answer("shipment_buy", 1))
    assert shipment.is_bought
    assert shipment.tracking_code == "9400100208303109505657"
    assert shipment.tracker_id == "trk_279431562ef84af89555e5c8a2029b2f"
    assert shipment.bought_rate is not None
    assert shipment.bought_rate.price_minor == 607
    assert shipment.label is not None
    assert shipment.label.media_type == "image/png"
    assert shipment.label.url.endswith("e813a2cf6d079c4ea49714758be7711be0.png")
    assert shipment.refund is RefundStatus.NOT_REQUESTED


def test_a_refund_is_read_as_submitted_and_not_yet_granted() -> None:
    assert messages.parse_shipment(answer("shipment_refund", 1)).refund is RefundStatus.SUBMITTED


def test_a_retrieved_shipment_reads_like_the_created_one() -> None:
    created, retrieved = (messages.parse_shipment(answer("shipment_retrieve", index)) for index in (0, 1))
    assert retrieved == created


def test_the_tracker_right_after_buying_says_nothing_yet() -> None:
    body = recorded("shipment_buy")[1]["response"]["body"]["tracker"]
    tracking = messages.parse_tracker(json.dumps(body).encode())
    assert tracking.scans == ()
    assert tracking.carrier_shipment_id == "shp_16578f588f9546ec914afd2474e24ff5"


@pytest.mark.parametrize(("name", "index"), [("tracker_create", 0), ("tracker_retrieve", 0), ("tracker_retrieve", 1)])
def test_a_tracker_is_read_with_each_scan_its_codes_and_its_place(name: str, index: int) -> None:
    tracking = messages.parse_tracker(answer(name, index))
    assert tracking.tracking_code == "EZ1000000001"
    assert tracking.carrier == "USPS"
    assert tracking.estimate_at == datetime(2025, 3, 6, 19, 48, 26, tzinfo=UTC)
    assert [(scan.status, scan.detail) for scan in tracking.scans] == [("pre_transit", "status_update")] * 2
    assert all(scan.reading.position is None and not scan.reading.unmapped for scan in tracking.scans)
    assert [scan.place.city for scan in tracking.scans] == ["", "HOUSTON"]


@pytest.mark.parametrize("name", ["claim_create", "claim_cancel"])
def test_shipments_of_the_other_recordings_are_read_too(name: str) -> None:
    assert not messages.parse_shipment(answer(name, 0)).is_bought
    assert messages.parse_shipment(answer(name, 1)).is_bought
    assert messages.parse_shipment(answer(name, 2)).is_bought


def test_a_refusal_names_its_code_and_every_field() -> None:
    refusal = messages.parse_error(422, recorded("error")[0]["response"]["body"])
    assert type(refusal) is CarrierRejectedError
    assert refusal.code == "PARAMETER.REQUIRED"
    assert refusal.reasons == (FieldReason("shipment", "cannot be blank"),)
    assert refusal.in_words() == "Missing required parameter. (shipment: cannot be blank)"


def test_a_404_a_401_and_a_second_purchase_are_errors_of_their_own() -> None:
    not_found = messages.parse_error(404, recorded("event_retrieve_payload")[3]["response"]["body"])
    assert isinstance(not_found, NotFoundAtCarrierError)
    assert isinstance(messages.parse_error(401, {"error": "not you"}), CredentialsRefusedError)
    bought = {"error": {"code": "SHIPMENT.POSTAGE.EXISTS", "message": ["Already", "bought"], "errors": ["no"]}}
    second = messages.parse_error(422, bought)
    assert isinstance(second, AlreadyBoughtError)
    assert second.in_words() == "Already; bought (no)"
    assert messages.parse_error(400, "<html>").in_words() == "HTTP 400"


def test_our_create_request_has_the_recorded_shape() -> None:
    theirs = cast("dict[str, object]", (recorded("shipment_create")[0]["request"]["body"] or {})["shipment"])
    ours = cast("dict[str, object]", messages.create_message(request_of())["shipment"])
    assert set(ours) <= set(theirs)
    for part in ("from_address", "to_address", "parcel"):
        assert set(cast("dict[str, object]", ours[part])) <= set(cast("dict[str, object]", theirs[part]))
    assert ours["parcel"] == {"length": 10.0, "width": 8.1, "height": 4.0, "weight": 15.5}


def test_the_request_carries_our_shipment_id_the_order_and_the_contents() -> None:
    shipment = cast("dict[str, object]", messages.create_message(request_of())["shipment"])
    assert shipment["reference"] == "0190-our-shipment"
    assert shipment["options"] == {
        "label_format": "PNG",
        "print_custom_1": "SHOP-1001",
        "print_custom_2": "SKU-1x2,SKU-2x1",
    }


def test_what_the_recipient_asks_of_the_driver_goes_to_the_carrier_on_one_line() -> None:
    request = request_of()
    recipient = replace(request.recipient, delivery_instructions="Ring twice,\nthen leave it at the shed.")
    shipment = cast("dict[str, object]", messages.create_message(replace(request, recipient=recipient))["shipment"])

    options = cast("dict[str, object]", shipment["options"])
    assert options["handling_instructions"] == "Ring twice, then leave it at the shed."


def test_our_buy_request_is_the_recorded_one() -> None:
    theirs = recorded("shipment_buy")[1]["request"]["body"]
    assert messages.buy_message("rate_4d1f36fa716c4b1292cacbdf19227c2d") == theirs


def test_an_answer_of_an_unknown_shape_is_said_to_be_so() -> None:
    with pytest.raises(AnswerNotUnderstoodError, match="id"):
        messages.parse_shipment(b"{}")
    with pytest.raises(AnswerNotUnderstoodError):
        messages.parse_tracker(b"not json")
    odd = json.loads(answer("shipment_refund", 1)) | {"refund_status": "pondering"}
    with pytest.raises(AnswerNotUnderstoodError, match="pondering"):
        messages.parse_shipment(json.dumps(odd).encode())


def event_body(tracker: Mapping[str, object]) -> bytes:
    return json.dumps({"id": "evt_1", "object": "Event", "description": "tracker.updated", "result": tracker}).encode()


def moving_tracker() -> dict[str, object]:
    tracker = cast("dict[str, object]", json.loads(answer("tracker_create", 0)))
    scan = {
        "object": "TrackingDetail",
        "message": "Package damaged",
        "status": "in_transit",
        "status_detail": "damaged",
        "datetime": "2025-03-08T10:00:00Z",
        "tracking_location": {"city": "RENO", "state": "NV", "country": "US", "zip": "89501"},
    }
    return tracker | {"status": "in_transit", "status_detail": "damaged", "tracking_details": [scan]}


def test_a_signed_message_is_read_with_damage_beside_the_position() -> None:
    body = event_body(moving_tracker())
    headers = {"X-Hmac-Signature": messages.signature_of(body, SECRET)}
    message = messages.parse_webhook(body, headers, SECRET)
    assert (message.id, message.kind) == ("evt_1", "tracker.updated")
    assert message.tracking is not None
    (scan,) = message.tracking.scans
    assert scan.reading.position is ShipmentStatus.IN_TRANSIT
    assert scan.reading.flags == {Flag.DAMAGED}
    assert scan.reading.exception is CarrierException.DAMAGE
    assert (scan.place.city, scan.place.country_code) == ("RENO", "US")


@pytest.mark.security(9)
def test_our_signature_is_the_one_the_official_client_checks() -> None:
    body = event_body(moving_tracker())
    signature = messages.signature_of(body, SECRET)
    assert validate_webhook(body, {"X-Hmac-Signature": signature}, SECRET)["id"] == "evt_1"


@pytest.mark.security(9)
@pytest.mark.parametrize("signature", ["", "hmac-sha256-hex=00", "nonsense", "hmac-sha256-hex=é"])
def test_a_forged_message_is_refused_before_it_is_read(signature: str) -> None:
    with pytest.raises(SignatureRefusedError):
        messages.parse_webhook(b"not even json", {"X-Hmac-Signature": signature}, SECRET)


@pytest.mark.security(9)
def test_a_changed_body_does_not_match_its_signature() -> None:
    body = event_body(moving_tracker())
    signature = messages.signature_of(body, SECRET)
    with pytest.raises(SignatureRefusedError):
        messages.parse_webhook(body + b" ", {"x-hmac-signature": signature}, SECRET)


def test_a_message_about_something_else_has_no_tracking() -> None:
    body = json.dumps({"id": "evt_2", "description": "batch.updated", "result": {"object": "Batch"}}).encode()
    headers = {"x-hmac-signature": messages.signature_of(body, SECRET)}
    assert messages.parse_webhook(body, headers, SECRET).tracking is None


def test_a_status_that_only_the_tracker_itself_tells_is_a_scan_too() -> None:
    tracker = moving_tracker() | {"status": "delivered", "status_detail": "arrived_at_destination"}
    scans = messages.parse_tracker(json.dumps(tracker).encode()).scans
    assert [scan.status for scan in scans] == ["in_transit", "delivered"]


def test_weights_and_lengths_round_up() -> None:
    assert ounces(437) == 15.5
    assert ounces(1) == 0.1
    assert inches(254) == 10.0
    assert inches(255) == 10.1


def test_money_becomes_minor_units_of_its_currency_rounded_up() -> None:
    assert minor_units("34.15", "USD") == 3415
    assert minor_units("6.07000", "EUR") == 607
    assert minor_units("6.071", "USD") == 608
    assert minor_units("500", "JPY") == 500
    assert minor_units("1.234", "KWD") == 1234


def test_contents_are_sorted_and_long_ones_end_in_a_stable_hash() -> None:
    assert contents_summary([Content("B", 1), Content("A", 3)]) == "Ax3,Bx1"
    many = [Content(f"SKU-{number}", number) for number in range(1, 20)]
    summary = contents_summary(many)
    assert len(summary) == 35
    assert summary == contents_summary(reversed(many))
    assert summary != contents_summary([*many[:-1], Content("SKU-19", 18)])


def test_a_label_of_another_format_keeps_its_own_media_type() -> None:
    body = json.loads(answer("shipment_buy", 1))
    body["postage_label"] |= {"label_url": "https://files.example/label.zpl", "label_file_type": "application/zpl"}
    label = messages.parse_shipment(json.dumps(body).encode()).label
    assert label == Label("https://files.example/label.zpl", "application/zpl")


def test_a_label_is_read_in_the_formats_that_the_answer_has() -> None:
    body = json.loads(answer("shipment_buy", 1))
    body["postage_label"] |= {"label_pdf_url": None, "label_zpl_url": "https://files.example/label.zpl"}

    def given(label_format: LabelFormat) -> Label | None:
        return messages.parse_conversion(json.dumps(body).encode(), label_format)

    assert given(LabelFormat.ZPL) == Label("https://files.example/label.zpl", "application/zpl")
    assert given(LabelFormat.PDF) is None
    assert given(LabelFormat.PNG) == Label(body["postage_label"]["label_url"], "image/png")
    body["postage_label"] = None
    assert given(LabelFormat.ZPL) is None


@pytest.mark.parametrize("rate", ["abc", "NaN", "Infinity", "-1.00", "1e999999", "", "1,50", "9" * 40])
def test_a_rate_that_is_no_amount_is_not_understood(rate: str) -> None:
    answer = recorded("shipment_create")[0]["response"]["body"]
    broken = {**answer, "rates": [{"id": "rate_1", "carrier": "USPS", "service": "Priority", "rate": rate}]}

    with pytest.raises(AnswerNotUnderstoodError, match="rates"):
        messages.parse_shipment(json.dumps(broken).encode())


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1969-12-31T00:00:00Z"])
def test_a_moment_at_the_ends_of_the_calendar_is_not_understood(moment: str) -> None:
    answer = recorded("tracker_create")[0]["response"]["body"]

    for name in ("updated_at", "est_delivery_date"):
        with pytest.raises(AnswerNotUnderstoodError, match=name):
            messages.parse_tracker(json.dumps({**answer, name: moment}).encode())


def test_text_that_no_row_can_keep_is_not_understood() -> None:
    answer = recorded("tracker_create")[0]["response"]["body"]
    scan = {"status": "in_transit", "message": "a\x00b", "datetime": "2026-03-02T10:00:00Z"}

    for broken in ({**answer, "signed_by": "a\x00b"}, {**answer, "tracking_details": [scan]}):
        with pytest.raises(AnswerNotUnderstoodError):
            messages.parse_tracker(json.dumps(broken).encode())
