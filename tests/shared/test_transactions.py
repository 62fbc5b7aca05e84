"""What a pooled connection is after its transaction: free of it, however it ended, and alive."""

import asyncio
import contextlib

import asyncpg
import pytest
from sqlalchemy import text

from shared.db import Database
from tests.shared.conftest import Plumbing
from tests.waiting import wait_until

_OPEN = """
select count(*) from pg_stat_activity
where application_name = 'doorstep-ends' and state like 'idle in transaction%'
"""
_SET = "insert into pause_switch (kind, scope, reason, actor, paused_at) values ($1, '*', 'a test', 'nobody', now())"
_SEEN = "select count(*) from pause_switch where kind = $1"


async def until_none(database: Database) -> None:
    """Wait until no transaction is being ended in the background."""

    async def all_back() -> bool:
        return database.engine.pool.status().endswith("Current Checked out connections: 0")

    await wait_until(all_back, what="every connection is back in the pool")


@pytest.fixture
async def database(plumbing: Plumbing) -> Database:
    return Database(plumbing.producing.url, pool_size=2, application="doorstep-ends")


async def test_a_transaction_that_is_cancelled_at_any_moment_leaves_none_open(database: Database) -> None:
    """A cancelled `begin` may have been obeyed: the next user of the connection would read in an old transaction."""

    async def ask() -> None:
        async with database.transaction() as tx:
            await tx.value("select 1")

    outside = await asyncpg.connect(database.url)
    await ask()
    for moment in range(200):
        task = asyncio.create_task(ask())
        await asyncio.sleep(moment * 0.00002)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await until_none(database)
        assert await outside.fetchval(_OPEN) == 0, f"cancelled after {moment * 20} µs"
    await outside.close()
    await database.close()


async def test_rows_of_a_session_and_of_plain_sql_are_kept_together_or_not_at_all(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await tx.execute(_SET, "never-plain")
            await tx.session.exec(text(_SET.replace("$1", "'never-session'")))  # type: ignore[call-overload]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.transaction() as tx:
        await tx.execute(_SET, "kept-plain")
        async with tx.savepoint() as savepoint:
            await tx.execute(_SET, "undone")
            await savepoint.rollback()
        await tx.session.exec(text(_SET.replace("$1", "'kept-session'")))  # type: ignore[call-overload]
    async with database.transaction() as tx:
        kinds = ("never-plain", "never-session", "undone", "kept-plain", "kept-session")
        assert [await tx.value(_SEEN, kind) for kind in kinds] == [0, 0, 0, 1, 1]
        await tx.execute("delete from pause_switch where kind like 'kept-%'")
    await database.close()


async def test_connections_that_the_server_ended_meanwhile_are_replaced_unnoticed(
    database: Database, plumbing: Plumbing
) -> None:
    async with database.transaction() as first, database.transaction() as second:
        ended = [await one.value("select pg_backend_pid()") for one in (first, second)]
    killer = await asyncpg.connect(plumbing.producing.url)
    for pid in ended:
        assert await killer.fetchval("select pg_terminate_backend($1, 30000)", pid)  # waits until it is gone
    await killer.close()
    async with database.transaction() as first, database.transaction() as second:
        now = [await one.value("select pg_backend_pid()") for one in (first, second)]
    assert not set(now) & set(ended)
    await database.close()


async def test_a_transaction_in_which_an_error_was_swallowed_is_not_said_to_be_kept(database: Database) -> None:
    """PostgreSQL rolls it back at the error, and answers its commit without another."""

    async def swallow() -> None:
        async with database.transaction() as tx:
            with contextlib.suppress(asyncpg.DivisionByZeroError):
                await tx.value("select 1 / 0")

    with pytest.raises(RuntimeError, match="nothing of it is kept"):
        await swallow()
    await database.close()
