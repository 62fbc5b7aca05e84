"""Topics: made, checked and measured by aiokafka's admin client, for commands and tests; services need none of it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from shared.kafka import (
    PARTITIONS,
    START_SECONDS,
    STOP_SECONDS,
    BrokerAwayError,
    TopicRefusedError,
    security_of,
    within,
)
from shared.settings import PlatformSettings

_DESCRIBE_TRIES = 40
_DESCRIBE_PAUSE_SECONDS = 0.25


@retry(retry=retry_if_exception_type(BrokerAwayError), stop=stop_after_attempt(3), wait=wait_fixed(1), reraise=True)
async def create_topics(
    settings: PlatformSettings, topics: Sequence[str], *, replication: int = 1, retention_hours: int = 24 * 14
) -> None:
    """Create the topics that do not exist yet, 12 partitions each; raises BrokerAwayError, TopicRefusedError.

    It asks three times: a broker that has just started may take a connection and not be ready to answer on it.
    """
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap, request_timeout_ms=10_000, **security_of(settings)
    )
    await within(START_SECONDS, admin.start(), "connect to the broker")
    try:
        existing = set(await within(START_SECONDS, admin.list_topics(), "list topics"))
        # A broker whose own choice is to compress would do it in a way that the services may not have the code to read.
        configs = {"retention.ms": str(retention_hours * 3_600_000), "compression.type": "producer"}
        for topic in topics:
            if topic not in existing:
                new = NewTopic(topic, PARTITIONS, replication, topic_configs=configs)
                _accept(topic, await within(START_SECONDS, admin.create_topics([new]), f"create topic {topic}"))
        await _check_partitions(admin, topics)
    finally:
        await asyncio.wait_for(admin.close(), STOP_SECONDS)


def _accept(topic: str, answer: Any) -> None:  # noqa: ANN401 - no types
    """Raise what the answer says of the topic: aiokafka hands errors over like results."""
    for _, code, *message in answer.topic_errors:
        if code not in {NoError.errno, TopicAlreadyExistsError.errno}:
            raise TopicRefusedError(f"{topic} was not created: {for_code(code).__name__} {' '.join(map(str, message))}")


async def _check_partitions(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> None:
    """Raise TopicRefusedError unless each topic has 12 partitions: keys would go elsewhere for some of us."""
    for attempt in range(1, _DESCRIBE_TRIES + 1):
        described = await within(START_SECONDS, admin.describe_topics(list(topics)), "describe topics")
        counts = {str(topic["topic"]): len(topic["partitions"]) for topic in described}
        # A topic made a moment ago may not be known everywhere yet, and then has none.
        if all(counts.values()) or attempt == _DESCRIBE_TRIES:
            break
        await asyncio.sleep(_DESCRIBE_PAUSE_SECONDS)
    for name, count in counts.items():
        if count != PARTITIONS:
            raise TopicRefusedError(f"{name} has {count} partitions, not {PARTITIONS}: keys would move")


async def end_offsets(settings: PlatformSettings, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Read where each (topic, partition) ends; raises BrokerAwayError."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap, request_timeout_ms=10_000, **security_of(settings)
    )
    await within(START_SECONDS, consumer.start(), "connect to the broker")
    try:
        partitions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        ends = await within(START_SECONDS, consumer.end_offsets(partitions), "read end offsets")
        return {(partition.topic, partition.partition): offset for partition, offset in ends.items()}
    finally:
        await asyncio.wait_for(consumer.stop(), STOP_SECONDS)


async def committed_offsets(
    settings: PlatformSettings, group: str, topics: Sequence[str]
) -> dict[tuple[str, int], int]:
    """Read what `group` has committed for each (topic, partition) of `topics`; raises BrokerAwayError."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap, request_timeout_ms=10_000, **security_of(settings)
    )
    await within(START_SECONDS, admin.start(), "connect to the broker")
    try:
        # Named one by one: the embedded broker answers a request for "all" with what aiokafka cannot read.
        partitions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        reading = admin.list_consumer_group_offsets(group, partitions=partitions)
        offsets = await within(START_SECONDS, reading, "read committed offsets")
        return {
            (partition.topic, partition.partition): meta.offset
            for partition, meta in offsets.items()
            if meta.offset >= 0
        }
    finally:
        await asyncio.wait_for(admin.close(), STOP_SECONDS)
