"""Connections to PostgreSQL and the broker are cut, slow, half dead, or lost just when a commit is answered."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from deploy.local import names
from deploy.local.stack import LocalStack
from shared import db
from tests.faults.crowd import Crowd
from tests.faults.proxy import Proxy, Wire
from tests.waiting import wait_until

BAD_SECONDS = 8.0
WORKERS = ("orders-worker", "inventory-worker", "shipping-worker", "care-worker")
_BACKENDS = """
select pid from pg_stat_activity where usename = any($1::text[]) and backend_type = 'client backend' order by pid
"""


def through(stack: LocalStack, service: str, proxy: Proxy) -> dict[str, str]:
    """Give the environment in which a service reaches its database by the proxy."""
    address = urlsplit(stack.dsn(service))
    wired = address._replace(netloc=address.netloc.replace(f":{address.port}", f":{proxy.port}"))
    return {names.database_url(service): wired.geturl()}


@asynccontextmanager
async def wire_to_the_database(stack: LocalStack, process: str) -> AsyncIterator[Proxy]:
    """Have a process reach its database by a wire, and directly again afterwards, however the test ends."""
    async with Proxy.to(stack.site.ports[names.POSTGRES]) as proxy:
        try:
            await stack.restart(process, through(stack, process.rpartition("-")[0], proxy))
            yield proxy
        finally:
            await stack.restart(process)


@asynccontextmanager
async def wire_to_the_broker(stack: LocalStack, process: str) -> AsyncIterator[Proxy]:
    """Have a process reach the broker by a wire, and directly again afterwards, however the test ends."""
    async with Proxy.to(stack.site.ports[names.BROKER], told_of=True) as proxy:
        try:
            await stack.restart(process, {names.KAFKA_BOOTSTRAP: f"127.0.0.1:{proxy.port}"})
            yield proxy
        finally:
            await stack.restart(process)


async def test_connections_that_the_server_ends_at_random_lose_nothing(
    stepped_stack: LocalStack, crowd: Crowd, dice: random.Random
) -> None:
    """F8: a fifth of all, again and again."""
    ended = 0
    connection = await db.connect(stepped_stack.site.admin_dsn, application="fault tests")
    async with crowd.posting(customers=8):
        for _ in range(6):
            await crowd.see_acknowledged(5)
            backends = [row["pid"] for row in await connection.fetch(_BACKENDS, list(names.SERVICES))]
            for pid in dice.sample(backends, k=max(1, len(backends) // 5)):
                ended += await connection.fetchval("select pg_terminate_backend($1)", pid)
        crowd.outcome.healed()
        await crowd.see_acknowledged(10)
    await connection.close()
    await crowd.verify()
    assert ended >= 6


@pytest.mark.parametrize("process", ["orders-api", *WORKERS])
async def test_a_commit_whose_answer_is_lost_happens_once(
    stepped_stack: LocalStack, crowd: Crowd, process: str
) -> None:
    """F9: nobody knows whether it happened; whoever asks again finds that it did."""
    async with wire_to_the_database(stepped_stack, process) as proxy:
        async with crowd.posting():
            for _ in range(4):
                await crowd.see_acknowledged(3)
                wanted = proxy.swallowed + 1
                proxy.swallow_commits(1)

                async def is_swallowed(wanted: int = wanted) -> bool:
                    return proxy.swallowed >= wanted

                await wait_until(is_swallowed, what="a commit's answer is swallowed")
            crowd.outcome.healed()
        await crowd.verify()
        assert proxy.swallowed >= 4


@pytest.mark.parametrize(
    ("wire", "process"),
    [
        *itertools.product([Wire.SLOW, Wire.DRIP, Wire.RESET], ["orders-api", "inventory-worker"]),
        *itertools.product([Wire.HALF_OPEN], ["orders-api", *WORKERS]),
    ],
)
async def test_a_bad_connection_to_the_database_costs_time_and_nothing_else(
    stepped_stack: LocalStack, crowd: Crowd, wire: Wire, process: str
) -> None:
    """F10: when it is good again, all comes to rest."""
    async with wire_to_the_database(stepped_stack, process) as proxy:
        async with crowd.posting():
            await crowd.see_acknowledged(10)
            await spoil(proxy, wire)
            crowd.outcome.healed()
            await crowd.see_acknowledged(10)
        await crowd.verify()
        assert proxy.spoiled


@pytest.mark.parametrize("process", ["orders-worker", "inventory-worker"])
@pytest.mark.parametrize("wire", [Wire.SLOW, Wire.DRIP, Wire.HALF_OPEN, Wire.RESET])
async def test_a_bad_connection_to_the_broker_costs_time_and_nothing_else(
    stepped_stack: LocalStack, crowd: Crowd, process: str, wire: Wire
) -> None:
    """F10: for who sends as for who reads."""
    async with wire_to_the_broker(stepped_stack, process) as proxy:
        async with crowd.posting():
            await crowd.see_acknowledged(10)
            await spoil(proxy, wire)
            crowd.outcome.healed()
            await crowd.see_acknowledged(10)
        await crowd.verify()
        assert proxy.spoiled


async def spoil(proxy: Proxy, wire: Wire) -> None:
    """Let the connection be bad for a while; nobody ends one that is half open, its users must see that it is dead."""
    proxy.wire = wire
    await asyncio.sleep(BAD_SECONDS)  # the duration is the fault
    proxy.wire = Wire.SOUND
    if wire is not Wire.HALF_OPEN:
        proxy.cut()
