"""What goes through the plumbing in a test: records sent as they are, and what a handler was given of them."""

import asyncio
from collections import defaultdict
from typing import NamedTuple
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared import clock
from shared.consumer import EventRouter
from shared.db import Transaction
from shared.errors import NotYetError
from shared.events.base import Received
from shared.events.orders import OrderCompleted
from shared.kafka import Message, Producer
from tests.shared.conftest import Plumbing
from tests.waiting import wait_until

_LARGEST = 8 * 1024 * 1024


class Seen:
    """What a handler was given, by order."""

    def __init__(self) -> None:
        self.by_order: dict[UUID, list[str]] = defaultdict(list)
        self.handled_at: dict[UUID, float] = {}
        self.router = EventRouter()
        self.router.on(OrderCompleted)(self.handle)
        self.waits: set[UUID] = set()
        self.fails: set[UUID] = set()
        self.competes: set[UUID] = set()

    async def handle(self, _tx: Transaction, events: list[Received[OrderCompleted]]) -> None:
        waiting = {event.key for event in events if event.event.order_id in self.waits}
        if waiting:
            raise NotYetError(frozenset(waiting), "its order is not here")
        for event in events:
            if event.event.order_id in self.competes:
                raise asyncpg.LockNotAvailableError("somebody else has it")
            if event.event.order_id in self.fails:
                raise ValueError("this order cannot be handled")
        for event in events:
            self.by_order[event.event.order_id].append(event.event.outcome)
            self.handled_at[event.event.order_id] = clock.monotonic()

    def has(self, order_id: UUID, *outcomes: str) -> bool:
        return self.by_order[order_id] == list(outcomes)


async def send(plumbing: Plumbing, *messages: Message) -> None:
    producer = Producer(plumbing.settings, "test")
    await producer.start()
    await producer.send(messages)
    await producer.close()


async def record_at(plumbing: Plumbing, topic: str, partition: int, offset: int) -> bytes:
    """Read the value of one record of the broker."""
    reader = AIOKafkaConsumer(bootstrap_servers=plumbing.settings.kafka_bootstrap, enable_auto_commit=False)
    await reader.start()
    try:
        place = TopicPartition(topic, partition)
        reader.assign([place])
        reader.seek(place, offset)
        record = await asyncio.wait_for(reader.getone(place), 10)
    finally:
        await reader.stop()
    value: bytes = record.value
    return value


async def until(condition: bool | object, what: str) -> None:
    """Wait until the callable is true."""

    async def ask() -> bool:
        return bool(condition()) if callable(condition) else bool(condition)

    await wait_until(ask, what=what)


class Raw(NamedTuple):
    """A record as a stranger may send it; our own producer would refuse some of them."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


async def send_raw(plumbing: Plumbing, *records: Raw) -> None:
    """Send records to the topic of orders in this order."""
    await send_raw_to(plumbing.settings.kafka_bootstrap, "doorstep.orders", *records)


async def send_raw_to(bootstrap: str, topic: str, *records: Raw) -> None:
    """Send records to a topic in this order; compressed, a large one passes the broker's limit."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        compression_type="gzip",
        max_request_size=_LARGEST,
        max_batch_size=_LARGEST,
    )
    await producer.start()
    for record in records:
        await producer.send_and_wait(topic, record.value, record.key, headers=list(record.headers))
    await producer.stop()


async def dead_letters(plumbing: Plumbing, consumer: str) -> list[asyncpg.Record]:
    """List what a consumer has buried, in the order it came."""
    async with plumbing.consuming.transaction() as tx:
        return await tx.fetch("select * from dead_letter where consumer = $1 order by id", consumer)


async def parked(plumbing: Plumbing, consumer: str) -> list[asyncpg.Record]:
    """List what waits or is dead at a consumer."""
    async with plumbing.consuming.transaction() as tx:
        return await tx.fetch("select * from parked where consumer = $1 order by parked_at, sequence", consumer)
