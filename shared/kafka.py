"""Producer and group member by aiokafka: every option explicit, a deadline on every call that can hang."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.partitioner import DefaultPartitioner

from shared.fetched import Fetched
from shared.rebalance import Rebalance
from shared.settings import PlatformSettings

log = structlog.get_logger()

PARTITIONS = 12
STOP_SECONDS = 5
_SEND_SECONDS = 20
_COMMIT_SECONDS = 5
START_SECONDS = 20
_KEYS_REMEMBERED = 2_000
_BATCH_BYTES = 128 * 1024


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


@dataclass(slots=True)
class _Lot:
    """Records that travel to a partition together, and the place of each in the sender's list."""

    topic: str
    partition: int
    batch: Any  # aiokafka's BatchBuilder
    places: list[int] = field(default_factory=list)

    def take(self, place: int, message: Message) -> bool:
        """Add a record, unless it is full: the first always fits."""
        is_taken = self.batch.append(
            timestamp=None, key=message.key, value=message.value, headers=list(message.headers)
        )
        if is_taken is not None:
            self.places.append(place)
        return is_taken is not None


@lru_cache(maxsize=_KEYS_REMEMBERED)
def partition_of(key: bytes) -> int:
    """Give the partition of a key, the one that other Kafka clients find; aiokafka goes through it byte by byte."""
    return int(DefaultPartitioner()(key, range(PARTITIONS), range(PARTITIONS)))


class Producer:
    """Sends batches in order with acks from all replicas; thrown away after any error, never repaired."""

    def __init__(self, settings: PlatformSettings, client_id: str) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap,
            client_id=client_id,
            acks="all",
            enable_idempotence=settings.kafka_idempotent,
            linger_ms=0,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=10_000,
            retry_backoff_ms=100,
            metadata_max_age_ms=60_000,
            **security_of(settings),
        )

        self._enqueue = asyncio.Lock()  # fair: a second batch is handed over only after the whole first one
        self._is_broken = False

    async def start(self) -> None:
        """Connect; raises BrokerAwayError."""
        await within(START_SECONDS, self._producer.start(), "connect a producer")

    async def send(self, messages: Sequence[Message]) -> list[Address]:
        """Send in order and wait until every one is acknowledged; gives where each lies; raises BrokerAwayError."""
        addresses: list[Address] = await within(_SEND_SECONDS, self._send(messages), f"send {len(messages)} events")
        return addresses

    async def _send(self, messages: Sequence[Message]) -> list[Address]:
        addresses: dict[int, Address] = {}
        try:
            async with self._enqueue:
                if self._is_broken:
                    raise BrokerAwayError("what was to be sent before was not")
                await self._refuse_small_topics({message.topic for message in messages})
                lots = self._pack(messages)
                sent = [await self._producer.send_batch(lot.batch, lot.topic, partition=lot.partition) for lot in lots]
            firsts = await asyncio.gather(*sent)
        except BaseException:
            self._is_broken = True
            raise
        for lot, first in zip(lots, firsts, strict=True):
            addresses |= {place: Address(lot.partition, first.offset + n) for n, place in enumerate(lot.places)}
        return [addresses[place] for place in range(len(messages))]

    def _pack(self, messages: Sequence[Message]) -> list[_Lot]:
        """Put what goes to one partition together: handed over one by one, a record costs twice as much."""
        lots: list[_Lot] = []
        filling: dict[tuple[str, int], _Lot] = {}
        for place, message in enumerate(messages):
            target = message.topic, partition_of(message.key)
            if target not in filling or not filling[target].take(place, message):
                lot = filling[target] = _Lot(*target, self._producer.create_batch())
                lot.take(place, message)
                lots.append(lot)
        return lots

    async def _refuse_small_topics(self, topics: set[str]) -> None:
        for topic in topics:
            count = len(await self._producer.partitions_for(topic))
            if count < PARTITIONS:
                raise TopicRefusedError(f"{topic} has {count} partitions, not {PARTITIONS}: keys would move")

    async def close(self) -> None:
        """Stop; `stop()` hangs while the broker is down, so after a deadline its tasks are ended.

        A broken one sends nothing more: what still waits in it would overtake what was not sent.
        """
        if self._is_broken or not await _ends(self._producer.stop(), STOP_SECONDS):
            self._producer._closed = True  # noqa: SLF001 - it warns of one that was not stopped
            # A task that `stop()` left behind waits for the batches, which nobody sends any more.
            self._producer._message_accumulator.fail_all(BrokerAwayError("thrown away"))  # noqa: SLF001
            await _abort([getattr(self._producer._sender, "sender_task", None)], self._producer.client)  # noqa: SLF001


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
        self._checked = self._is_revoked = False
        self._applied: dict[TopicPartition, int] = {}
        self._fetched = Fetched()
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
            fetch_max_bytes=16 * 1024 * 1024,
            max_partition_fetch_bytes=_BATCH_BYTES,  # little of each, and of all at once: what waits lies in memory
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
            topics=list(self._topics), listener=Rebalance(self._when_revoked, self._when_assigned, self._fail)
        )
        await within(START_SECONDS, self._consumer.start(), "join the consumer group")

    def _fail(self, error: BaseException) -> None:
        self._failure = error

    async def _when_revoked(self) -> None:
        self._is_revoked = True  # until the next assignment aiokafka still names the partitions of the last
        self._fetched.forget()
        await self._on_revoked()

    async def _when_assigned(self) -> None:
        self._checked = self._is_revoked = False
        self._fetched.forget()

    async def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give the next records in the order in which they were sent, each partition's in its own.

        So a cause comes before its effect of another topic. Raises BrokerAwayError, TopicShrunkError.
        """
        if self._failure is not None:
            raise self._failure
        if self._is_revoked or not self._consumer.assignment():
            await asyncio.sleep(timeout_seconds)
            return []
        if self._ends_are_exact and not self._checked:
            await self._check_ends()
        taken = self._fetched.take(max_records)
        if not taken:
            await self._fetch(timeout_seconds)
            taken = self._fetched.take(max_records)
        return [
            Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, _headers(raw.headers)) for raw in taken
        ]

    async def _check_ends(self) -> None:
        self._checked = True  # an assignment that comes meanwhile has its own looked at
        try:
            await self._refuse_shrunk_topics()
        except BaseException:
            self._checked = False
            raise

    async def _fetch(self, timeout_seconds: float) -> None:
        """Fetch of the partitions of which little is left; then no more until what came is taken.

        Else aiokafka fetches at once what came in this moment, and the next poll gives that and no more.
        """
        wanted = self._fetched.short_of(self._consumer.assignment())
        if not wanted:  # to `getmany` no partitions mean all that it has ever fetched
            await asyncio.sleep(timeout_seconds)
            return
        try:
            self._consumer.resume(*wanted)
            batches = await self._consumer.getmany(*wanted, timeout_ms=int(timeout_seconds * 1000))
        except IllegalStateError:  # one of them was taken away in this moment
            return
        except KafkaError as error:
            raise BrokerAwayError(str(error)) from error
        for partition, records in batches.items():
            end = self._consumer.highwater(partition) if self._ends_are_exact else 0
            self._fetched.add(partition, records, end or 0)
        if batches:
            self._consumer.pause(*self._consumer.assignment())

    async def _refuse_shrunk_topics(self) -> None:
        partitions = list(self._consumer.assignment())
        committed = [await within(_COMMIT_SECONDS, self._consumer.committed(p), "read offsets") for p in partitions]
        # The ends come last: who had a partition before may go on committing, and ends only grow.
        ends = await within(_COMMIT_SECONDS, self._consumer.end_offsets(partitions), "read end offsets")
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
            await within(_COMMIT_SECONDS, self._consumer.commit(offsets), "commit offsets")

    def owned_partitions(self) -> list[int]:
        """Give the partition numbers this member holds (the same of every topic, by the range assignor)."""
        return sorted({partition.partition for partition in self._consumer.assignment()})

    async def lag(self) -> int:
        """Count the records not yet polled, 0 where the broker cannot tell; raises BrokerAwayError."""
        partitions = list(self._consumer.assignment())
        if not partitions or not self._ends_are_exact:
            return 0
        ends = await within(_COMMIT_SECONDS, self._consumer.end_offsets(partitions), "read end offsets")
        positions = [
            await within(_COMMIT_SECONDS, self._consumer.position(partition), "read a position")
            for partition in partitions
        ]
        return int(sum(ends.values()) - sum(positions)) + len(self._fetched)

    async def close(self) -> None:
        """Leave; `stop()` hangs while the broker is down, so after a deadline its tasks are cancelled."""
        if not await _ends(self._consumer.stop(), STOP_SECONDS):
            coordinator, fetcher = self._consumer._coordinator, self._consumer._fetcher  # noqa: SLF001
            tasks = [
                getattr(coordinator, name, None)
                for name in ("_coordination_task", "_heartbeat_task", "_commit_refresh_task")
            ]
            await _abort([*tasks, getattr(fetcher, "_fetch_task", None)], self._consumer._client)  # noqa: SLF001


def _headers(raw: Iterable[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes], ...]:
    """A header may have no value; nobody of ours sends one, and then it is as good as empty."""
    return tuple((name, value or b"") for name, value in raw)


async def within(seconds: float, work: Awaitable[Any], what: str) -> Any:  # noqa: ANN401 - aiokafka has no types
    """Wait for an answer of the broker; raises BrokerAwayError when there is none in time, or a refusal."""
    try:
        # `wait_for` would forget a cancellation that comes in the moment the call ends.
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise BrokerAwayError(f"could not {what} within {seconds:g} s") from error
    except (KafkaError, IllegalStateError) as error:
        raise BrokerAwayError(f"could not {what}: {type(error).__name__}: {error}") from error


async def _ends(work: Coroutine[Any, Any, None], seconds: float) -> bool:
    """Say whether it ends well and in time; `stop()` of aiokafka may end as if its caller had been cancelled."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    return task.done() and not task.cancelled() and task.exception() is None


async def _abort(tasks: Iterable[asyncio.Task[None] | None], client: Any) -> None:  # noqa: ANN401 - no types
    live = [task for task in tasks if task is not None]
    for task in live:
        task.cancel()
    await asyncio.gather(*live, return_exceptions=True)
    try:
        await asyncio.wait_for(client.close(), STOP_SECONDS)
    except (TimeoutError, KafkaError, OSError) as error:
        log.warning("kafka client would not close", error=error)
