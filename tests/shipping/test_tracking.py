"""Parcels on their way: signed messages in any order, silence asked about, every fact told once."""

import json
import random
from datetime import datetime, timedelta
from typing import cast

import httpx
import pytest
from prometheus_client import REGISTRY

from services.shipping.actions.tracking import record_tracking
from services.shipping.carriers.easypost_messages import parse_tracker, signature_of
from services.shipping.models import Source
from shared import clock
from shared.auth import Role
from shared.events.base import LineCount
from shared.events.inventory import ParcelReopened
from shared.events.shipping import LabelVoided, ShipmentDelivered, ShipmentProgressed
from shared.ids import new_id
from tests.shipping.rig import (
    WEBHOOK_SECRET,
    WORKING,
    Parcel,
    ShippingRig,
    order_cancelled,
    parcel_closed,
    parcel_handed_over,
    parts,
    step,
)
from tests.waiting import wait_until

HOOK = "/carriers/easypost/webhooks"
JOURNEY = (
    step(2, "in_transit", "picked_up", city="SAN FRANCISCO", state="CA", country="US"),
    step(20, "in_transit", "arrived_at_facility", city="FRESNO", state="CA", country="US"),
    step(44, "out_for_delivery", "out_for_delivery", city="REDONDO BEACH", state="CA", country="US"),
    step(50, "delivered", "arrived_at_destination", city="REDONDO BEACH", state="CA", country="US"),
)


async def on_its_way(shipping: ShippingRig, *steps: dict[str, object], days_ago: int = 5) -> tuple[Parcel, str]:
    """Book a parcel and hand it over some days ago, so that its whole journey is known by now."""
    parcel = Parcel()
    await shipping.journey(parcel, *steps, signed_by="E. SWAN")
    await shipping.close(parcel)
    number = str((await shipping.until(parcel, "label_purchased"))["tracking_number"])
    await shipping.hand_over(parcel, number, at=clock.now() - timedelta(days=days_ago))
    return parcel, number


def positions(told: list[dict[str, object]]) -> list[object]:
    return [one["position"] for one in told]


async def test_a_parcel_is_followed_from_the_dock_to_the_doorstep(shipping: ShippingRig) -> None:
    parcel, number = await on_its_way(shipping, *JOURNEY)
    shown = await shipping.until(parcel, "delivered")
    told = await shipping.told(parcel, ShipmentProgressed)
    assert positions(told)[0] == "handed_over"
    assert positions(told)[-1] == "delivered"
    assert {"picked_up", "in_transit", "out_for_delivery"} <= set(positions(told))
    (delivered,) = await shipping.told(parcel, ShipmentDelivered)
    assert delivered["tracking_number"] == number
    assert (await kinds_told(shipping, parcel))[-2:] == ["shipment_delivered", "shipment_progressed"]
    assert delivered["signed_by"] is True
    assert delivered["contents"] == [{"line_id": str(parcel.line_id), "sku": "MUG", "quantity": 2}]
    handed_over = datetime.fromisoformat(str(shown["handed_over_at"]))
    expected = (handed_over + timedelta(hours=50)).replace(microsecond=0)
    assert datetime.fromisoformat(str(shown["delivered_at"])) == expected
    assert [one["raw_status"] for one in parts(shown, "tracking")] == [
        "in_transit",
        "in_transit",
        "out_for_delivery",
        "delivered",
    ]


async def test_a_summary_that_every_answer_repeats_is_one_failed_attempt(shipping: ShippingRig) -> None:
    parcel, number = await on_its_way(shipping, JOURNEY[0])
    await shipping.until(parcel, "picked_up")
    tracker = {"object": "Tracker", "id": "trk_1", "tracking_code": number, "tracking_details": []}
    codes = {"status": "failure", "status_detail": "delivery_exception"}
    for minute in range(3):
        said = tracker | codes | {"updated_at": (clock.now() + timedelta(minutes=minute)).isoformat()}
        async with shipping.database.transaction() as tx:
            await record_tracking(tx, "easypost", parse_tracker(json.dumps(said).encode()), Source.POLL)
    shown = await shipping.shipment(parcel)
    assert (shown["status"], shown["failed_attempts"]) == ("delivery_attempted", 1)


async def kinds_told(shipping: ShippingRig, parcel: Parcel) -> list[str]:
    async with shipping.database.transaction() as tx:
        rows = await tx.fetch("select type from outbox where key = $1 order by id", str(parcel.order_id))
    return [str(row["type"]).split(".")[2] for row in rows]


async def test_what_is_told_names_place_code_and_an_estimate_but_nobody(shipping: ShippingRig) -> None:
    parcel, _ = await on_its_way(shipping, JOURNEY[0], JOURNEY[1])
    await shipping.until(parcel, "in_transit")
    told = (await shipping.told(parcel, ShipmentProgressed))[-1]
    assert told["place"] == {"city": "FRESNO", "region": "CA", "country_code": "US"}
    assert (told["raw_status"], told["raw_detail"]) == ("in_transit", "arrived_at_facility")
    assert told["physical_scan"] is True
    assert told["estimate"] is not None
    assert cast("dict[str, str]", told["progress"])["due_at"] is not None
    assert "SWAN" not in json.dumps(told).upper()


@pytest.mark.security(9)
@pytest.mark.parametrize("trouble", ["duplicate_webhooks", "forged_webhooks", "shuffled_webhooks"])
async def test_duplicated_forged_or_shuffled_messages_change_nothing(shipping: ShippingRig, trouble: str) -> None:
    parcel = Parcel()
    await shipping.fault(parcel, trouble)
    await shipping.journey(parcel, *JOURNEY)
    await shipping.close(parcel)
    number = str((await shipping.until(parcel, "label_purchased"))["tracking_number"])
    await shipping.hand_over(parcel, number, at=clock.now() - timedelta(days=5))
    shown = await shipping.until(parcel, "delivered")
    await wait_until(lambda: _all_delivered(shipping), what="the carrier owes no message")
    assert len(await shipping.told(parcel, ShipmentDelivered)) == 1
    assert (await shipping.shipment(parcel))["delivered_at"] == shown["delivered_at"]
    assert len(parts(await shipping.shipment(parcel), "tracking")) == len(JOURNEY)


def refused() -> float:
    """Count the messages turned away at the carrier's door in this process."""
    labels = {"service": "shipping", "method": "POST", "route": HOOK, "status": "401"}
    return REGISTRY.get_sample_value("doorstep_http_request_seconds_count", labels) or 0


@pytest.mark.security(9)
async def test_each_forged_message_arrives_is_refused_and_delivers_nothing(shipping: ShippingRig) -> None:
    """F17: beside each true message the simulator sends two that say "delivered", unsigned and signed wrong."""
    parcel, before = Parcel(), refused()
    await shipping.fault(parcel, "forged_webhooks")
    await shipping.journey(parcel, *JOURNEY[:2])
    await shipping.close(parcel)
    number = str((await shipping.until(parcel, "label_purchased"))["tracking_number"])
    await shipping.hand_over(parcel, number, at=clock.now() - timedelta(days=5))
    await shipping.until(parcel, "in_transit")
    await wait_until(lambda: _all_delivered(shipping), what="the carrier owes no message")

    assert refused() - before >= 2 * len(JOURNEY[:2])
    shown = await shipping.shipment(parcel)
    assert (shown["status"], shown["delivered_at"]) == ("in_transit", None)
    assert [one["raw_status"] for one in parts(shown, "tracking")] == ["in_transit", "in_transit"]
    assert await shipping.told(parcel, ShipmentDelivered) == []


async def _all_delivered(shipping: ShippingRig) -> bool:
    answer = await shipping.carrier.get("/internal/rest")
    return bool(answer.json()["at_rest"])


def message(
    number: str, *scans: tuple[float, str, str], estimate: str | None = None, since: datetime | None = None
) -> bytes:
    start = since or clock.now().replace(microsecond=0)
    details = [
        {
            "status": status,
            "status_detail": detail,
            "message": f"{status} {detail}",
            "datetime": (start + timedelta(hours=hours)).isoformat(),
            "tracking_location": {"city": "RENO", "state": "NV", "country": "US", "zip": "89501"},
        }
        for hours, status, detail in scans
    ]
    tracker = {
        "id": "trk_by_hand",
        "object": "Tracker",
        "tracking_code": number,
        "status": scans[-1][1],
        "status_detail": scans[-1][2],
        "carrier": "SimPost",
        "est_delivery_date": estimate,
        "tracking_details": details,
    }
    return json.dumps({"id": "evt_by_hand", "description": "tracker.updated", "result": tracker}).encode()


async def send(shipping: ShippingRig, body: bytes, signature: str | None = None) -> httpx.Response:
    signed = {"x-hmac-signature": signature if signature is not None else signature_of(body, WEBHOOK_SECRET)}
    return await shipping.anonymous.post(HOOK, content=body, headers=signed)


async def waiting_parcel(shipping: ShippingRig) -> tuple[Parcel, str]:
    """Book and hand over a parcel of which the simulated carrier will not say anything."""
    parcel = Parcel()
    await shipping.close(parcel)
    number = str((await shipping.until(parcel, "label_purchased"))["tracking_number"])
    await shipping.hear(parcel_handed_over(parcel, number))
    await shipping.until(parcel, "handed_over")
    return parcel, number


@pytest.mark.security(9)
async def test_a_forged_message_is_refused_and_an_honest_one_taken(shipping: ShippingRig) -> None:
    parcel, number = await waiting_parcel(shipping)
    body = message(number, (1, "delivered", "arrived_at_destination"))
    refused = await send(shipping, body, "hmac-sha256-hex=" + "0" * 64)
    assert (refused.status_code, refused.json()["code"]) == (401, "signature_refused")
    assert (await send(shipping, body, "")).status_code == 401
    assert (await shipping.shipment(parcel))["status"] == "handed_over"
    assert (await send(shipping, body)).status_code == 204
    assert (await shipping.shipment(parcel))["status"] == "delivered"


@pytest.mark.security(9)
async def test_a_signed_message_nobody_can_read_is_refused_as_such(shipping: ShippingRig) -> None:
    answer = await send(shipping, b'{"id": 5}')
    assert (answer.status_code, answer.json()["code"]) == (422, "message_not_understood")
    other = b'{"id": "evt_9", "description": "batch.created", "result": {"object": "Batch"}}'
    assert (await send(shipping, other)).status_code == 204


async def test_the_same_scans_in_any_order_end_in_the_same_place(shipping: ShippingRig) -> None:
    scans = [
        (1.0, "in_transit", "picked_up"),
        (2.0, "in_transit", "weather_delay"),
        (3.0, "out_for_delivery", "out_for_delivery"),
        (4.0, "in_transit", "delivery_exception"),
        (5.0, "in_transit", "damaged"),
        (6.0, "out_for_delivery", "out_for_delivery"),
        (7.0, "delivered", "arrived_at_destination"),
    ]
    endings, start = set(), clock.now().replace(microsecond=0)
    for seed in range(4):
        parcel, number = await waiting_parcel(shipping)
        shuffled = [*scans, *scans]
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - an order, not a secret
        for scan in shuffled:
            assert (await send(shipping, message(number, scan, since=start))).status_code == 204
        shown = await shipping.shipment(parcel)
        endings.add((shown["status"], tuple(cast("list[str]", shown["flags"])), shown["failed_attempts"]))
        assert len(await shipping.told(parcel, ShipmentDelivered)) == 1
    assert endings == {("delivered", ("damaged",), 1)}


@pytest.mark.parametrize(
    ("codes", "status", "flags", "exception"),
    [
        (("in_transit", "damaged"), "in_transit", ["damaged"], "damage"),
        (("in_transit", "weather_delay"), "in_transit", ["delayed"], "delay"),
        (("in_transit", "held"), "in_transit", ["on_hold"], "hold"),
        (("in_transit", "delivery_exception"), "delivery_attempted", [], "failed_attempt"),
        (("in_transit", "refused"), "returning_to_sender", [], "refused"),
        (("failure", "lost"), "lost", [], "lost"),
        (("in_transit", "expired"), "handed_over", [], "loss_suspected"),
        (("failure", "failure"), "undeliverable", [], "delivery_problem"),
        (("return_to_sender", "return"), "returning_to_sender", [], "returned"),
        (("available_for_pickup", "arrived_at_pickup_location"), "available_for_pickup", [], ""),
        (("in_transit", "abducted"), "handed_over", [], "unmapped"),
    ],
)
async def test_each_kind_of_trouble_is_told_by_its_name(
    shipping: ShippingRig, codes: tuple[str, str], status: str, flags: list[str], exception: str
) -> None:
    parcel, number = await waiting_parcel(shipping)
    await send(shipping, message(number, (1, *codes)))
    shown = await shipping.shipment(parcel)
    assert (shown["status"], shown["flags"]) == (status, flags)
    told = (await shipping.told(parcel, ShipmentProgressed))[-1]
    assert (told["position"], told["flags"], told["exception"]) == (status, flags, exception)
    assert (told["raw_status"], told["raw_detail"]) == codes
    assert (told["pickup_expires_at"] is not None) is (status == "available_for_pickup")


async def test_an_unmapped_code_is_counted_for_operators(shipping: ShippingRig) -> None:
    _, number = await waiting_parcel(shipping)
    await send(shipping, message(number, (1, "beamed", "up")))
    metrics = (await shipping.as_role(Role.OPERATOR).get("/metrics")).text
    assert 'doorstep_shipping_unmapped_codes_total{adapter="easypost",code="beamed/up"} 1.0' in metrics


async def test_the_carriers_estimate_is_told_beside_our_own(shipping: ShippingRig) -> None:
    parcel, number = await waiting_parcel(shipping)
    estimate = (clock.now() + timedelta(days=9)).replace(microsecond=0)
    await send(shipping, message(number, (1, "in_transit", "picked_up"), estimate=estimate.isoformat()))
    told = (await shipping.told(parcel, ShipmentProgressed))[-1]
    said = cast("dict[str, str]", told["estimate"])
    assert said["source"] == "carrier"
    assert datetime.fromisoformat(said["deliver_at"]) == estimate
    assert said["p80_at"] is not None


async def test_scans_that_come_before_their_label_is_known_are_applied_with_it(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.fault(parcel, "answer_lost", route="/buy$", times=1)
    await shipping.close(parcel)
    (sold,) = await wait_until(lambda: shipping.sold(parcel), what="the label is sold")
    number = str(sold["tracking_code"])
    await send(shipping, message(number, (1, "in_transit", "picked_up")))
    assert (await shipping.until(parcel, "picked_up"))["tracking_number"] == number


async def test_a_parcel_that_travels_on_a_label_given_back_is_raised_and_followed(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    number = str((await shipping.until(parcel, "label_purchased"))["tracking_number"])
    await shipping.hear(order_cancelled(parcel))
    await shipping.until(parcel, "void_requested", "voided")
    await send(shipping, message(number, (1, "in_transit", "picked_up")))
    shown = await shipping.shipment(parcel)
    assert (shown["status"], shown["flags"]) == ("picked_up", ["voided_label_used"])
    told = await shipping.told(parcel, ShipmentProgressed)
    assert [(one["exception"], one["position"]) for one in told] == [("voided_label_used", "picked_up")]
    await send(shipping, message(number, (9, "delivered", "arrived_at_destination")))
    assert (await shipping.shipment(parcel))["flags"] == ["voided_label_used"]
    assert len(await shipping.told(parcel, ShipmentDelivered)) == 1


def parcel_reopened(parcel: Parcel) -> ParcelReopened:
    return ParcelReopened(
        order_id=parcel.order_id,
        parcel_id=parcel.parcel_id,
        fulfilment_id=new_id(),
        location=parcel.location,
        packed=(LineCount(line_id=parcel.line_id, sku="MUG", quantity=0),),
        progress=WORKING,
    )


async def test_a_scan_of_the_label_of_a_parcel_opened_again_is_raised_and_moves_nothing(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    path = f"/internal/parcels/{parcel.parcel_id}/void"
    assert (await shipping.post(Role.SERVICE, path, {"reason": "parcel reopened"})).is_success
    await shipping.hear(parcel_reopened(parcel))
    await send(shipping, message(str(shown["tracking_number"]), (1, "in_transit", "picked_up")))
    opened = await shipping.shipment(parcel)
    assert opened["status"] in {"void_requested", "voided"}
    assert opened["flags"] == ["voided_label_used"]
    await shipping.hear(parcel_closed(parcel))
    await shipping.until(parcel, "label_purchased")


async def test_a_label_the_carrier_cancelled_itself_is_voided(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    number = str((await shipping.until(parcel, "label_purchased"))["tracking_number"])
    await send(shipping, message(number, (1, "cancelled", "cancelled")))
    shown = await shipping.until(parcel, "voided")
    assert [label["state"] for label in parts(shown, "labels")] == ["voided"]
    assert [one["outcome"] for one in await shipping.told(parcel, LabelVoided)] == ["voided"]


async def test_support_finds_a_parcel_by_its_tracking_number(shipping: ShippingRig) -> None:
    parcel, number = await waiting_parcel(shipping)
    found = await shipping.as_role(Role.SUPPORT).get("/staff/shipments", params={"tracking_number": number})
    assert [one["parcel_id"] for one in found.json()["data"]] == [str(parcel.parcel_id)]
    listed = await shipping.as_role(Role.SERVICE).get("/internal/shipments", params={"order_id": str(parcel.order_id)})
    assert [one["tracking_number"] for one in listed.json()["data"]] == [number]


async def test_a_wrong_delivery_is_corrected_by_staff_with_a_reason_and_later_scans_go_on(
    shipping: ShippingRig,
) -> None:
    parcel, number = await waiting_parcel(shipping)
    await send(shipping, message(number, (-1, "delivered", "arrived_at_destination")))
    shown = await shipping.until(parcel, "delivered")
    path = f"/staff/shipments/{shown['id']}/set-status"
    impossible = await shipping.post(Role.OPERATOR, path, {"status": "picked_up", "reason": "a guess"})
    assert (impossible.status_code, impossible.json()["code"]) == (409, "illegal_move")
    body = {"status": "delivery_corrected", "reason": "it lies at the neighbour's depot"}
    refused = await shipping.post(Role.WAREHOUSE_LEAD, path, body)
    assert refused.status_code == 403
    corrected = await shipping.post(Role.OPERATOR, path, body)
    assert corrected.json()["status"] == "delivery_corrected", corrected.text
    audit = await shipping.as_role(Role.OPERATOR).get("/staff/audit", params={"subject": f"shipment:{shown['id']}"})
    assert audit.json()["data"][0]["reason"] == body["reason"]
    await send(shipping, message(number, (5, "delivered", "arrived_at_destination")))
    assert (await shipping.until(parcel, "delivered"))["delivered_at"] != shown["delivered_at"]
    assert len(await shipping.told(parcel, ShipmentDelivered)) == 2
