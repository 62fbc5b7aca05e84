"""What can go wrong with a carrier goes wrong on demand, and for the parcels it is meant for only."""

import time
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from tests.carrier_simulator.conftest import Buy, buy_from, request_for
from tests.carrier_simulator.process import CarrierProcess
from tests.carrier_simulator.receiver import Receiver
from tests.carrier_simulator.test_webhooks import IN_ORDER, set_out, statuses

Faults = Callable[..., dict[str, object]]


def create(carrier: CarrierProcess, order: str) -> httpx.Response:
    return carrier.http.post("/v2/shipments", json={"shipment": request_for(order)})


def test_a_slow_carrier_answers_late(carrier: CarrierProcess, faults: Faults, order: str) -> None:
    faults("slow", seconds=0.3, times=1, only_reference=order)
    begun = time.monotonic()
    assert create(carrier, order).status_code == 201
    assert time.monotonic() - begun >= 0.3


def test_a_rate_limit_says_when_to_come_back_and_does_nothing(
    carrier: CarrierProcess, faults: Faults, order: str
) -> None:
    faults("rate_limited", seconds=7, times=2, only_reference=order)
    for _ in range(2):
        refused = create(carrier, order)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        assert refused.json()["error"]["code"] == "RATE_LIMITED"
    assert carrier.http.get(f"/v2/shipments/shipment of {order}").status_code == 404
    assert create(carrier, order).status_code == 201


def test_a_server_error_strikes_the_route_it_is_meant_for(carrier: CarrierProcess, faults: Faults, order: str) -> None:
    faults("server_error", route="^POST /v2/shipments/[^/]+/buy$", only_reference=order)
    shipment = create(carrier, order).raise_for_status().json()
    path, body = f"/v2/shipments/{shipment['id']}", {"rate": {"id": shipment["rates"][0]["id"]}}
    assert carrier.http.post(f"{path}/buy", json=body).status_code == 500
    assert carrier.http.get(path).json()["tracking_code"] is None


def test_a_refusal_strikes_what_the_carrier_shall_not_give(carrier: CarrierProcess, faults: Faults, order: str) -> None:
    faults("refused", route="/label$", times=1, only_reference=order)
    path = f"/v2/shipments/{buy_from(carrier, order)['id']}/label?file_format=ZPL"
    assert carrier.http.get(path).status_code == 422
    assert carrier.http.get(path).json()["postage_label"]["label_zpl_url"].endswith(".zpl")


def test_an_answer_is_lost_after_the_label_was_sold(carrier: CarrierProcess, faults: Faults, order: str) -> None:
    faults("answer_lost", route="/buy$", times=1, only_reference=order)
    with pytest.raises(httpx.TransportError):
        buy_from(carrier, order)
    listed = carrier.http.get("/v2/shipments", params={"page_size": 1}).json()["shipments"]
    assert listed[0]["reference"] == f"shipment of {order}"
    assert listed[0]["tracking_code"] is not None
    again = carrier.http.post(f"/v2/shipments/{listed[0]['id']}/buy", json={"rate": {"id": "any"}})
    assert again.json()["error"]["code"] == "SHIPMENT.POSTAGE.EXISTS"


def test_an_answer_is_lost_after_the_shipment_was_created(carrier: CarrierProcess, faults: Faults, order: str) -> None:
    faults("answer_lost", times=1, only_reference=order)
    with pytest.raises(httpx.TransportError):
        create(carrier, order)
    listed = carrier.http.get("/v2/shipments", params={"purchased": "false", "page_size": 1}).json()["shipments"]
    assert listed[0]["reference"] == f"shipment of {order}"


def test_a_fault_leaves_other_orders_alone(carrier: CarrierProcess, faults: Faults, order: str) -> None:
    fault = faults("server_error", only_reference="some other order")
    assert create(carrier, order).status_code == 201
    listed = {each["id"]: each for each in carrier.http.get("/simulator/faults").json()}
    assert listed[fault["id"]]["hits"] == 0


def test_webhooks_arrive_twice(
    carrier: CarrierProcess, buy: Buy, receiver: Receiver, faults: Faults, order: str
) -> None:
    faults("duplicate_webhooks", only_reference=order)
    code = set_out(carrier, buy)
    carrier.advance(timedelta(hours=13))
    messages = receiver.about(code)
    assert statuses(messages) == [status for status in IN_ORDER for _ in range(2)]
    assert len({message.body for message in messages}) == 4


def test_forged_webhooks_arrive_beside_the_true_ones(
    carrier: CarrierProcess, buy: Buy, receiver: Receiver, faults: Faults, order: str
) -> None:
    faults("forged_webhooks", only_reference=order)
    code = set_out(carrier, buy)
    carrier.advance(timedelta(hours=13))
    messages = receiver.about(code)
    assert statuses([message for message in messages if message.is_genuine()]) == IN_ORDER
    forged = [message for message in messages if not message.is_genuine()]
    assert statuses(forged) == ["delivered"] * 8
    assert sum("X-Hmac-Signature" in message.headers for message in forged) == 4


def test_webhooks_overtake_each_other_and_none_is_left_behind(
    carrier: CarrierProcess, buy: Buy, receiver: Receiver, faults: Faults, order: str
) -> None:
    faults("shuffled_webhooks", only_reference=order)
    code = set_out(carrier, buy)
    carrier.advance(timedelta(hours=13))
    scans = [len(message.tracker["tracking_details"]) for message in receiver.about(code)]
    assert scans == [2, 1, 4, 3]


def test_webhooks_can_stay_away_while_trackers_go_on(
    carrier: CarrierProcess, buy: Buy, receiver: Receiver, faults: Faults, order: str
) -> None:
    faults("no_webhooks", only_reference=order)
    code = set_out(carrier, buy)
    carrier.advance(timedelta(hours=13))
    assert receiver.about(code) == []
    listed = carrier.http.get("/v2/trackers", params={"tracking_code": code}).json()["trackers"]
    assert listed[0]["status"] == "delivered"


def test_an_unknown_kind_of_fault_is_refused(carrier: CarrierProcess) -> None:
    answer = carrier.http.post("/simulator/faults", json={"kind": "earthquake"})
    assert (answer.status_code, answer.json()["error"]["errors"][0]["field"]) == (422, "kind")
