"""A kill -9 loses nothing that was accepted: no sale, no scan to come, no webhook owed."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.carrier_simulator.conftest import START, buy_from
from tests.carrier_simulator.process import CarrierProcess, SteppedClock
from tests.carrier_simulator.receiver import Receiver
from tests.carrier_simulator.test_moving_parcels import hand_over, script, tracker
from tests.carrier_simulator.test_webhooks import IN_ORDER, STEPS, statuses


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[CarrierProcess]:
    """A simulator of this test's own, to be killed."""
    with closing(CarrierProcess(tmp_path, SteppedClock(tmp_path / "clock", START))) as process:
        yield process


def test_scans_and_webhooks_go_on_after_a_kill(mortal: CarrierProcess, order: str) -> None:
    with closing(Receiver()) as receiver:
        mortal.http.post("/v2/webhooks", json={"webhook": {"url": receiver.url}}).raise_for_status()
        mortal.http.post("/simulator/faults", json={"kind": "server_error", "route": "/rerate$"}).raise_for_status()
        script(mortal, match={"print_custom_1": order}, steps=STEPS)
        shipment = buy_from(mortal, order)
        code = str(shipment["tracking_code"])
        hand_over(mortal, code)
        receiver.answer = lambda _: 503
        mortal.clock.step_to(START + timedelta(hours=6))
        mortal.wait_for(lambda: receiver.about(code), "a first attempt")

        mortal.kill()
        receiver.answer = lambda _: 200
        receiver.messages.clear()
        mortal.start()

        mortal.advance(timedelta(hours=7))
        assert statuses(receiver.about(code)) == IN_ORDER
        assert mortal.http.get(f"/v2/shipments/{shipment['id']}").json()["tracking_code"] == code
        assert tracker(mortal, code)["status"] == "delivered"
        assert mortal.http.post(f"/v2/shipments/{shipment['id']}/rerate").status_code == 500


def test_every_label_whose_sale_was_answered_is_there_after_a_kill(mortal: CarrierProcess) -> None:
    sold: list[str] = []
    enough = threading.Event()

    def sell() -> None:
        for number in range(10_000):
            try:
                sold.append(str(buy_from(mortal, f"order {number}")["tracking_code"]))
            except httpx.HTTPError:
                return
            if len(sold) > 20:
                enough.set()

    seller = threading.Thread(target=sell)
    seller.start()
    assert enough.wait(30)
    mortal.kill()
    seller.join()
    mortal.start()
    parcels = mortal.http.get("/simulator/parcels").json()["parcels"]
    assert set(sold) <= {parcel["tracking_code"] for parcel in parcels}
