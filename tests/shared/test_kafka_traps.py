"""What aiokafka does to those who trust it, trap by trap: each with the defence of `shared.kafka` that answers it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local import names
from deploy.local.stack import LocalStack
from shared import clock, consumer, kafka, metrics, topics
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import OrderCompleted
from shared.ids import new_id
from shared.inbox import Envelope
from shared.kafka import BrokerAwayError, GroupConsumer, Message, Producer, Record, TopicShrunkError
from shared.relay import Relay
from tests.shared.conftest import Plumbing, Reader, completed, message
from tests.shared.traffic import Seen, send, until
from tests.waiting import wait_until

TOPIC = "doorstep.orders"
_HANGS_SECONDS = 60.0  # far beyond every deadline, so that only a call without one gets here


async def _nothing() -> None:
    pass


def _member(plumbing: Plumbing, group: str, **more: Any) -> GroupConsumer:  # noqa: ANN401 - an argument of the class
    options: dict[str, Any] = {"group": group, "topics": [TOPIC], "instance": f"m-{new_id()}", "on_revoked": _nothing}
    return GroupConsumer(plumbing.settings, **{**options, **more})


async def _poll(member: GroupConsumer) -> list[Record]:
    return await member.poll(max_records=500, timeout_seconds=0.1)


async def _first_records(member: GroupConsumer) -> list[Record]:
    return await wait_until(lambda: _poll(member), what="records arrive")


@asynccontextmanager
async def frozen_broker(stack: LocalStack, plumbing: Plumbing) -> AsyncIterator[None]:
    """Let the broker keep its connections and say nothing; afterwards wait until it serves again."""

    async def serves() -> bool:
        try:
            await topics.create_topics(plumbing.settings, [TOPIC])
        except BrokerAwayError:  # its own controller may have given it up meanwhile
            return False
        return True

    async def stands_still() -> bool:
        return _stands_still(stack.processes[names.BROKER].pid)

    stack.kill(names.BROKER, signal.SIGSTOP)
    await wait_until(stands_still, what="the broker is frozen")
    try:
        yield
    finally:
        stack.kill(names.BROKER, signal.SIGCONT)
        await wait_until(serves, what="the broker is back")


def _stands_still(pid: int) -> bool:
    """Say whether every thread has stopped: the signal takes effect a moment later, and one may still answer."""
    threads = [(thread / "stat").read_text() for thread in Path(f"/proc/{pid}/task").iterdir()]
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in threads)


async def _seconds(work: Any) -> float:  # noqa: ANN401 - any coroutine
    began = clock.monotonic()
    await asyncio.wait_for(work, _HANGS_SECONDS)
    return clock.monotonic() - began


async def test_a_send_to_a_silent_broker_ends_at_its_deadline_and_its_producer_can_be_thrown_away(
    bare_stack: LocalStack, plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`stop()` and sends, idempotent ones for ever, hang while the broker does not answer."""
    monkeypatch.setattr(kafka, "_SEND_SECONDS", 3)
    producer = Producer(plumbing.settings, "trapped")
    await producer.start()
    await producer.send([message(completed(), 1)])
    before = asyncio.all_tasks()
    async with frozen_broker(bare_stack, plumbing):
        with pytest.raises(BrokerAwayError, match="could not send 1 events within 3 s"):
            await asyncio.wait_for(producer.send([message(completed(), 1)]), _HANGS_SECONDS)
        assert await _seconds(producer.close()) < _HANGS_SECONDS
    assert producer._producer._sender.sender_task.done()  # noqa: SLF001 - nothing of it goes on
    assert asyncio.all_tasks() - before == set()


async def test_who_is_at_work_is_fetched_nothing_and_then_all_that_came_meanwhile(plumbing: Plumbing) -> None:
    """Aiokafka would fetch what comes first, and nothing behind it while that waits to be taken."""
    topic = f"doorstep.meanwhile-{new_id()}"
    await topics.create_topics(plumbing.settings, [topic])
    member = _member(plumbing, "doorstep.meanwhile", topics=[topic])
    await member.start()

    async def send_some(count: int) -> set[bytes]:
        sent = [replace(message(completed(), 1), topic=topic) for _ in range(count)]
        for one in sent:
            await send(plumbing, one)
        return {one.key for one in sent}

    first = await send_some(1)
    assert {record.key for record in await _first_records(member)} == first
    meanwhile = await send_some(12)
    assert {record.key for record in await _first_records(member)} == meanwhile
    await member.close()


async def test_a_member_leaves_and_commits_within_a_deadline_though_the_broker_is_silent(
    bare_stack: LocalStack, plumbing: Plumbing
) -> None:
    """`commit()` retries for ever and `stop()` waits for its answer."""
    member = _member(plumbing, "doorstep.silent")
    await member.start()
    await send(plumbing, message(completed(), 1))
    member.mark_applied(await _first_records(member))
    async with frozen_broker(bare_stack, plumbing):
        with pytest.raises(BrokerAwayError, match="could not commit offsets within 5 s"):
            await asyncio.wait_for(member.commit(), _HANGS_SECONDS)
        assert await _seconds(member.close()) < _HANGS_SECONDS
    rest = [member._consumer._coordinator._coordination_task, member._consumer._fetcher._fetch_task]  # noqa: SLF001
    assert all(task.done() for task in rest)


async def test_whoever_joins_while_the_broker_is_silent_is_told_at_a_deadline(
    bare_stack: LocalStack, plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "START_SECONDS", 3)
    member, producer = _member(plumbing, "doorstep.early"), Producer(plumbing.settings, "early")
    async with frozen_broker(bare_stack, plumbing):
        for part in (member, producer):
            with pytest.raises(BrokerAwayError):
                await asyncio.wait_for(part.start(), _HANGS_SECONDS)
            await asyncio.wait_for(part.close(), _HANGS_SECONDS)


@pytest.mark.kafka_only
async def test_after_a_sequence_out_of_order_the_relay_sends_with_a_new_producer(plumbing: Plumbing) -> None:
    """The same producer would get the same answer for ever; the embedded broker has no sequences."""
    seen, first = Seen(), completed()
    made: list[Producer] = []

    def new_producer() -> Producer:
        made.append(Producer(plumbing.settings, "relay"))
        return made[-1]

    reader = plumbing.consumer("sequences", seen.router)
    relay = Relay(plumbing.producing.url, "orders", new_producer, on_notice=lambda: None)
    async with plumbing.running(relay.run(), reader.run()):
        await plumbing.publish(first)
        await until(lambda: seen.has(first.order_id, "delivered"), "the relay works")
        for number in range(kafka.PARTITIONS):  # as if a batch had been lost between
            made[0]._producer._txn_manager.increment_sequence_number(TopicPartition(TOPIC, number), 3)  # noqa: SLF001
        await plumbing.publish(completed(first.order_id, "later"))
        await until(lambda: seen.has(first.order_id, "delivered", "later"), "the event arrives")
    assert len(made) > 1


async def test_an_error_in_a_rebalance_reaches_whoever_polls(plumbing: Plumbing) -> None:
    """Aiokafka logs what its callbacks raise, and goes on."""

    async def fail() -> None:
        raise RuntimeError("the batch at hand cannot be drained")

    first = _member(plumbing, "doorstep.callbacks", on_revoked=fail)
    second = _member(plumbing, "doorstep.callbacks")
    await first.start()
    await _first_partitions(first)
    joining = asyncio.create_task(second.start())
    try:
        with pytest.raises(RuntimeError, match="cannot be drained"):
            await wait_until(lambda: _poll_nothing(first), what="the error is raised")
    finally:
        await joining
        await first.close()
        await second.close()


async def _first_partitions(member: GroupConsumer) -> list[int]:
    async def owned() -> list[int]:
        await _poll(member)
        return member.owned_partitions()

    return await wait_until(owned, what="partitions are assigned")


async def _poll_nothing(member: GroupConsumer) -> bool:
    await _poll(member)
    return False


async def test_before_partitions_are_assigned_nothing_is_asked_for(plumbing: Plumbing) -> None:
    """`getmany()` without partitions means all of them."""
    member = _member(plumbing, "doorstep.unassigned")
    asked: list[tuple[TopicPartition, ...]] = []
    original = member._consumer.getmany  # noqa: SLF001

    async def noting(*partitions: TopicPartition, **options: int) -> object:
        asked.append(partitions)
        return await original(*partitions, **options)

    member._consumer.getmany = noting  # noqa: SLF001 - the library's own, listened to
    await member.start()
    owned = await _first_partitions(member)
    await _poll(member)
    await member.close()
    await _poll_closed(member)
    assert owned == list(range(kafka.PARTITIONS))
    assert asked
    assert all(len(partitions) == kafka.PARTITIONS for partitions in asked)


async def _poll_closed(member: GroupConsumer) -> None:
    member._consumer._subscription.unsubscribe()  # noqa: SLF001 - as after a revocation
    assert await _poll(member) == []


async def test_no_option_that_loses_records_is_left_to_its_default(plumbing: Plumbing) -> None:
    """The defaults are acks from one, automatic commits, and a start behind what is there."""
    member, producer = _member(plumbing, "doorstep.options"), Producer(plumbing.settings, "options")
    await member.start()
    await producer.start()
    await member.close()
    await producer.close()
    options = member._consumer  # noqa: SLF001
    assert options._enable_auto_commit is False  # noqa: SLF001
    assert options._auto_offset_reset == "earliest"  # noqa: SLF001
    assert options._max_poll_interval_ms >= 3_600_000  # noqa: SLF001
    assert producer._producer._sender._acks == -1  # noqa: SLF001 - all
    assert (producer._producer._txn_manager is not None) is plumbing.settings.kafka_idempotent  # noqa: SLF001


@pytest.mark.kafka_only
async def test_a_consumer_that_stalls_silently_is_built_again(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records wait, none arrives, nothing fails; the embedded broker cannot say how many wait."""
    monkeypatch.setattr(consumer, "_STALL_SECONDS", 2)
    seen, before, after = Seen(), completed(), completed()
    reader = plumbing.consumer("stalled", seen.router)
    rebuilt = metrics.CONSUMER_REBUILDS.labels("stalled")._value  # noqa: SLF001
    async with plumbing.running(reader.run(), reader.consumer.watch_stalls()):
        await send(plumbing, message(before, 1))
        await until(lambda: seen.has(before.order_id, "delivered"), "it reads")
        group = reader.consumer._group  # noqa: SLF001
        assert group is not None
        monkeypatch.setattr(group._consumer, "resume", lambda *_: None)  # noqa: SLF001
        group._consumer.pause(*group._consumer.assignment())  # noqa: SLF001
        await send(plumbing, message(after, 1))
        await until(lambda: seen.has(after.order_id, "delivered"), "it reads again")
    assert rebuilt.get() >= 1


@pytest.mark.kafka_only
async def test_a_topic_that_ends_before_our_position_is_refused(plumbing: Plumbing) -> None:
    """Aiokafka would start at the beginning without a word; the embedded broker forgets by design."""
    group = "doorstep.shrunk"
    ahead = AIOKafkaConsumer(
        bootstrap_servers=plumbing.settings.kafka_bootstrap, group_id=group, enable_auto_commit=False
    )
    await ahead.start()
    partition = TopicPartition(TOPIC, 7)
    ahead.assign([partition])
    await ahead.commit({partition: 10_000_000})
    await ahead.stop()

    member = _member(plumbing, group)
    await member.start()
    try:
        with pytest.raises(TopicShrunkError, match=r"doorstep\.orders\[7\] ends at \d+, before .* position 10000000"):
            await wait_until(lambda: _poll_nothing(member), what="the topic is refused")
    finally:
        await member.close()


class _Slow:
    """A handler that takes its time over one order: a rebalance comes meanwhile."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.seen.router.handlers[OrderCompleted.event_type] = self.handle  # type: ignore[assignment]
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()

    async def handle(self, tx: Transaction, events: list[Received[OrderCompleted]]) -> None:
        if any(event.event.outcome == "slow" for event in events):
            self.entered.set()
            await self.go_on.wait()
        await self.seen.handle(tx, events)


def _note_what_is_applied(reader: Reader) -> set[UUID]:
    """Give the ids of all events that a reader is given from now on."""
    given: set[UUID] = set()
    apply = reader.applier.apply

    async def noting(wave: list[Envelope]) -> None:
        given.update(envelope.id for envelope in wave)
        await apply(wave)

    reader.applier.apply = noting  # type: ignore[method-assign]
    return given


async def test_a_rebalance_waits_for_the_commit_at_hand(plumbing: Plumbing) -> None:
    """Else the newcomer begins before what is just being committed."""
    seen, fact = Seen(), completed()
    reader = plumbing.consumer("committing", seen.router)
    entered, go_on = asyncio.Event(), asyncio.Event()
    async with plumbing.running(reader.consumer.run()):
        await until(lambda: reader.consumer.is_joined, "it has joined")
        group = reader.consumer._group  # noqa: SLF001
        assert group is not None
        commit = group._consumer.commit  # noqa: SLF001

        async def slowly(offsets: dict[TopicPartition, int]) -> None:
            entered.set()
            await go_on.wait()
            await commit(offsets)

        group._consumer.commit = slowly  # noqa: SLF001 - the library's own, made slow
        await send(plumbing, message(fact, 1))
        await asyncio.wait_for(entered.wait(), _HANGS_SECONDS)
        drained = asyncio.create_task(reader.consumer._drain())  # noqa: SLF001
        await asyncio.sleep(0)
        assert not drained.done()
        go_on.set()
        await drained


async def test_a_rebalance_waits_for_the_batch_at_hand_and_its_offsets(plumbing: Plumbing) -> None:
    """Else the newcomer is given what its neighbour has just applied."""
    slow, other = _Slow(), Seen()
    first, second = plumbing.consumer("drained", slow.seen.router), plumbing.consumer("drained", other.router)
    asked, drained = asyncio.Event(), asyncio.Event()
    drain = first.consumer._drain  # noqa: SLF001

    async def noting() -> None:
        asked.set()
        await drain()
        drained.set()

    given = [_note_what_is_applied(reader) for reader in (first, second)]
    first.consumer._drain = noting  # type: ignore[method-assign]  # noqa: SLF001
    facts = [completed(outcome="slow" if number == 0 else "quick") for number in range(24)]
    sent: list[Message] = [message(fact, 1) for fact in facts]
    async with plumbing.running(first.run()):
        await send(plumbing, *sent)
        await asyncio.wait_for(slow.entered.wait(), _HANGS_SECONDS)
        for seen in (asked, drained):  # a broker may share out a young group twice, before anything is at hand
            seen.clear()
        async with plumbing.running(second.run()):
            await asyncio.wait_for(asked.wait(), _HANGS_SECONDS)
            assert not drained.is_set()
            slow.go_on.set()
            await asyncio.wait_for(drained.wait(), _HANGS_SECONDS)
            await until(lambda: first.consumer.owned_partitions() and second.consumer.owned_partitions(), "both share")
            await send(plumbing, *(message(completed(fact.order_id, "later"), 2) for fact in facts))
            await until(
                lambda: all(
                    (slow.seen.by_order[fact.order_id] + other.by_order[fact.order_id]) == [fact.outcome, "later"]
                    for fact in facts
                ),
                "each event is applied once, in order, by one of both",
            )
    assert not set(first.consumer.owned_partitions()) & set(second.consumer.owned_partitions())
    assert given[0]
    assert given[1]
    assert not given[0] & given[1], "what one has applied and committed is not given to the other"
