"""One simulator for the session, the official client, and parcels of each test's own."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, cast
from uuid import uuid4

import pytest
from easypost.easypost_client import EasyPostClient

from deploy.carrier_simulator.wire import Shipment
from tests.carrier_simulator.process import KEY, CarrierProcess, SteppedClock
from tests.carrier_simulator.receiver import Receiver

START = datetime(2017, 1, 2, 15, tzinfo=UTC)


class Place(TypedDict):
    """The fields of an address that the tests fill."""

    name: str
    street1: str
    city: str
    state: str
    zip: str
    country: str


ADDRESS: Place = {
    "name": "Ada Recipient",
    "street1": "179 N Harbor Dr",
    "city": "Redondo Beach",
    "state": "CA",
    "zip": "90277",
    "country": "US",
}
WAREHOUSE: Place = {
    "name": "Doorstep West",
    "street1": "388 Townsend St",
    "city": "San Francisco",
    "state": "CA",
    "zip": "94107",
    "country": "US",
}

Buy = Callable[..., Shipment]


def request_for(order: str, **options: str) -> dict[str, object]:
    """Write the request for one parcel of an order."""
    return {
        "from_address": WAREHOUSE,
        "to_address": ADDRESS,
        "parcel": {"length": 10, "width": 8, "height": 4, "weight": 15.4},
        "reference": f"shipment of {order}",
        "options": {"print_custom_1": order, **options},
    }


def buy_from(carrier: CarrierProcess, order: str, **options: str) -> Shipment:
    """Create a shipment and buy its cheapest label, in two calls."""
    created = carrier.http.post("/v2/shipments", json={"shipment": request_for(order, **options)})
    shipment = cast("Shipment", created.raise_for_status().json())
    rate = {"id": shipment["rates"][-1]["id"]}
    bought = carrier.http.post(f"/v2/shipments/{shipment['id']}/buy", json={"rate": rate})
    return cast("Shipment", bought.raise_for_status().json())


def forget(carrier: CarrierProcess, receiver: Receiver) -> None:
    """Take a receiver away, if it is still registered."""
    hooks = carrier.http.get("/v2/webhooks").raise_for_status().json()["webhooks"]
    for hook in hooks:
        if hook["url"] == receiver.url:
            carrier.http.delete(f"/v2/webhooks/{hook['id']}").raise_for_status()


@pytest.fixture(scope="session")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarrierProcess]:
    """The simulator that most tests share."""
    home: Path = tmp_path_factory.mktemp("carrier")
    with closing(CarrierProcess(home, SteppedClock(home / "clock", START))) as process:
        yield process


@pytest.fixture(scope="session")
def client(carrier: CarrierProcess) -> Iterator[EasyPostClient]:
    """The official client."""
    client = EasyPostClient(KEY, api_base=f"{carrier.url}/v2")
    yield client
    client._requests_session.close()  # noqa: SLF001 - it offers no other way


@pytest.fixture
def order() -> str:
    """An order reference of this test alone."""
    return f"order-{uuid4().hex}"


@pytest.fixture
def buy(carrier: CarrierProcess, order: str) -> Buy:
    """Buy parcels of this test's order, one after another."""
    numbers = itertools.count(1)
    return lambda **options: buy_from(carrier, order, **{"print_custom_2": str(next(numbers)), **options})


@pytest.fixture
def receiver(carrier: CarrierProcess) -> Iterator[Receiver]:
    """A registered receiver of webhooks."""
    with closing(Receiver()) as receiver:
        carrier.http.post("/v2/webhooks", json={"webhook": {"url": receiver.url}}).raise_for_status()
        yield receiver
        forget(carrier, receiver)


@pytest.fixture
def faults(carrier: CarrierProcess) -> Iterator[Callable[..., dict[str, object]]]:
    """Make things go wrong, and right again afterwards."""
    added: list[str] = []

    def add(kind: str, **how: object) -> dict[str, object]:
        answer = carrier.http.post("/simulator/faults", json={"kind": kind, **how}).raise_for_status().json()
        added.append(answer["id"])
        return cast("dict[str, object]", answer)

    yield add
    for fault_id in added:
        carrier.http.delete(f"/simulator/faults/{fault_id}").raise_for_status()
