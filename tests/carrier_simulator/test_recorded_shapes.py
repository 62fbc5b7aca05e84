"""Every recorded exchange, replayed: the simulator's answer has the recorded status, keys and kinds of values."""

import json
from pathlib import Path
from typing import cast

import pytest
from httpx import Response

from tests.carrier_simulator.process import CarrierProcess
from tests.carrier_simulator.shape import Json, differences

_SERVICES = {"GroundAdvantage": "Ground", "Priority": "Economy"}
_IDS = ("shp_", "trk_", "hook_", "rate_", "evt_")
_FILES = (
    "address_create_and_verify",
    "error",
    "event_retrieve_payload",
    "shipment_buy",
    "shipment_create",
    "shipment_refund",
    "shipment_retrieve",
    "tracker_create",
    "tracker_retrieve",
)


class Replay:
    """Sends what was recorded, with our ids in place of the recorded ones."""

    def __init__(self, carrier: CarrierProcess) -> None:
        self._carrier = carrier
        self._ours: dict[str, str] = {}

    def send(self, exchange: dict[str, dict[str, Json]]) -> Response:
        request = exchange["request"]
        path = "/".join(self._ours.get(part, part) for part in str(request["path"]).split("/"))
        answer = self._carrier.http.request(str(request["method"]), path, json=self._translated(request["body"]))
        self._learn(exchange["response"]["body"], answer.json())
        return answer

    def _translated(self, body: Json) -> Json:
        if isinstance(body, dict):
            return {key: self._translated(value) for key, value in body.items() if key != "carrier"}
        if isinstance(body, list):
            return [self._translated(value) for value in body]
        return _SERVICES.get(body, self._ours.get(body, body)) if isinstance(body, str) else body

    def _learn(self, recorded: Json, ours: Json) -> None:
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for key, value in recorded.items():
                self._learn(value, ours.get(key))
        elif isinstance(recorded, list) and isinstance(ours, list):
            for pair in zip(recorded, ours, strict=False):
                self._learn(*pair)
        elif isinstance(recorded, str) and isinstance(ours, str) and recorded.startswith(_IDS):
            self._ours[recorded] = ours


@pytest.mark.parametrize("name", _FILES)
def test_answers_have_the_recorded_shape(carrier: CarrierProcess, data: Path, name: str) -> None:
    replay = Replay(carrier)
    recorded = cast("list[dict[str, dict[str, Json]]]", json.loads((data / "easypost" / f"{name}.json").read_text()))
    # Batches are not part of what the simulator offers.
    exchanges = [each for each in recorded if not str(each["request"]["path"]).startswith("/v2/batches")]
    for exchange in exchanges:
        answer = replay.send(exchange)
        assert answer.status_code == exchange["response"]["status"], answer.text
        assert differences(exchange["response"]["body"], answer.json()) == []


def test_an_empty_shipment_is_refused_in_the_recorded_words(carrier: CarrierProcess, data: Path) -> None:
    recorded = json.loads((data / "easypost" / "error.json").read_text())[0]["response"]
    answer = carrier.http.post("/v2/shipments", json={"shipment": {}})
    assert (answer.status_code, answer.json()) == (recorded["status"], recorded["body"])


def test_verification_writes_addresses_as_recorded(carrier: CarrierProcess, data: Path) -> None:
    exchange = json.loads((data / "easypost" / "address_create_and_verify.json").read_text())[0]
    ours = carrier.http.post("/v2/addresses/create_and_verify", json=exchange["request"]["body"]).json()["address"]
    theirs = exchange["response"]["body"]["address"]
    same = ("name", "street1", "street2", "city", "state", "country", "residential")
    assert {key: ours[key] for key in same} == {key: theirs[key] for key in same}
    assert ours["zip"].startswith("94107-")
