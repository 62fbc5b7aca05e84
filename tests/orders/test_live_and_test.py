"""A storefront's tests and its live orders share nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest_asyncio

from shared.auth import Role
from tests.orders.neighbours import Parcel
from tests.orders.rig import Placed, Shop
from tests.orders.test_remedies import granted


@pytest_asyncio.fixture
async def trial(shop: Shop) -> AsyncIterator[Shop]:
    """The same storefront, by a test key."""
    key = await shop.rig.staff("POST", f"/staff/storefronts/{shop.id}/keys", {"test": True}, role=Role.OPERATOR)
    yield replace(shop, key=key.json()["key"])


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


async def test_a_test_key_does_not_reach_live_orders(shop: Shop, trial: Shop) -> None:
    order = await shop.place()
    named = (str(order.id), str(order.first["number"]), f"ref:{order.first['reference']}")

    for name in named:
        for method, path in (("GET", ""), ("GET", "/timeline"), ("PATCH", ""), ("POST", "/cancellations")):
            answer = await trial.call(method, f"/v1/orders/{name}{path}", None if method == "GET" else {})
            assert answer.status_code == httpx.codes.NOT_FOUND, (method, name, path)
    assert (await trial.call("GET", "/v1/orders")).json()["data"] == []


async def test_refunds_of_tests_are_listed_apart(shop: Shop, trial: Shop) -> None:
    order: Placed = await shop.place()
    await Parcel(order).send()
    await order.do("/payments", {"type": "captured"})
    await order.rig.hear(granted(order, "refund"))

    assert len((await shop.call("GET", "/v1/refunds")).json()["data"]) == 1
    assert (await trial.call("GET", "/v1/refunds")).json()["data"] == []


async def test_a_live_event_is_not_sent_to_a_tests_endpoint(shop: Shop, trial: Shop) -> None:
    await shop.place()
    await shop.rig.run_jobs()
    event = (await shop.call("GET", "/v1/events")).json()["data"][0]
    endpoint = (await trial.call("POST", "/v1/webhook-endpoints", {"url": "https://example.com/hook"})).json()

    answer = await trial.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/events/{event['id']}/resend")

    assert [error["code"] for error in answer.json()["errors"]] == ["unknown_event"]
