"""A database and a broker without any service: the plumbing alone, between two made-up services."""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest_asyncio

from deploy.local.commands import Options
from deploy.local.stack import LocalStack
from services.care.app import service as care
from services.orders.app import service as orders
from shared import clock, migrate
from shared.consumer import Applier, Consumer, EventRouter
from shared.db import Database
from shared.events.base import Event
from shared.events.orders import OrderCompleted
from shared.ids import new_id
from shared.kafka import Message, Producer
from shared.parking import Retrier
from shared.relay import Relay
from shared.settings import PlatformSettings
from tests.broker import BROKER


@dataclass
class Plumbing:
    """Two databases with the plumbing tables, one producing, one consuming, and a broker between them."""

    settings: PlatformSettings
    producing: Database
    consuming: Database
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @asynccontextmanager
    async def running(self, *parts: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Run parts beside the block, then cancel them."""
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            yield
        finally:
            died: list[Exception] = [
                error
                for task in tasks
                if task.done() and (error := task.exception()) is not None and isinstance(error, Exception)
            ]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if died:
                raise ExceptionGroup("a part died beside the test", died)

    def relay(self) -> Relay:
        return Relay(self.producing.url, "orders", lambda: Producer(self.settings, "test"), on_notice=lambda: None)

    def consumer(self, name: str, router: EventRouter) -> "Reader":
        return Reader(self, name, router)

    async def publish(self, *facts: OrderCompleted) -> None:
        async with self.producing.transaction() as tx:
            for fact in facts:
                tx.publish(fact)


class Reader:
    """A consumer and its retrier, as a worker runs them."""

    def __init__(self, plumbing: Plumbing, name: str, router: EventRouter) -> None:
        self.applier = Applier(name, router, plumbing.consuming)
        self.consumer = Consumer(self.applier, ["orders"], plumbing.settings, f"{name}-{new_id()}")
        self.retrier = Retrier(self.applier, plumbing.consuming, self.consumer.owned_partitions)
        self.consumer.after_wave = self.retrier.retry

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.consumer.run())
            group.create_task(self.retrier.run())


@pytest_asyncio.fixture(scope="package")
async def bare_stack() -> AsyncIterator[LocalStack]:
    """PostgreSQL and a broker only."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-plumbing-"))
    stack = await LocalStack.start(home, options=Options(services=(), simulator=False, throwaway=True, broker=BROKER))
    yield stack
    await stack.stop()
    shutil.rmtree(home)


@pytest_asyncio.fixture
async def empty(bare_stack: LocalStack) -> AsyncIterator[str]:
    """An empty database."""
    name = f"empty_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(bare_stack.site.admin_dsn)
    await admin.execute(f"create database {name}")
    yield f"{bare_stack.site.admin_dsn.rsplit('/', 1)[0]}/{name}"
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@pytest_asyncio.fixture(scope="package")
async def plumbing(bare_stack: LocalStack) -> AsyncIterator[Plumbing]:
    """The two databases of the bare stack, made by the migrations as a deployment would."""
    for service in (orders, care):
        await asyncio.to_thread(migrate.upgrade, service.migrations, bare_stack.dsn(service.name, "owner"))
    settings = PlatformSettings(
        environment="local",
        kafka_session_seconds=2,
        kafka_bootstrap=bare_stack.bootstrap,
        kafka_idempotent=BROKER == "kafka",
        token_public_keys="",
    )
    both = Plumbing(settings, Database(bare_stack.dsn("orders")), Database(bare_stack.dsn("care")))
    yield both
    await both.producing.close()
    await both.consuming.close()


def completed(order_id: UUID | None = None, outcome: str = "delivered") -> OrderCompleted:
    """Make a fact of a fresh order, or of the one given."""
    return OrderCompleted(order_id=order_id or new_id(), outcome=outcome)


def message(fact: Event, sequence: int, *, event_id: UUID | None = None, epoch: int = 1) -> Message:
    """Make the record a producer would send, with a sequence of our choice."""
    headers = {
        "ce_id": str(event_id or new_id()),
        "ce_type": fact.event_type,
        "ce_source": "orders",
        "ce_subject": fact.key,
        "ce_time": clock.real().isoformat(),
        "ce_epoch": str(epoch),
        "ce_sequence": str(sequence),
    }
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    return Message("doorstep.orders", fact.key.encode(), fact.model_dump_json().encode(), encoded)
