"""The storefront's events: gapless by number, signed, tried again, given up."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import httpx
import orjson
import pytest
from standardwebhooks import Webhook

from services.orders.actions.webhooks import Delivery, PrivateAddressError, deliver
from services.orders.settings import KEPT_DAYS
from shared import clock
from shared.auth import Role
from shared.events.inventory import StockChanged
from shared.ids import new_id
from shared.settings import platform
from tests.orders.neighbours import Parcel
from tests.orders.receiver import listening
from tests.orders.rig import Json, MoveTo, Rig, Shop
from tests.waiting import wait_until


async def feed_of(shop: Shop, after: int = 0) -> list[Json]:
    await shop.rig.run_jobs()
    answer = await shop.call("GET", f"/v1/events?after={after}&limit=100")
    return list(answer.json()["data"])


async def test_a_feed_is_numbered_without_gaps_whoever_commits_first(shop: Shop) -> None:
    await asyncio.gather(*(shop.place() for _ in range(20)))
    await shop.rig.run_jobs()
    await asyncio.gather(*(shop.place() for _ in range(20)))

    events = await feed_of(shop)

    assert [event["sequence"] for event in events] == list(range(1, 41))
    assert await feed_of(shop, after=39) == events[39:]


async def test_an_orders_life_is_told_in_stable_events(shop: Shop) -> None:
    order = await shop.place()
    parcel = Parcel(order)
    await parcel.send()
    for position in ("in_transit", "out_for_delivery"):
        await parcel.scan(position)
    await parcel.deliver()

    assert await order.feed() == [
        "order.placed", "shipment.created", "shipment.handed_over", "shipment.in_transit",
        "shipment.out_for_delivery", "shipment.delivered", "order.completed",
    ]  # fmt: skip


@pytest.mark.security(9)
async def test_a_webhook_is_signed_and_carries_the_feeds_object(shop: Shop) -> None:
    async with listening() as receiver:
        made = await shop.call("POST", "/v1/webhook-endpoints", {"url": receiver.url})
        order = await shop.place()
        events = await feed_of(shop)

        headers, body = receiver.received[0]
        assert Webhook(made.json()["secret"]).verify(body, headers) == events[0]
        assert headers["webhook-id"] == events[0]["id"]
        assert events[0]["order_id"] == str(order.id)
        log = await shop.call("GET", f"/v1/webhook-endpoints/{made.json()['id']}/deliveries")
        assert [entry["state"] for entry in log.json()["data"]] == ["delivered"]


async def test_only_the_events_asked_for_are_sent(shop: Shop) -> None:
    async with listening() as receiver:
        await shop.call("POST", "/v1/webhook-endpoints", {"url": receiver.url, "events": ["shipment.delivered"]})
        order = await shop.place()
        parcel = Parcel(order)
        await parcel.send()
        await parcel.deliver()
        await shop.rig.run_jobs()

        assert [orjson.loads(body)["type"] for _, body in receiver.received] == ["shipment.delivered"]


@pytest.mark.security(9)
async def test_a_failed_delivery_is_tried_again_with_the_same_id(shop: Shop) -> None:
    async with listening() as receiver:
        receiver.status = 500
        await shop.call("POST", "/v1/webhook-endpoints", {"url": receiver.url})
        await shop.place()

        async def tried_twice() -> bool:
            await shop.rig.run_jobs()
            return len(receiver.received) > 1

        await wait_until(tried_twice, what="a second try")
        receiver.status = 200
        await wait_until(lambda: all_delivered(shop), what="delivered in the end")

        assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1


async def all_delivered(shop: Shop) -> bool:
    await shop.rig.run_jobs()
    endpoints = (await shop.call("GET", "/v1/webhook-endpoints")).json()["data"]
    log = (await shop.call("GET", f"/v1/webhook-endpoints/{endpoints[0]['id']}/deliveries")).json()["data"]
    return all(entry["state"] == "delivered" for entry in log)


@pytest.mark.security(9)
async def test_an_endpoint_that_is_gone_is_disabled(shop: Shop) -> None:
    async with listening() as receiver:
        receiver.status = 410
        await shop.call("POST", "/v1/webhook-endpoints", {"url": receiver.url})
        await shop.place()
        await shop.rig.run_jobs()

        endpoint = (await shop.call("GET", "/v1/webhook-endpoints")).json()["data"][0]
        assert (endpoint["state"], endpoint["disabled_reason"]) == ("disabled", "the endpoint answered 410 Gone")


@pytest.mark.security(9)
async def test_a_rotated_secret_signs_beside_the_old_one(shop: Shop) -> None:
    async with listening() as receiver:
        made = (await shop.call("POST", "/v1/webhook-endpoints", {"url": receiver.url})).json()
        fresh = (await shop.call("POST", f"/v1/webhook-endpoints/{made['id']}/rotate")).json()
        await shop.place()
        await shop.rig.run_jobs()

        headers, body = receiver.received[0]
        for secret in (made["secret"], fresh["secret"]):
            Webhook(secret).verify(body, headers)


async def test_an_event_can_be_sent_again_by_hand(shop: Shop) -> None:
    async with listening() as receiver:
        made = (await shop.call("POST", "/v1/webhook-endpoints", {"url": receiver.url})).json()
        await shop.place()
        event = (await feed_of(shop))[0]

        answer = await shop.call("POST", f"/v1/webhook-endpoints/{made['id']}/events/{event['id']}/resend")
        await shop.rig.run_jobs()

        assert answer.status_code == httpx.codes.ACCEPTED
        assert [headers["webhook-id"] for headers, _ in receiver.received] == [event["id"]] * 2


async def test_paused_webhooks_wait_and_leave_the_suite_at_rest(shop: Shop) -> None:
    async with listening() as receiver:
        await shop.call("POST", "/v1/webhook-endpoints", {"url": receiver.url})
        switch = {"kind": "webhooks", "scope": str(shop.id), "reason": "their site is down"}
        await shop.rig.staff("POST", "/staff/pauses", switch)
        await shop.place()
        await shop.rig.run_jobs()
        assert receiver.received == []
        assert "deliver_webhooks" not in await shop.rig.next_due()

        await shop.rig.staff("POST", "/staff/pauses/resume", switch)
        await shop.rig.run_jobs()

        assert len(receiver.received) == 1


async def test_availability_is_sent_to_who_asks_for_it_by_name(shop: Shop) -> None:
    async with listening() as receiver:
        body = {"url": receiver.url, "events": ["availability.changed"]}
        await shop.call("POST", "/v1/webhook-endpoints", body)
        await shop.rig.hear(
            StockChanged(
                sku=shop.skus[0], location=shop.location, on_hand=50, reserved=8, damaged=0, quarantined=0,
                available=42,
            )
        )  # fmt: skip
        await shop.rig.run_jobs()

        mine = [orjson.loads(body)["data"] for _, body in receiver.received]
        assert [entry["available"] for entry in mine if entry["sku"] == shop.skus[0]] == [42]


async def test_tests_have_a_feed_of_their_own(rig: Rig, shop: Shop) -> None:
    await shop.place()
    key = await rig.staff("POST", f"/staff/storefronts/{shop.id}/keys", {"test": True}, role=Role.OPERATOR)
    live, shop.key = shop.key, key.json()["key"]
    await shop.place()
    trial = await feed_of(shop)
    shop.key = live

    assert [(event["sequence"], event["test"]) for event in trial] == [(1, True)]
    assert [(event["sequence"], event["test"]) for event in await feed_of(shop)] == [(1, False)]


async def test_a_live_key_cannot_move_parcels(shop: Shop) -> None:
    answer = await shop.call("POST", f"/v1/test/shipments/{shop.id}/advance", {})

    assert answer.json()["code"] == "test_key_needed"


async def test_an_address_that_is_no_url_is_refused(shop: Shop) -> None:
    for url in (
        "ftp://example.com/x", "https://user@example.com/", "nonsense-nonsense", "https://example.com:99999999/x",
        "https://example.com:0/x", "https://[::1/x", "https://:443/x",
    ):  # fmt: skip
        answer = await shop.call("POST", "/v1/webhook-endpoints", {"url": url})
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, url
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/url"]


async def test_a_cursor_older_than_what_is_kept_says_where_to_go_on(shop: Shop, move_to: MoveTo) -> None:
    await shop.place()
    await shop.rig.run_jobs()
    move_to(clock.now() + timedelta(days=KEPT_DAYS + 2))
    await shop.rig.run_jobs()
    await shop.place()
    await shop.rig.run_jobs()

    gone = await shop.call("GET", "/v1/events?after=0")
    rest = await shop.call("GET", f"/v1/events?after={gone.json()['oldest_after']}")

    assert (gone.status_code, gone.json()["code"]) == (httpx.codes.GONE, "cursor_expired")
    assert [event["sequence"] for event in rest.json()["data"]] == [2]


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOORSTEP_ENVIRONMENT", "production")
    platform.cache_clear()
    yield
    monkeypatch.undo()
    platform.cache_clear()


@pytest.mark.security(9)
@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://shop.example.com/hook", "insecure"),
        ("https://127.0.0.1/hook", "private_address"),
        ("https://10.1.2.3:8443/hook", "private_address"),
        ("https://[::1]/hook", "private_address"),
        ("https://localhost/hook", "private_address"),
        ("https://169.254.169.254/latest", "private_address"),
    ],
)
async def test_in_production_no_endpoint_leads_into_a_private_network(shop: Shop, url: str, code: str) -> None:
    answer = await shop.call("POST", "/v1/webhook-endpoints", {"url": url})

    assert [error["code"] for error in answer.json()["errors"]] == [code]


@pytest.mark.security(9)
@pytest.mark.usefixtures("production")
async def test_in_production_a_name_that_leads_into_a_private_network_is_not_called() -> None:
    item = Delivery(new_id(), new_id(), None, "https://localhost:9/hook", 1, {}, b"{}")

    with pytest.raises(PrivateAddressError):
        await deliver(item)
