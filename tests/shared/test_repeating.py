"""A request and its twin have one effect and one answer, and what was not committed is never answered as done."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, FastAPI, Response

from deploy.local.stack import LocalStack
from shared import clock
from shared.auth import Operator, Role, TokenVerifier, make_key_pair, mint_token
from shared.db import Transaction
from shared.doors import Answer, Body, Counters, Edge, Mutation, Tx, install_errors
from shared.ids import new_id
from shared.rates import RateLimit
from tests.shared.conftest import Plumbing
from tests.waiting import wait_until

PRIVATE, PUBLIC = make_key_pair("staff-1")
LOCK_TIMEOUT_SECONDS = 2


class Thing(Body):
    """What is asked for."""

    name: str


class Made(Answer):
    """What was made."""

    name: str
    number: int


class Shop:
    """A door over one table, whose work waits while its gate is closed."""

    def __init__(self, plumbing: Plumbing) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.working = 0
        self.is_slow = False
        self._plumbing = plumbing
        app = FastAPI()
        app.state.database = plumbing.consuming
        app.state.secret = "s" * 32
        app.state.verifier = TokenVerifier(PUBLIC)
        app.state.rate_limit = RateLimit(1000, 1000)
        app.state.resolve_key = None
        install_errors(app)
        app.include_router(self._router())
        app.add_middleware(Edge, service="shop", counters=Counters())
        token = mint_token(PRIVATE, subject="ann", role=Role.OPERATOR)
        self.client = httpx.AsyncClient(
            # The error goes on to the server behind its answer; the answer is what is looked at here.
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://shop",
            headers={"Authorization": f"Bearer {token}"},
        )

    def _router(self) -> APIRouter:
        router = APIRouter()

        @router.post("/things")
        async def make(body: Thing, call: Mutation, who: Operator) -> Response:
            return await call.once(who, body, lambda tx: self._make(tx, body.name), status=201)

        @router.post("/plain", status_code=201)
        async def make_plainly(body: Thing, tx: Tx, _who: Operator) -> Made:
            return await self._make(tx, body.name)

        return router

    async def _make(self, tx: Transaction, name: str) -> Made:
        self.working += 1
        if self.is_slow:
            await tx.fetch("set local statement_timeout = '50ms'")
            await tx.fetch("select pg_sleep(10)")
        number = int(await tx.value("insert into thing (name) values ($1) returning number", name))
        tx.wrote = True
        await self.gate.wait()
        return Made(name=name, number=number)

    async def post(self, name: str, key: str, *, path: str = "/things") -> httpx.Response:
        return await self.client.post(path, json={"name": name}, headers={"Idempotency-Key": key})

    async def count(self, name: str) -> int:
        async with self._plumbing.consuming.transaction() as tx:
            return int(await tx.value("select count(*) from thing where name = $1", name))

    async def see_working(self, count: int) -> None:
        async def are_working() -> bool:
            return self.working >= count

        await wait_until(are_working, what=f"{count} requests are being served")


@pytest_asyncio.fixture
async def shop(bare_stack: LocalStack, plumbing: Plumbing) -> AsyncIterator[Shop]:
    """A shop whose table notices only at the commit that a name is taken."""
    owner = await asyncpg.connect(bare_stack.dsn("care", "owner"))
    await owner.execute(
        "create table thing (number bigint generated always as identity, "
        "name text, unique (name) deferrable initially deferred)"
    )
    made = Shop(plumbing)
    yield made
    await made.client.aclose()
    await owner.execute("drop table thing")
    await owner.close()


async def test_a_twin_waits_for_the_first_and_gets_its_answer(shop: Shop) -> None:
    key, name = str(new_id()), str(new_id())
    shop.gate.clear()
    first = asyncio.create_task(shop.post(name, key))
    await shop.see_working(1)
    twin = asyncio.create_task(shop.post(name, key))
    done, _ = await asyncio.wait({twin}, timeout=0.3)
    assert not done, "the twin must not overtake the first"
    shop.gate.set()

    answers = [await first, await twin]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert shop.working == 1
    assert await shop.count(name) == 1


async def test_a_twin_that_waits_longer_than_the_lock_timeout_is_told_to_come_again(shop: Shop) -> None:
    key, name = str(new_id()), str(new_id())
    shop.gate.clear()
    first = asyncio.create_task(shop.post(name, key))
    await shop.see_working(1)
    began = clock.monotonic()

    twin = await shop.post(name, key)

    waited = clock.monotonic() - began
    shop.gate.set()
    assert (await first).status_code == 201
    assert (twin.status_code, twin.json()["code"]) == (409, "conflict")
    assert waited >= LOCK_TIMEOUT_SECONDS * 0.9
    again = await shop.post(name, key)
    assert (again.status_code, again.json()) == (201, (await first).json())
    assert await shop.count(name) == 1


async def test_a_twin_of_a_request_that_failed_does_the_work_itself(shop: Shop) -> None:
    key, name = str(new_id()), str(new_id())
    shop.gate.clear()
    first = asyncio.create_task(shop.post(name, key))
    await shop.see_working(1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    shop.gate.set()

    assert (await shop.post(name, key)).status_code == 201
    assert await shop.count(name) == 1


@pytest.mark.parametrize("path", ["/things", "/plain"])
async def test_a_commit_that_fails_is_never_answered_with_201(shop: Shop, path: str) -> None:
    key, name = str(new_id()), str(new_id())
    assert (await shop.post(name, str(new_id()))).status_code == 201

    refused = await shop.post(name, key, path=path)

    assert refused.status_code == 500
    assert refused.headers["content-type"] == "application/problem+json"
    assert await shop.count(name) == 1


@pytest.mark.parametrize("path", ["/things", "/plain"])
async def test_a_statement_that_took_too_long_is_told_as_that_and_may_be_tried_again(shop: Shop, path: str) -> None:
    key, name = str(new_id()), str(new_id())
    shop.is_slow = True
    slow = await shop.post(name, key, path=path)
    shop.is_slow = False

    assert (slow.status_code, slow.json()["code"]) == (503, "unavailable"), slow.text
    assert "took too long" in slow.json()["detail"]
    assert (await shop.post(name, key, path=path)).status_code == 201


async def test_a_key_whose_commit_failed_is_free_again(shop: Shop) -> None:
    key, name = str(new_id()), str(new_id())
    await shop.post(name, str(new_id()))
    assert (await shop.post(name, key)).status_code == 500

    assert (await shop.post(str(new_id()), key)).status_code == 201
