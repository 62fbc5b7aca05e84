"""What one caller may ask for, and what is answered when it is too much or takes too long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest
import pytest_asyncio

from services.orders.app import service
from services.orders.settings import settings
from shared.auth import Role
from shared.db import Database
from shared.process import build_app
from tests.orders.rig import Rig, Shop

PENDING = {"payment": {"status": "pending"}}


@pytest_asyncio.fixture
async def hasty(rig: Rig) -> AsyncIterator[httpx.AsyncClient]:
    """The same service over a role whose statements may take a quarter of a second."""
    admin = await asyncpg.connect(rig.database.url)
    name = await admin.fetchval("select current_database()")
    await admin.execute(f"alter database {name} set statement_timeout = '250ms'")
    database = Database(rig.database.url, pool_size=2)
    try:
        async with database.transaction() as tx:
            assert await tx.value("show statement_timeout") == "250ms"
        transport = httpx.ASGITransport(app=build_app(service, database), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://orders") as http:
            yield http
    finally:
        await database.close()
        await admin.execute(f"alter database {name} reset statement_timeout")
        await admin.close()


@asynccontextmanager
async def locked(rig: Rig, table: str) -> AsyncIterator[None]:
    """Hold a whole table, as a careless repair by hand would."""
    connection = await asyncpg.connect(rig.database.url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"lock table {table} in access exclusive mode")
    try:
        yield
    finally:
        await transaction.rollback()
        await connection.close()


@pytest.mark.security(6)
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/orders"), ("POST", "/v1/orders"), ("POST", "payments")])
async def test_a_statement_that_takes_too_long_is_answered_503_and_may_be_sent_again(
    rig: Rig, shop: Shop, hasty: httpx.AsyncClient, method: str, path: str
) -> None:
    order = await shop.place()
    address = f"/v1/orders/{order.id}/payments" if path == "payments" else path
    body = {"type": "captured"} if path == "payments" else shop.order()
    headers = {"authorization": f"Bearer {shop.key}", "idempotency-key": f"slow {order.id} {method}"}

    async def ask() -> httpx.Response:
        return await hasty.request(method, address, json=None if method == "GET" else body, headers=headers)

    async with locked(rig, "orders"):
        late = await ask()
    again = await ask()

    assert (late.status_code, late.json()["code"]) == (httpx.codes.SERVICE_UNAVAILABLE, "unavailable"), late.text
    assert int(late.headers["retry-after"]) >= 1
    assert again.is_success, again.text


@pytest.fixture
def few_unpaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "unpaid_orders", 3)


@pytest.mark.security(7)
@pytest.mark.usefixtures("few_unpaid")
async def test_a_storefront_keeps_stock_for_so_many_unpaid_orders_and_no_more(rig: Rig, shop: Shop) -> None:
    waiting = [await shop.place(**PENDING) for _ in range(3)]
    refused = await shop.call("POST", "/v1/orders", shop.order(**PENDING))

    assert (refused.status_code, refused.json()["code"]) == (httpx.codes.TOO_MANY_REQUESTS, "too_many_unpaid")
    assert int(refused.headers["retry-after"]) >= 1
    await shop.place()
    other = await rig.open_shop()
    await other.place(**PENDING)

    await waiting[0].do("/payments", {"type": "captured"})
    await shop.place(**PENDING)


@pytest.mark.security(7)
@pytest.mark.usefixtures("few_unpaid")
async def test_unpaid_orders_that_come_together_share_the_quota(shop: Shop) -> None:
    calls = (shop.call("POST", "/v1/orders", shop.order(**PENDING)) for _ in range(10))
    answers = await asyncio.gather(*calls)

    placed = [answer for answer in answers if answer.status_code == httpx.codes.CREATED]
    refused = [answer for answer in answers if answer.status_code == httpx.codes.TOO_MANY_REQUESTS]
    assert len(placed) + len(refused) == 10
    assert len(placed) == 3


@pytest.mark.security(7)
@pytest.mark.usefixtures("few_unpaid")
async def test_an_order_refused_for_the_quota_leaves_its_key_free(shop: Shop) -> None:
    waiting = [await shop.place(**PENDING) for _ in range(3)]
    late = shop.order(**PENDING)
    assert (await shop.call("POST", "/v1/orders", late, key="late")).status_code == httpx.codes.TOO_MANY_REQUESTS

    await waiting[0].do("/payments", {"type": "captured"})
    again = await shop.call("POST", "/v1/orders", late, key="late")

    assert again.status_code == httpx.codes.CREATED


@pytest.mark.security(8)
async def test_two_storefronts_may_use_one_idempotency_key(rig: Rig, shop: Shop) -> None:
    other = await rig.open_shop()

    mine = await shop.call("POST", "/v1/orders", shop.order(), key="1001")
    theirs = await other.call("POST", "/v1/orders", other.order(), key="1001")

    assert [mine.status_code, theirs.status_code] == [httpx.codes.CREATED] * 2
    assert mine.json()["id"] != theirs.json()["id"]


@pytest.mark.security(8)
async def test_an_idempotency_key_says_nothing_on_another_route(shop: Shop) -> None:
    order = await shop.call("POST", "/v1/orders", shop.order(), key="1002")
    path = f"/v1/orders/{order.json()['id']}/cancellations"

    wish = await shop.call("POST", path, {}, key="1002")

    assert wish.status_code == httpx.codes.ACCEPTED
    assert wish.json()["order_id"] == order.json()["id"]


@pytest.mark.security(8)
async def test_no_storefront_is_called_as_the_tests_of_another(rig: Rig, shop: Shop) -> None:
    # What is behind the slash tells a test key's calls from the live ones.
    body = {"code": f"{shop.code}/test", "name": "Impostor"}

    answer = await rig.staff("POST", "/staff/storefronts", body, role=Role.ADMIN)

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
