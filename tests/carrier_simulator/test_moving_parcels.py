"""Parcels move in business time, from the hand-over on and as scripted."""

from datetime import timedelta

from deploy.carrier_simulator.wire import Tracker
from tests.carrier_simulator.conftest import Buy
from tests.carrier_simulator.process import CarrierProcess

HOUR = timedelta(hours=1)


def hand_over(carrier: CarrierProcess, code: str | None, at: str | None = None) -> None:
    answer = carrier.http.post("/simulator/hand-overs", json={"tracking_codes": [code], "at": at})
    assert answer.status_code == 200, answer.text


def tracker(carrier: CarrierProcess, code: str | None) -> Tracker:
    listed = carrier.http.get("/v2/trackers", params={"tracking_code": code or ""}).json()["trackers"]
    found: Tracker = listed[0]
    return found


def script(carrier: CarrierProcess, **body: object) -> dict[str, int]:
    answer: dict[str, int] = carrier.http.post("/simulator/journeys", json=body).raise_for_status().json()
    return answer


def after(hours: float, status: str, detail: str, message: str = "") -> dict[str, object]:
    return {"after_hours": hours, "status": status, "status_detail": detail, "message": message}


def seen(found: Tracker) -> list[tuple[str, str]]:
    return [(detail["status"], detail["status_detail"]) for detail in found["tracking_details"]]


def test_nothing_moves_before_it_is_handed_over(carrier: CarrierProcess, buy: Buy) -> None:
    code = buy()["tracking_code"]
    carrier.advance(240 * HOUR)
    assert (tracker(carrier, code)["status"], seen(tracker(carrier, code))) == ("unknown", [])


def test_a_parcel_handed_over_reaches_its_end(carrier: CarrierProcess, buy: Buy, order: str) -> None:
    code = buy()["tracking_code"]
    hand_over(carrier, code)
    carrier.advance(4 * HOUR)
    assert seen(tracker(carrier, code))[-1] == ("in_transit", "picked_up")
    assert tracker(carrier, code)["est_delivery_date"] is not None
    carrier.advance(60 * 24 * HOUR)
    parcels = carrier.http.get("/simulator/parcels", params={"print_custom_1": order}).json()["parcels"]
    assert [(parcel["tracking_code"], parcel["scans_to_come"]) for parcel in parcels] == [(code, 0)]
    assert parcels[0]["status"] in {"delivered", "return_to_sender", "failure"}
    assert parcels[0]["journey"] != "scripted"


def test_an_unknown_code_is_named_and_nothing_is_handed_over(carrier: CarrierProcess, buy: Buy) -> None:
    code = buy()["tracking_code"]
    answer = carrier.http.post("/simulator/hand-overs", json={"tracking_codes": [code, "SP-nobody"]})
    assert answer.status_code == 422
    assert "SP-nobody" in answer.json()["error"]["message"]
    carrier.advance(10 * HOUR)
    assert seen(tracker(carrier, code)) == []


def test_a_second_hand_over_changes_nothing(carrier: CarrierProcess, buy: Buy) -> None:
    code = buy()["tracking_code"]
    script(carrier, tracking_code=code, steps=[after(1, "in_transit", "picked_up")])
    hand_over(carrier, code)
    again = carrier.http.post("/simulator/hand-overs", json={"tracking_codes": [code]}).json()
    assert (again["handed_over"], again["already"]) == ([], [code])
    carrier.advance(3 * HOUR)
    assert seen(tracker(carrier, code)) == [("in_transit", "picked_up")]


def test_a_script_told_before_the_sale_is_followed_with_synthetic_scans(
    carrier: CarrierProcess, buy: Buy, order: str
) -> None:
    steps = [after(0, "in_transit", "picked_up"), after(120, "delivered", "arrived_at_destination")]
    script(carrier, match={"print_custom_1": order}, steps=steps, signed_by="ADA", synthetic_scan_hours=48)
    codes = [buy()["tracking_code"] for _ in range(2)]
    for code in codes:
        hand_over(carrier, code)
    carrier.advance(119 * HOUR)
    for code in codes:
        messages = [detail["message"] for detail in tracker(carrier, code)["tracking_details"]]
        assert messages == ["", "synthetic scan", "synthetic scan"]
    carrier.advance(HOUR)
    assert {tracker(carrier, code)["status"] for code in codes} == {"delivered"}
    assert {tracker(carrier, code)["signed_by"] for code in codes} == {"ADA"}


def test_a_script_told_on_the_way_replaces_what_is_to_come(carrier: CarrierProcess, buy: Buy) -> None:
    code = buy()["tracking_code"]
    hand_over(carrier, code)
    carrier.advance(4 * HOUR)
    before = seen(tracker(carrier, code))
    assert script(carrier, tracking_code=code, steps=[after(6, "failure", "lost")]) == {"journeys": 1, "parcels": 1}
    carrier.advance(100 * HOUR)
    assert seen(tracker(carrier, code)) == [*before, ("failure", "lost")]


def test_what_happened_before_the_hand_over_is_told_at_once_with_its_own_time(
    carrier: CarrierProcess, buy: Buy
) -> None:
    code = buy()["tracking_code"]
    earlier = (carrier.clock.now - 5 * HOUR).isoformat()
    script(carrier, tracking_code=code, steps=[{"at": earlier, "status": "delivered", "status_detail": "unknown"}])
    hand_over(carrier, code)
    carrier.settle()
    detail = tracker(carrier, code)["tracking_details"][0]
    assert detail["datetime"] == earlier.replace("+00:00", "Z")


def test_a_script_for_nobody_in_particular_is_refused(carrier: CarrierProcess) -> None:
    answer = carrier.http.post("/simulator/journeys", json={"steps": [after(1, "delivered", "unknown")]})
    assert answer.status_code == 422
    assert "exactly one of" in answer.text


def test_a_label_that_was_never_used_is_refunded_later(carrier: CarrierProcess, buy: Buy) -> None:
    shipment = buy()
    assert refund(carrier, shipment["id"]) == "submitted"
    carrier.advance(71 * HOUR)
    assert refund_status(carrier, shipment["id"]) == "submitted"
    carrier.advance(2 * HOUR)
    assert refund_status(carrier, shipment["id"]) == "refunded"


def test_a_label_that_was_scanned_is_not_refunded(carrier: CarrierProcess, buy: Buy) -> None:
    scanned, later = buy(), buy()
    for shipment in (scanned, later):
        script(carrier, tracking_code=shipment["tracking_code"], steps=[after(1, "in_transit", "picked_up")])
    hand_over(carrier, scanned["tracking_code"])
    carrier.advance(2 * HOUR)
    assert refund(carrier, scanned["id"]) == "rejected"
    assert refund(carrier, later["id"]) == "submitted"
    hand_over(carrier, later["tracking_code"])
    carrier.advance(80 * HOUR)
    assert refund_status(carrier, later["id"]) == "rejected"


def refund(carrier: CarrierProcess, shipment_id: str) -> str:
    answer = carrier.http.post(f"/v2/shipments/{shipment_id}/refund", json={}).raise_for_status()
    return str(answer.json()["refund_status"])


def refund_status(carrier: CarrierProcess, shipment_id: str) -> str:
    return str(carrier.http.get(f"/v2/shipments/{shipment_id}").json()["refund_status"])


def test_a_label_that_was_not_bought_cannot_be_refunded(carrier: CarrierProcess) -> None:
    body = {"from_address": {"zip": "94107"}, "to_address": {"zip": "10001"}, "parcel": {"weight": 1}}
    shipment = carrier.http.post("/v2/shipments", json={"shipment": body}).json()
    answer = carrier.http.post(f"/v2/shipments/{shipment['id']}/refund", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "SHIPMENT.REFUND.UNAVAILABLE")
