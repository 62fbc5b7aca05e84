"""What a transaction writes goes to the database together, and what it only reads needs none."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared import writes
from shared.db import Database, Transaction
from shared.events.orders import OrderCompleted
from shared.ids import new_id
from tests.shared.conftest import Plumbing

_SET = "insert into pause_switch (kind, scope, reason, actor, paused_at) values ($1, '*', $2, 'nobody', now())"
_CHANGE = "update pause_switch set reason = $2 where kind = $1"
_REMEMBER = "insert into inbox (slot, consumer, event_id) select $1, $2, unnest($3::uuid[])"
_REASON = "select reason from pause_switch where kind = $1"
_REMEMBERED = "select count(*) from inbox where consumer = $1"
_OPEN = """
select count(*) from pg_stat_activity
where application_name = 'doorstep-writes' and state like 'idle in transaction%'
"""


@pytest.fixture
async def database(plumbing: Plumbing) -> AsyncIterator[Database]:
    database = Database(plumbing.producing.url, pool_size=2, application="doorstep-writes")
    yield database
    await database.close()


@pytest.fixture
async def outside(database: Database) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


async def test_what_is_queued_is_there_for_the_next_question(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.write(_SET, "queued", "a test")
        assert await tx.value(_REASON, "queued") == "a test"


async def test_the_second_change_of_a_table_sees_the_first(
    database: Database, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with database.transaction() as tx:
        await tx.write(_SET, "twice", "first")
        await tx.write(_CHANGE, "twice", "second")
    assert await outside.fetchval(_REASON, "twice") == "second"


@pytest.mark.parametrize("late", [False, True])
async def test_writes_of_several_tables_and_events_are_kept_together(
    database: Database, outside: "asyncpg.Connection[asyncpg.Record]", *, late: bool
) -> None:
    kind, order_id = f"together-{late}", new_id()
    async with database.transaction("test", late=late) as tx:
        await tx.write(_SET, kind, "a test")
        await tx.write(_REMEMBER, 1, kind, [new_id(), new_id()])
        tx.publish(OrderCompleted(order_id=order_id, outcome="delivered"))
    assert await outside.fetchval(_REASON, kind) == "a test"
    assert await outside.fetchval(_REMEMBERED, kind) == 2
    assert await outside.fetchval("select sequence from stream where key = $1", str(order_id)) == 1


@pytest.mark.parametrize("late", [False, True])
async def test_of_writes_that_go_together_none_is_kept_where_one_is_refused(
    database: Database, outside: "asyncpg.Connection[asyncpg.Record]", *, late: bool
) -> None:
    kind, event_id, order_id = f"refused-{late}", new_id(), new_id()

    async def write_twice() -> None:
        async with database.transaction("test", late=late) as tx:
            await tx.write(_SET, kind, "a test")
            await tx.write(_REMEMBER, 1, kind, [event_id, event_id])
            tx.publish(OrderCompleted(order_id=order_id, outcome="delivered"))

    with pytest.raises(asyncpg.UniqueViolationError):
        await write_twice()
    assert await outside.fetchval(_REASON, kind) is None
    assert await outside.fetchval(_REMEMBERED, kind) == 0
    assert await outside.fetchval("select count(*) from stream where key = $1", str(order_id)) == 0


async def test_a_late_transaction_begins_with_its_first_lock_or_change(
    database: Database, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with database.transaction(late=True) as tx:
        await tx.value(_REASON, "nothing")
        assert await outside.fetchval(_OPEN) == 0
        await tx.fetch("select kind from pause_switch for update")
        assert await outside.fetchval(_OPEN) == 1
    assert await outside.fetchval(_OPEN) == 0


async def test_what_a_late_transaction_changed_is_undone_when_it_fails(
    database: Database, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async def fail() -> None:
        async with database.transaction(late=True) as tx:
            await tx.execute(_SET, "undone", "a test")
            await tx.write(_REMEMBER, 1, "undone", [new_id()])
            await tx.value(_REASON, "undone")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await outside.fetchval(_REASON, "undone") is None
    assert await outside.fetchval(_REMEMBERED, "undone") == 0


async def test_a_savepoint_undoes_what_was_queued_within_it_and_nothing_before(
    database: Database, outside: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async def fail(tx: Transaction) -> None:
        async with tx.savepoint():
            await tx.write(_SET, "failing", "a test")
            raise ZeroDivisionError

    async with database.transaction() as tx:
        await tx.write(_SET, "before", "a test")
        async with tx.savepoint() as savepoint:
            await tx.write(_SET, "within", "a test")
            await savepoint.rollback()
        with pytest.raises(ZeroDivisionError):
            await fail(tx)
    assert await outside.fetchval(_REASON, "before") == "a test"
    assert await outside.fetchval(_REASON, "within") is None
    assert await outside.fetchval(_REASON, "failing") is None


def test_the_values_of_each_statement_keep_their_places() -> None:
    eleven = "insert into b values (" + ", ".join(f"${place}" for place in range(1, 12)) + ")"
    pending = {"a": ("update a set x = $2 where y = $1", (1, 2)), "b": (eleven, tuple(range(11)))}
    moved = ", ".join(f"${place}" for place in range(3, 14))
    assert writes.statement_of(pending) == (
        f"with w0 as (update a set x = $2 where y = $1) insert into b values ({moved})"
    )
    assert writes.values_of(pending) == [1, 2, *range(11)]


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("select updated_at from orders where id = $1", True),
        ("\nwith recent as (select 1) select * from recent", True),
        ("select id from orders for no key update", False),
        ("select id from orders for share", False),
        ("with gone as (delete from outbox returning id) select * from gone", False),
        ("select pg_try_advisory_xact_lock(1)", False),
        ("select pg_notify('work', '')", False),
        ("insert into stream values (1) returning key", False),
        ("truncate outbox", False),
    ],
)
def test_what_changes_or_locks_is_told_from_what_only_reads(sql: str, *, reads: bool) -> None:
    assert writes.only_reads(sql) is reads


def test_a_statement_that_changes_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="changes no table"):
        writes.table_of("select 1")
