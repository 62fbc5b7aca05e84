"""The embedded broker dies with events nobody has read: they are published again and read once."""

import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest_asyncio

from deploy.local import names
from deploy.local.commands import Options
from deploy.local.driver import Round
from deploy.local.ports import free
from deploy.local.stack import LocalStack
from deploy.local.supervisor import watched
from shared.db import Database
from shared.events.shipping import LabelVoidRequested
from shared.ids import new_id
from tests.waiting import wait_until

_EVENTS = 60


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[LocalStack]:
    """A stack of its own with a service that publishes and one that reads."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-test-"))
    options = Options(services=("shipping", "care"), simulator=False, throwaway=True)
    stack = await LocalStack.start(home, chosen_ports=free(), options=options)
    yield stack
    await stack.stop()
    shutil.rmtree(home)


async def _publish(stack: LocalStack, count: int) -> None:
    database = Database(stack.dsn("shipping"))
    async with database.transaction() as tx:
        for _ in range(count):
            tx.publish(
                LabelVoidRequested(
                    order_id=new_id(), shipment_id=new_id(), parcel_id=new_id(), tracking_number="T1", reason="test"
                )
            )
    await database.close()


async def _count(stack: LocalStack, service: str, query: str) -> int:
    connection = await asyncpg.connect(stack.dsn(service, "readonly"))
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


def _read_by_care(asked: Round) -> int:
    report = asked.reports["care-worker"]
    return report.consumed["shipping"] if report is not None else 0


async def test_what_nobody_had_read_when_the_broker_died_is_read_once(pair: LocalStack) -> None:
    async with watched(pair):
        await _publish(pair, _EVENTS)

        async def first_are_read() -> bool:
            return _read_by_care(await pair.ask_workers()) == _EVENTS

        await wait_until(first_are_read, what="care reads what was published")
        pair.kill("care-worker", signal.SIGSTOP)
        await _publish(pair, _EVENTS)

        async def second_left_the_outbox() -> bool:
            return await _count(pair, "shipping", "SELECT count(*) FROM event_log") == 2 * _EVENTS

        await wait_until(second_left_the_outbox, what="the broker has all events")
        pids = {name: pair.processes[name].pid for name in (*pair.apis, *pair.workers)}
        pair.kill(names.BROKER)

        async def all_are_read() -> bool:
            return _read_by_care(await pair.ask_workers()) == 2 * _EVENTS

        await wait_until(all_are_read, deadline=120, what="care reads what the broker forgot")
        now = {name: pair.processes[name].pid for name in pids}
        assert {name for name in pids if pids[name] != now[name]} == set(pair.workers), "APIs go on"
        assert not (await pair.ask_workers()).unread()
        # Nobody placed these orders, so care keeps each fact once, waiting for its order.
        assert await _count(pair, "care", "SELECT count(*) FROM parked") == 2 * _EVENTS
        assert await _count(pair, "care", "SELECT count(*) FROM dead_letter") == 0
