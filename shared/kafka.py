"""The only place that knows aiokafka: every option explicit, a deadline on every call that can hang."""

import asyncio
import heapq
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError, NoError, TopicAlreadyExistsError, for_code
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from shared.settings import PlatformSettings

log = structlog.get_logger()

PARTITIONS = 12
_STOP_SECONDS = 5
_SEND_SECONDS = 20
_COMMIT_SECONDS = 5
_START_SECONDS = 20
_DESCRIBE_TRIES = 40
_DESCRIBE_PAUSE_SECONDS = 0.25


class BrokerAwayError(ConnectionError):
    """The broker did not answer in time or refused; the same call may succeed later."""


class TopicRefusedError(RuntimeError):
    """A topic could not be made as asked, or is there with another number of partitions."""


class TopicShrunkError(RuntimeError):
    """A topic ends before the position this group has reached: the broker has lost records."""


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record, as it came."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One record to send."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def security_of(settings: PlatformSettings) -> dict[str, Any]:
    """Give the client's options for TLS and SASL, as the settings say."""
    if settings.kafka_security_protocol == "PLAINTEXT":
        return {"security_protocol": "PLAINTEXT"}
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ca_file)
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options


class Address(NamedTuple):
    """Where a record lies in its topic."""

    partition: int
    offset: int


class Producer:
    """Sends batches in order with acks from all replicas; thrown away after any error, never repaired."""

    def __init__(self, settings: PlatformSettings, client_id: str) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap,
            client_id=client_id,
            acks="all",
            enable_idempotence=settings.kafka_idempotent,
            linger_ms=0,
            max_batch_size=256 * 1024,
            request_timeout_ms=10_000,
            retry_backoff_ms=100,
            metadata_max_age_ms=60_000,
            **security_of(settings),
        )

        self._enqueue = asyncio.Lock()  # fair: a second batch is handed over only after the whole first one

    async def start(self) -> None:
        """Connect; raises BrokerAwayError."""
        await _within(_START_SECONDS, self._producer.start(), "connect a producer")

    async def send(self, messages: Sequence[Message]) -> list[Address]:
        """Send in order and wait until every one is acknowledged; gives where each lies; raises BrokerAwayError."""
        addresses: list[Address] = await _within(_SEND_SECONDS, self._send(messages), f"send {len(messages)} events")
        return addresses

    async def _send(self, messages: Sequence[Message]) -> list[Address]:
        async with self._enqueue:
            acknowledgements = [
                await self._producer.send(message.topic, message.value, message.key, headers=list(message.headers))
                for message in messages
            ]
        return [Address(one.partition, one.offset) for one in await asyncio.gather(*acknowledgements)]

    async def close(self) -> None:
        """Stop; `stop()` hangs while the broker is down, so after a deadline its tasks are ended."""
        try:
            await asyncio.wait_for(self._producer.stop(), _STOP_SECONDS)
        except (TimeoutError, KafkaError, OSError) as error:
            # A task that `stop()` left behind waits for the batches, which nobody sends any more.
            self._producer._message_accumulator.fail_all(BrokerAwayError(f"thrown away: {error}"))  # noqa: SLF001
            await _abort([getattr(self._producer._sender, "sender_task", None)], self._producer.client)  # noqa: SLF001


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Errors in these callbacks are only logged by aiokafka, so they are handed to the consumer's loop."""

    def __init__(
        self,
        revoked: Callable[[], Awaitable[None]],
        assigned: Callable[[], Awaitable[None]],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._revoked = revoked
        self._assigned = assigned
        self._fail = fail

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._guard(self._revoked, revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._guard(self._assigned, assigned)

    async def _guard(self, act: Callable[[], Awaitable[None]], partitions: set[TopicPartition]) -> None:
        if not partitions:
            return
        try:
            await act()
        except Exception as error:  # noqa: BLE001 - aiokafka would swallow it
            self._fail(error)


class GroupConsumer:
    """A member of a consumer group over the topics of several services; offsets are committed by hand."""

    def __init__(
        self,
        settings: PlatformSettings,
        *,
        group: str,
        topics: Sequence[str],
        instance: str,
        on_revoked: Callable[[], Awaitable[None]],
    ) -> None:
        self._topics = tuple(sorted(topics))
        self._failure: BaseException | None = None
        self._on_revoked = on_revoked
        # A broker without idempotent producers (the embedded one) keeps nothing and counts its end offsets in
        # batches; after its death the supervisor replays, so there is nothing to check.
        self._ends_are_exact = settings.kafka_idempotent
        self._checked = False
        self._applied: dict[TopicPartition, int] = {}
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap,
            client_id=instance,
            group_id=group,
            # The embedded broker keeps a static member waiting for six seconds at every start.
            group_instance_id=instance if settings.kafka_idempotent else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=int(settings.kafka_session_seconds * 1000),
            heartbeat_interval_ms=500,
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=86_400_000,  # the stall watchdog judges, not the poll interval
            max_partition_fetch_bytes=4 * 1024 * 1024,
            # The embedded broker does not always wake a waiting fetch when something arrives.
            fetch_max_wait_ms=500 if settings.kafka_idempotent else 200,
            request_timeout_ms=10_000,
            retry_backoff_ms=100,
            metadata_max_age_ms=60_000,
            **security_of(settings),
        )

    async def start(self) -> None:
        """Join the group; raises BrokerAwayError."""
        self._consumer.subscribe(
            topics=list(self._topics), listener=_Rebalance(self._on_revoked, self._when_assigned, self._fail)
        )
        await _within(_START_SECONDS, self._consumer.start(), "join the consumer group")

    def _fail(self, error: BaseException) -> None:
        self._failure = error

    async def _when_assigned(self) -> None:
        self._checked = False

    async def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give the next records in the order in which they were sent, each partition's in its own.

        So a cause comes before its effect of another topic. Raises BrokerAwayError, TopicShrunkError.
        """
        if self._failure is not None:
            raise self._failure
        assigned = self._consumer.assignment()
        if not assigned:  # to `getmany` no partitions mean all that it has ever fetched
            await asyncio.sleep(timeout_seconds)
            return []
        if self._ends_are_exact and not self._checked:
            await self._refuse_shrunk_topics()
            self._checked = True
        try:
            batches = await self._consumer.getmany(
                *assigned, timeout_ms=int(timeout_seconds * 1000), max_records=max_records
            )
        except KafkaError as error:
            raise BrokerAwayError(str(error)) from error
        return [
            Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, _headers(raw.headers))
            for raw in heapq.merge(*batches.values(), key=lambda raw: raw.timestamp)
        ]

    async def _refuse_shrunk_topics(self) -> None:
        partitions = list(self._consumer.assignment())
        committed = [await _within(_COMMIT_SECONDS, self._consumer.committed(p), "read offsets") for p in partitions]
        # The ends come last: who had a partition before may go on committing, and ends only grow.
        ends = await _within(_COMMIT_SECONDS, self._consumer.end_offsets(partitions), "read end offsets")
        for partition, position in zip(partitions, committed, strict=True):
            if position is not None and position > ends[partition]:
                raise TopicShrunkError(
                    f"{partition.topic}[{partition.partition}] ends at {ends[partition]}, before this group's "
                    f"position {position}: the broker has lost records; replay them before resuming"
                )

    def mark_applied(self, records: Iterable[Record]) -> None:
        """Note that these records need never be read again; the next `commit` tells the broker."""
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            self._applied[partition] = max(self._applied.get(partition, 0), record.offset + 1)

    async def commit(self) -> None:
        """Commit the offsets after what was applied, with a deadline, since aiokafka's `commit()` retries for ever."""
        owned = self._consumer.assignment()
        offsets = {partition: offset for partition, offset in self._applied.items() if partition in owned}
        self._applied = {}
        if offsets:
            await _within(_COMMIT_SECONDS, self._consumer.commit(offsets), "commit offsets")

    def owned_partitions(self) -> list[int]:
        """Give the partition numbers this member holds (the same of every topic, by the range assignor)."""
        return sorted({partition.partition for partition in self._consumer.assignment()})

    async def lag(self) -> int:
        """Count the records not yet polled, 0 where the broker cannot tell; raises BrokerAwayError."""
        partitions = list(self._consumer.assignment())
        if not partitions or not self._ends_are_exact:
            return 0
        ends = await _within(_COMMIT_SECONDS, self._consumer.end_offsets(partitions), "read end offsets")
        positions = [
            await _within(_COMMIT_SECONDS, self._consumer.position(partition), "read a position")
            for partition in partitions
        ]
        return int(sum(ends.values()) - sum(positions))

    async def close(self) -> None:
        """Leave; `stop()` hangs while the broker is down, so after a deadline its tasks are cancelled."""
        try:
            await asyncio.wait_for(self._consumer.stop(), _STOP_SECONDS)
        except (TimeoutError, KafkaError, OSError):
            coordinator, fetcher = self._consumer._coordinator, self._consumer._fetcher  # noqa: SLF001
            tasks = [
                getattr(coordinator, name, None)
                for name in ("_coordination_task", "_heartbeat_task", "_commit_refresh_task")
            ]
            await _abort([*tasks, getattr(fetcher, "_fetch_task", None)], self._consumer._client)  # noqa: SLF001


def _headers(raw: Iterable[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes], ...]:
    """A header may have no value; nobody of ours sends one, and then it is as good as empty."""
    return tuple((name, value or b"") for name, value in raw)


async def _within(seconds: float, work: Awaitable[Any], what: str) -> Any:  # noqa: ANN401 - aiokafka has no types
    try:
        # `wait_for` would forget a cancellation that comes in the moment the call ends.
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise BrokerAwayError(f"could not {what} within {seconds:g} s") from error
    except (KafkaError, IllegalStateError) as error:
        raise BrokerAwayError(f"could not {what}: {type(error).__name__}: {error}") from error


async def _abort(tasks: Iterable[asyncio.Task[None] | None], client: Any) -> None:  # noqa: ANN401 - no types
    live = [task for task in tasks if task is not None]
    for task in live:
        task.cancel()
    await asyncio.gather(*live, return_exceptions=True)
    try:
        await asyncio.wait_for(client.close(), _STOP_SECONDS)
    except (TimeoutError, KafkaError, OSError) as error:
        log.warning("kafka client would not close", error=error)


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
    await _within(_START_SECONDS, admin.start(), "connect to the broker")
    try:
        existing = set(await _within(_START_SECONDS, admin.list_topics(), "list topics"))
        configs = {"retention.ms": str(retention_hours * 3_600_000)}
        for topic in topics:
            if topic not in existing:
                new = NewTopic(topic, PARTITIONS, replication, topic_configs=configs)
                _accept(topic, await _within(_START_SECONDS, admin.create_topics([new]), f"create topic {topic}"))
        await _check_partitions(admin, topics)
    finally:
        await asyncio.wait_for(admin.close(), _STOP_SECONDS)


def _accept(topic: str, answer: Any) -> None:  # noqa: ANN401 - no types
    """Raise what the answer says of the topic: aiokafka hands errors over like results."""
    for _, code, *message in answer.topic_errors:
        if code not in {NoError.errno, TopicAlreadyExistsError.errno}:
            raise TopicRefusedError(f"{topic} was not created: {for_code(code).__name__} {' '.join(map(str, message))}")


async def _check_partitions(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> None:
    """Raise TopicRefusedError unless each topic has 12 partitions: keys would go elsewhere for some of us."""
    for attempt in range(1, _DESCRIBE_TRIES + 1):
        described = await _within(_START_SECONDS, admin.describe_topics(list(topics)), "describe topics")
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
    await _within(_START_SECONDS, consumer.start(), "connect to the broker")
    try:
        partitions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        ends = await _within(_START_SECONDS, consumer.end_offsets(partitions), "read end offsets")
        return {(partition.topic, partition.partition): offset for partition, offset in ends.items()}
    finally:
        await asyncio.wait_for(consumer.stop(), _STOP_SECONDS)


async def committed_offsets(
    settings: PlatformSettings, group: str, topics: Sequence[str]
) -> dict[tuple[str, int], int]:
    """Read what `group` has committed for each (topic, partition) of `topics`; raises BrokerAwayError."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap, request_timeout_ms=10_000, **security_of(settings)
    )
    await _within(_START_SECONDS, admin.start(), "connect to the broker")
    try:
        # Named one by one: the embedded broker answers a request for "all" with what aiokafka cannot read.
        partitions = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        reading = admin.list_consumer_group_offsets(group, partitions=partitions)
        offsets = await _within(_START_SECONDS, reading, "read committed offsets")
        return {
            (partition.topic, partition.partition): meta.offset
            for partition, meta in offsets.items()
            if meta.offset >= 0
        }
    finally:
        await asyncio.wait_for(admin.close(), _STOP_SECONDS)
