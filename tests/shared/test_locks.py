"""What must not happen twice, and who waits for whom, in the plumbing that every service has."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest_asyncio

from deploy.local import names
from deploy.local.commands import service_command
from deploy.local.processes import Child
from deploy.local.stack import LocalStack
from services.orders.app import service as orders
from shared import clock, migrate, switches
from shared.db import KeptConnection
from shared.switches import EVERYWHERE, Switch
from tests.shared.conftest import Plumbing

MIGRATORS = 3
ROUNDS = 50
READS_SECONDS = 4.0
STOPS_SECONDS = 1.0
_LOGGED = """
insert into event_log (slot, event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at,
  recorded_at, published_at)
select n % 32, gen_random_uuid(), 0, 'doorstep.orders', gen_random_uuid()::text, 1, 1, 'filled', '{{}}', '{{}}', now(),
  now(), now()
from generate_series(1, {count}) n
"""
_FILL = _LOGGED.format(count=100_000)
# Intake and relay never hold both tables in one transaction.
_WORK = ("insert into stream (key, sequence) values (gen_random_uuid()::text, 1)", _LOGGED.format(count=1))
_SECONDS = 120


@pytest_asyncio.fixture
async def empty(bare_stack: LocalStack) -> AsyncIterator[str]:
    """An empty database."""
    name = f"orders_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(bare_stack.site.admin_dsn)
    await admin.execute(f"create database {name}")
    yield f"{bare_stack.site.admin_dsn.rsplit('/', 1)[0]}/{name}"
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


async def test_two_who_ask_on_one_connection_take_turns(plumbing: Plumbing) -> None:
    kept = KeptConnection(plumbing.consuming.url, "turns")
    await kept.fetch("select 0")
    first, second = await asyncio.gather(kept.fetch("select 1"), kept.fetch("select 2"))
    await kept.close()
    assert (first[0][0], second[0][0]) == (1, 2)


async def test_two_migrators_of_one_database_wait_for_each_other(bare_stack: LocalStack, empty: str) -> None:
    both = {names.database_url("orders"): empty, names.migrations_database_url("orders"): empty}
    migrators: list[Child] = []
    for number in range(MIGRATORS):
        command = service_command(bare_stack.site, bare_stack.options, f"migrate-{number}", "orders", "migrate")
        migrators.append(Child(replace(command, environment={**command.environment, **both})))

    await asyncio.gather(*(migrator.wait_done(_SECONDS) for migrator in migrators))

    connection = await asyncpg.connect(empty)
    assert await connection.fetchval("select count(*) from alembic_version") == 1
    await connection.close()


async def test_migrations_of_a_filled_database_stop_nobody_for_a_second(empty: str) -> None:
    """A report that reads the event log for seconds is in their way, and whoever works must not wait behind both."""
    await asyncio.to_thread(migrate.upgrade, orders.migrations, empty, "0001")
    reader, worker = await asyncpg.connect(empty), await asyncpg.connect(empty)
    await worker.execute(_FILL)
    before = [await _work(worker) for _ in range(ROUNDS)]
    await reader.execute("begin isolation level repeatable read")
    await reader.execute("select count(*) from event_log")

    migrating = asyncio.create_task(asyncio.to_thread(migrate.upgrade, orders.migrations, empty))
    ends = clock.monotonic() + READS_SECONDS
    during: list[float] = []
    while not migrating.done():
        during.append(await _work(worker))
        if clock.monotonic() > ends and not reader.is_closed():
            await reader.close()
        await asyncio.sleep(0.002)
    await migrating

    assert await worker.fetchval("select version_num from alembic_version") > "0001"
    await worker.close()
    assert max(during) - max(before) < STOPS_SECONDS


async def _work(worker: asyncpg.Connection) -> float:
    """Publish and note as published, as intake and relay do; give how long it took."""
    began = clock.monotonic()
    for statement in _WORK:
        await worker.execute(statement)
    return clock.monotonic() - began


async def test_what_is_paused_twice_is_paused_once(plumbing: Plumbing) -> None:
    async def pause() -> None:
        async with plumbing.consuming.transaction() as tx:
            await switches.pause(tx, Switch("locks", ()), EVERYWHERE, actor="operator:ann", reason="a test")

    await asyncio.gather(pause(), pause())

    async with plumbing.consuming.transaction() as tx:
        assert [pause.kind for pause in await switches.list_pauses(tx) if pause.kind == "locks"] == ["locks"]
