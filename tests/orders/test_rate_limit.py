"""How often one key may use one route."""

import secrets
from collections.abc import Awaitable

import httpx
import pytest

from services.orders.app import service
from services.orders.settings import settings
from shared.ids import new_id
from shared.process import build_app
from shared.rates import RateLimit
from tests.orders.rig import Json, Rig, Shop
from tests.waiting import wait_until

pytestmark = pytest.mark.security(7)

TOO_MANY = 429


@pytest.fixture
def narrow(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    """The same service, which lets each key call a route three times at once, and once a second."""
    monkeypatch.setenv("ORDERS_RATE_PER_SECOND", "1")
    monkeypatch.setenv("ORDERS_RATE_BURST", "3")
    settings.cache_clear()
    app = build_app(service, rig.database)
    settings.cache_clear()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://orders")


async def test_too_many_requests_of_one_key_to_one_route_are_told_when_to_come_back(
    rig: Rig, shop: Shop, narrow: httpx.AsyncClient
) -> None:
    other = await rig.open_shop()

    async def read(key: str, path: str = "/v1/orders") -> httpx.Response:
        return await narrow.get(path, headers={"authorization": f"Bearer {key}"})

    answers = [await read(shop.key) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, TOO_MANY]
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert answers[3].json()["code"] == "rate_limited"
    assert int(answers[3].headers["retry-after"]) == 1
    assert (await read(shop.key, "/v1/refunds")).status_code == httpx.codes.OK
    assert (await read(other.key)).status_code == httpx.codes.OK
    again = await wait_until(lambda: _unless_refused(read(shop.key)), what="a token comes back")
    assert again is not None
    assert again.status_code == httpx.codes.OK


async def _unless_refused(call: Awaitable[httpx.Response]) -> httpx.Response | None:
    answer = await call
    return answer if answer.status_code != TOO_MANY else None


async def test_orders_of_all_names_share_the_bucket_of_their_route(shop: Shop, narrow: httpx.AsyncClient) -> None:
    headers = {"authorization": f"Bearer {shop.key}"}

    answers = [await narrow.get(f"/v1/orders/ref:{secrets.token_hex(4)}", headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [404, 404, 404, TOO_MANY]


async def test_a_refused_order_is_not_placed_and_takes_no_key(shop: Shop, narrow: httpx.AsyncClient) -> None:
    async def place(order: Json) -> httpx.Response:
        headers = {"authorization": f"Bearer {shop.key}", "idempotency-key": str(new_id())}
        return await narrow.post("/v1/orders", json=order, headers=headers)

    placed = [await place(shop.order()) for _ in range(3)]
    late = shop.order()
    refused = await place(late)

    assert [answer.status_code for answer in placed] == [201, 201, 201]
    assert refused.status_code == TOO_MANY
    found = await shop.call("GET", f"/v1/orders?reference={late['reference']}")
    assert found.json()["data"] == []


def test_buckets_that_are_full_again_are_forgotten() -> None:
    limit = RateLimit(per_second=1_000_000, burst=1)

    for number in range(50_000):
        limit.spend(str(number), "GET /v1/orders")

    assert len(limit._full_at) <= 20_000  # noqa: SLF001 - memory is not visible from outside
