"""Somebody's transaction stays open beside the relay, and no dead row of the outbox can be cleaned away."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local import topics
from deploy.local.commands import Options
from deploy.local.stack import LocalStack
from services.care.app import service as care
from services.orders.app import service as orders
from shared import clock, db, migrate
from shared.db import Database
from shared.events.orders import OrderCompleted
from shared.ids import new_id
from shared.kafka import Producer
from shared.process import Service
from shared.relay import Relay
from tests.broker import BROKER
from tests.faults.ledger import Outcome
from tests.faults.lengths import Lengths

KEEPS = 0.8
# So many are judged, no more and no fewer: single ones differ by a half on a shared machine, which evens out.
CELLS = 20
_PATIENCE_SECONDS = 60.0
_LOGGED = "select count(*) from event_log"
_WAITING = "select count(*) from outbox"
# A later event of a key that lies before an earlier one of it in the topic.
_OUT_OF_ORDER = """
select count(*) from (
  select "offset", lag("offset") over (partition by key order by sequence) as before from event_log
) e where before > "offset"
"""


@dataclass
class Line:
    """A relay at work in this process, its database and its topic."""

    database: Database
    relay: Relay
    published: int = 0

    async def seconds(self, events: int) -> float:
        """Publish so many events at once and give how long the relay takes to send them."""
        keys = [new_id() for _ in range(events // 2)]
        async with self.database.transaction() as tx:
            for outcome in ("first", "second"):
                for key in keys:
                    tx.publish(OrderCompleted(order_id=key, outcome=outcome))
        self.published += 2 * len(keys)
        began, wanted = clock.monotonic(), self.relay.sent + 2 * len(keys)
        self.relay.wake()
        while self.relay.sent < wanted:
            assert clock.monotonic() < began + _PATIENCE_SECONDS, f"{wanted - self.relay.sent} events are not sent"
            await asyncio.sleep(0.002)
        return clock.monotonic() - began

    async def count(self, sql: str) -> int:
        async with self.database.transaction() as tx:
            return int(await tx.value(sql))


@pytest_asyncio.fixture
async def bare() -> AsyncIterator[LocalStack]:
    """PostgreSQL and a broker, without any service."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-open-"))
    stack = await LocalStack.start(home, options=Options(services=(), simulator=False, broker=BROKER))
    yield stack
    await stack.stop()
    shutil.rmtree(home)


@asynccontextmanager
async def relaying(stack: LocalStack, service: Service) -> AsyncIterator[Line]:
    """Let a relay of this process work on a service's database."""
    await asyncio.to_thread(migrate.upgrade, service.migrations, stack.dsn(service.name, "owner"))
    settings = topics.settings_for(stack.bootstrap).model_copy(update={"kafka_idempotent": BROKER == "kafka"})
    database = Database(stack.dsn(service.name))
    relay = Relay(database.url, service.name, lambda: Producer(settings, service.name), on_notice=lambda: None)
    task = asyncio.create_task(relay.run())
    yield Line(database, relay)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.close()


@pytest.mark.timeout(1200)
async def test_a_relay_keeps_four_fifths_of_its_rate_beside_a_transaction_that_stays_open(
    bare: LocalStack, outcome: Outcome, lengths: Lengths
) -> None:
    """F21: two relays in turn, a transaction open in the database of one; what else the machine does disturbs both."""
    cells: list[tuple[float, float]] = []
    async with relaying(bare, orders) as beside, relaying(bare, care) as free, open_transaction(bare):
        began = clock.monotonic()
        # A relay that is held up gets slower and slower: it is judged when the transaction is as old as promised.
        while clock.monotonic() - began < lengths.open_seconds:
            await beside.seconds(lengths.batch_events)
            await free.seconds(lengths.batch_events)
        for _ in range(CELLS):
            alone = await free.seconds(lengths.batch_events)
            cells.append((alone, await beside.seconds(lengths.batch_events)))
        outcome.seconds = clock.monotonic() - began
        outcome.acknowledged = beside.published
        outcome.lost = max(0, beside.published - await beside.count(_LOGGED))
        outcome.stuck = await beside.count(_WAITING)
        outcome.out_of_order = await beside.count(_OUT_OF_ORDER)
    outcome.injected += f" ({kept(cells):.0%})"
    outcome.enter()
    assert kept(cells) >= KEEPS, cells


def kept(cells: Sequence[tuple[float, float]]) -> float:
    """Give the share of the rate that is kept in all cells, each the seconds alone and beside."""
    return sum(alone for alone, _ in cells) / sum(beside for _, beside in cells)


@asynccontextmanager
async def open_transaction(stack: LocalStack) -> AsyncIterator[None]:
    """Have a reader's transaction open on orders' database for as long as the block lasts."""
    reader = await db.connect(stack.dsn("orders", "readonly"), application="fault tests")
    try:
        await reader.execute("set idle_in_transaction_session_timeout = 0")
        await reader.execute("begin isolation level repeatable read")
        await reader.execute("select count(*) from outbox")
        yield
    finally:
        await reader.close()
