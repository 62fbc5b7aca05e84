"""A storefront's tests and its live orders share nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import orjson
import pytest
import pytest_asyncio

from shared.auth import Role
from shared.settings import platform
from tests.orders.neighbours import Parcel
from tests.orders.receiver import Receiver, listening
from tests.orders.rig import Placed, Shop
from tests.orders.test_remedies import granted


@pytest_asyncio.fixture
async def trial(shop: Shop) -> AsyncIterator[Shop]:
    """The same storefront, by a test key."""
    key = await shop.rig.staff("POST", f"/staff/storefronts/{shop.id}/keys", {"test": True}, role=Role.OPERATOR)
    yield replace(shop, key=key.json()["key"])


@pytest.mark.security(8)
async def test_a_tests_reference_and_key_are_free_for_the_live_order(shop: Shop, trial: Shop) -> None:
    body = shop.order()

    first = await trial.call("POST", "/v1/orders", body, key="same")
    second = await shop.call("POST", "/v1/orders", body, key="same")

    assert [answer.status_code for answer in (first, second)] == [httpx.codes.CREATED] * 2
    assert [answer.json()["test"] for answer in (first, second)] == [True, False]
    for who, order in ((trial, first), (shop, second)):
        found = await who.call("GET", f"/v1/orders/ref:{body['reference']}")
        assert found.json()["id"] == order.json()["id"]
    staff = await shop.rig.staff("GET", f"/staff/orders/ref:{body['reference']}", role=Role.SUPPORT)
    assert staff.json()["id"] == second.json()["id"]


@pytest.mark.security(1)
async def test_a_test_key_does_not_reach_live_orders(shop: Shop, trial: Shop) -> None:
    order = await shop.place()
    named = (str(order.id), str(order.first["number"]), f"ref:{order.first['reference']}")

    for name in named:
        for method, path in (("GET", ""), ("GET", "/timeline"), ("PATCH", ""), ("POST", "/cancellations")):
            answer = await trial.call(method, f"/v1/orders/{name}{path}", None if method == "GET" else {})
            assert answer.status_code == httpx.codes.NOT_FOUND, (method, name, path)
    assert (await trial.call("GET", "/v1/orders")).json()["data"] == []


@pytest.mark.security(1)
async def test_refunds_of_tests_are_listed_apart(shop: Shop, trial: Shop) -> None:
    order: Placed = await shop.place()
    await Parcel(order).send()
    await order.do("/payments", {"type": "captured"})
    await order.rig.hear(granted(order, "refund"))

    assert len((await shop.call("GET", "/v1/refunds")).json()["data"]) == 1
    assert (await trial.call("GET", "/v1/refunds")).json()["data"] == []


@pytest.mark.security(1)
async def test_a_live_event_is_not_sent_to_a_tests_endpoint(shop: Shop, trial: Shop) -> None:
    await shop.place()
    await shop.rig.run_jobs()
    event = (await shop.call("GET", "/v1/events")).json()["data"][0]
    endpoint = (await trial.call("POST", "/v1/webhook-endpoints", {"url": "https://example.com/hook"})).json()

    answer = await trial.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/events/{event['id']}/resend")

    assert (answer.status_code, answer.json()["code"]) == (httpx.codes.NOT_FOUND, "event_not_found")


@pytest_asyncio.fixture
async def shipping(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """Shipping's door, which answers as a test says."""
    async with listening() as receiver:
        monkeypatch.setenv("DOORSTEP_SHIPPING_URL", receiver.url.removesuffix("/hook?shop=1"))
        platform.cache_clear()
        yield receiver
        monkeypatch.undo()
        platform.cache_clear()


async def test_a_test_key_moves_its_parcel_along(trial: Shop, shipping: Receiver) -> None:
    parcel = Parcel(await trial.place())
    await parcel.send()
    shown = {
        "id": str(parcel.shipment_id), "order_id": str(parcel.order.id), "status": "in_transit",
        "tracking_number": parcel.tracking, "last_scan_at": None, "delivered_at": None,
    }  # fmt: skip
    shipping.answer = orjson.dumps({**shown, "version": 7, "location": "not a storefront's business"})

    path = f"/v1/test/shipments/{parcel.shipment_id}/advance"
    answer = await trial.call("POST", path, {"to": "in_transit"}, key="advance-1")

    assert (answer.status_code, answer.json()) == (httpx.codes.OK, shown)
    ((headers, body),) = shipping.received
    assert orjson.loads(body) == {"position": "in_transit"}
    assert headers["idempotency-key"].endswith("advance-1")


async def test_a_live_orders_parcel_is_not_moved_by_a_test_key(shop: Shop, trial: Shop, shipping: Receiver) -> None:
    parcel = Parcel(await shop.place())
    await parcel.send()

    answer = await trial.call("POST", f"/v1/test/shipments/{parcel.shipment_id}/advance", {})

    assert answer.status_code in {httpx.codes.CONFLICT, httpx.codes.NOT_FOUND}
    assert shipping.received == []
