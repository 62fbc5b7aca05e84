"""The relay sends everything in order, whatever fails, whoever shares its shards and however late a commit comes."""

import asyncio
from collections.abc import Sequence

import asyncpg
import orjson
import pytest

from deploy.local.stack import LocalStack
from shared import clock, db, kafka, outbox, relay
from shared.db import Database, Transaction
from shared.events.base import Event
from shared.jobs import Jobs, Scheduler
from shared.kafka import Address, BrokerAwayError, Message, Producer
from shared.outbox import SHARDS, Pending
from shared.relay import Relay
from shared.settings import PlatformSettings
from tests.shared.conftest import Plumbing, completed
from tests.shared.traffic import Seen, record_at, until
from tests.waiting import wait_until

LARGE = 1300  # more than two batches
_HELD_SHARDS = """
select l.objid::int as shard from pg_locks l join pg_database d on d.oid = l.database
where d.datname = current_database() and l.locktype = 'advisory' and l.classid = $1 and l.granted order by 1
"""


class Failing(Producer):
    """Loses the answer to its first send: the broker has the events, the relay does not know."""

    def __init__(self, settings: PlatformSettings) -> None:
        super().__init__(settings, "failing")
        self.is_broken = False

    async def send(self, messages: Sequence[Message]) -> list[Address]:
        """Send, then say that nothing came back, and never work again."""
        if self.is_broken:
            raise BrokerAwayError("a producer that failed was used again")
        await super().send(messages)
        self.is_broken = True
        raise BrokerAwayError("the answer is lost")


class Counting(Producer):
    """Counts how many sends wait for their acknowledgement at once."""

    def __init__(self, settings: PlatformSettings) -> None:
        super().__init__(settings, "counting")
        self.now = self.most = 0

    async def send(self, messages: Sequence[Message]) -> list[Address]:
        """Send and count."""
        self.now += 1
        self.most = max(self.most, self.now)
        addresses = await super().send(messages)
        self.now -= 1
        return addresses


class Telling(Producer):
    """Tells what it sent, in order: each event's key and sequence."""

    def __init__(self, settings: PlatformSettings) -> None:
        super().__init__(settings, "telling")
        self.sent: list[tuple[str, int]] = []

    async def send(self, messages: Sequence[Message]) -> list[Address]:
        """Send and note."""
        self.sent += [(message.key.decode(), int(dict(message.headers)["ce_sequence"])) for message in messages]
        return await super().send(messages)

    def has_sent(self, fact: Event, *sequences: int) -> bool:
        """Say whether these and no other events of this stream were sent, in this order."""
        return [sequence for key, sequence in self.sent if key == fact.key] == list(sequences)


async def _is_empty(database: Database) -> bool:
    return await _outbox_rows(database) == 0


async def _outbox_rows(database: Database) -> int:
    async with database.transaction() as tx:
        return int(await tx.value("select count(*) from outbox"))


async def test_after_a_failed_send_a_new_producer_sends_again_and_each_event_is_applied_once(
    plumbing: Plumbing,
) -> None:
    made: list[Producer] = []

    def new_producer() -> Producer:
        made.append(Failing(plumbing.settings) if not made else Producer(plumbing.settings, "second"))
        return made[-1]

    seen, fact = Seen(), completed(outcome="first")
    reader = plumbing.consumer("resent", seen.router)
    sender = Relay(plumbing.producing.url, "orders", new_producer, on_notice=lambda: None)
    async with plumbing.running(sender.run(), reader.run()):
        await plumbing.publish(fact, completed(fact.order_id, "second"))
        await until(lambda: seen.has(fact.order_id, "first", "second"), "both are applied once")

        async def is_empty() -> bool:
            return await _outbox_rows(plumbing.producing) == 0

        await wait_until(is_empty, what="what was acknowledged has left the outbox")
    assert len(made) == 2


async def test_the_event_log_says_where_in_its_topic_an_event_lies(plumbing: Plumbing) -> None:
    facts = [completed(outcome=f"lies at {number}") for number in range(3)]
    await plumbing.publish(*facts)

    async def logged() -> list[asyncpg.Record]:
        async with plumbing.producing.transaction() as tx:
            rows = await tx.fetch("select * from event_log where key = any($1::text[])", [fact.key for fact in facts])
        return rows if len(rows) == len(facts) else []

    async with plumbing.running(plumbing.relay().run()):
        rows = await wait_until(logged, what="all are sent")

    for row in rows:
        found = await record_at(plumbing, row["topic"], row["partition"], row["offset"])
        assert orjson.loads(found) == row["payload"]


async def test_what_is_published_again_is_kept_once(plumbing: Plumbing) -> None:
    fact, since = completed(outcome="again"), clock.real()
    await plumbing.publish(fact)
    async with plumbing.running(plumbing.relay().run()):

        async def is_empty() -> bool:
            return await _outbox_rows(plumbing.producing) == 0

        await wait_until(is_empty, what="it is published")
        assert await relay.replay(plumbing.producing.url, since, fact.key) == 1
        await wait_until(is_empty, deadline=15, what="it is published again")

    async with plumbing.producing.transaction() as tx:
        assert await tx.value("select count(*) from event_log where key = $1", fact.key) == 1


async def test_two_relays_share_the_shards_and_the_one_that_stays_takes_over(plumbing: Plumbing) -> None:
    seen, facts = Seen(), [completed(outcome="1") for _ in range(40)]
    reader = plumbing.consumer("shared", seen.router)
    first, second = plumbing.relay(), plumbing.relay()
    async with plumbing.running(reader.run(), second.run()):
        async with plumbing.running(first.run()):
            await until(lambda: first._mine | second._mine == set(range(SHARDS)), "every shard has a relay")  # noqa: SLF001
            async with plumbing.producing.transaction() as tx:
                held = await tx.fetch(_HELD_SHARDS, relay._LOCK_CLASS)  # noqa: SLF001
            assert [row["shard"] for row in held] == list(range(SHARDS))
            assert not first._mine & second._mine  # noqa: SLF001
            await plumbing.publish(*facts)
            await until(lambda: all(seen.has(fact.order_id, "1") for fact in facts), "all are sent")
        await plumbing.publish(*(completed(fact.order_id, "2") for fact in facts))
        await until(lambda: all(seen.has(fact.order_id, "1", "2") for fact in facts), "all are sent by one")
        assert len(second._mine) == SHARDS  # noqa: SLF001


async def test_a_relay_that_takes_a_shard_over_sends_what_waits_there_from_its_beginning(plumbing: Plumbing) -> None:
    fact, producer = completed(), Telling(plumbing.settings)
    sender = Relay(plumbing.producing.url, "orders", lambda: producer, on_notice=lambda: None)
    other = await db.connect(plumbing.producing.url, application="another relay")
    await other.execute("select pg_advisory_lock($1, $2)", relay._LOCK_CLASS, outbox.shard_of(fact.key))  # noqa: SLF001
    await plumbing.publish(fact)
    async with plumbing.running(sender.run()):
        await _see_passed(plumbing, sender, fact.key)
        await plumbing.publish(*(completed(fact.order_id, str(number)) for number in range(2, 5)))
        await other.close()
        await until(lambda: producer.has_sent(fact, 1, 2, 3, 4), "all are sent in order")


async def test_an_event_that_commits_long_after_its_number_was_drawn_is_still_sent_before_the_next(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not its transaction is the oldest: the one that has an older number commits before it."""
    monkeypatch.setattr(relay, "_SWEEP_SECONDS", 3600)
    fact, quick, producer = completed(), completed(), Telling(plumbing.settings)
    sender = Relay(plumbing.producing.url, "orders", lambda: producer, on_notice=lambda: None)
    async with plumbing.running(sender.run()):
        await _see_passed(plumbing, sender)
        await wait_until(lambda: _is_empty(plumbing.producing), what="nothing of before is on its way")
        older = plumbing.producing.transaction()
        tx = await older.__aenter__()
        await tx.value("select pg_current_xact_id()::text")
        async with plumbing.producing.transaction() as late:
            await outbox.append(await late.connection(), [Pending(fact, late.now, "", None)], epoch=1)
            drawn = int(await late.value("select id from outbox where key = $1", fact.key))
            tx.publish(quick)
            await older.__aexit__(None, None, None)
            for other in [quick, *(completed() for _ in range(5))]:
                if other is not quick:
                    await plumbing.publish(other)
                await until(lambda other=other: producer.has_sent(other, 1), "others pass it by")
            assert sender._low_water < drawn  # noqa: SLF001
        await plumbing.publish(completed(fact.order_id, "2"))
        await until(lambda: producer.has_sent(fact, 1, 2), "both are sent in order")
        await _see_passed(plumbing, sender)


async def _see_passed(plumbing: Plumbing, sender: Relay, key: str | None = None) -> None:
    """Publish until the relay no longer looks as far back as the row of this key, or as any that is there now."""
    async with plumbing.producing.transaction() as tx:
        where = "key = $1" if key else "$1::text is null"
        drawn = int(await tx.value(f"select coalesce(max(id), 0) from outbox where {where}", key))

    async def is_passed() -> bool:
        await plumbing.publish(completed())
        return sender._low_water > drawn  # noqa: SLF001

    await wait_until(is_passed, what="the relay no longer looks so far back")


async def test_of_a_large_outbox_two_batches_are_in_flight_and_order_is_kept(plumbing: Plumbing) -> None:
    seen, facts = Seen(), [completed(outcome="0") for _ in range(10)]
    made: list[Counting] = []

    def new_producer() -> Producer:
        made.append(Counting(plumbing.settings))
        return made[-1]

    await plumbing.publish(*(completed(facts[n % 10].order_id, str(n // 10)) for n in range(LARGE)))
    reader = plumbing.consumer("large", seen.router)
    sender = Relay(plumbing.producing.url, "orders", new_producer, on_notice=lambda: None)
    async with plumbing.running(sender.run(), reader.run()):
        wanted = [str(number) for number in range(LARGE // 10)]
        await until(lambda: all(seen.by_order[fact.order_id] == wanted for fact in facts), "all arrive in order")
    assert [producer.most for producer in made] == [2]


async def test_a_relay_ends_when_it_is_cancelled_in_the_moment_it_is_woken(plumbing: Plumbing) -> None:
    sender = plumbing.relay()
    task = asyncio.create_task(sender.run())
    await until(lambda: sender._wake._waiters, "it waits for something to send")  # noqa: SLF001
    sender.wake()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=10)
    task.cancel()
    assert done, "the cancellation was lost"


async def test_a_scheduler_ends_when_it_is_cancelled_in_the_moment_it_is_woken(plumbing: Plumbing) -> None:
    jobs = Jobs()

    @jobs.timer(next_due="select null::timestamptz")
    async def never_due(_tx: Transaction) -> int:
        return 0

    scheduler = Scheduler("care", jobs, plumbing.consuming)
    task = asyncio.create_task(scheduler.run())
    await until(lambda: scheduler._wake._waiters, "it waits for something due")  # noqa: SLF001
    scheduler.wake()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=10)
    task.cancel()
    assert done, "the cancellation was lost"


async def test_a_call_to_the_broker_that_is_cancelled_in_the_moment_it_ends_stays_cancelled() -> None:
    answered = asyncio.Event()
    task = asyncio.create_task(kafka.within(10, answered.wait(), "wait"))
    await until(lambda: answered._waiters, "it waits for its answer")  # noqa: SLF001
    answered.set()
    task.cancel()
    await asyncio.wait({task}, timeout=10)
    assert task.cancelled()


async def test_a_replay_longer_than_a_page_is_whole_in_order_and_in_short_statements(
    plumbing: Plumbing, bare_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_REPLAY_ROWS", 7)
    facts = [completed(outcome="0") for _ in range(5)]
    keys = [fact.key for fact in facts]
    began = clock.real()
    async with plumbing.running(plumbing.relay().run()):
        for number in range(10):
            await plumbing.publish(*(completed(fact.order_id, str(number)) for fact in facts))
        await wait_until(lambda: _is_logged(plumbing.producing, keys, 50), what="all are in the event log")
    owner = await asyncpg.connect(bare_stack.dsn("orders", "owner"))
    # Fifty rows take longer than the limit, a page of seven does not.
    await owner.execute(_SLOW_ROWS)
    try:
        count = await relay.replay(f"{plumbing.producing.url}?statement_timeout=2000", began)
    finally:
        await owner.execute("drop function slow_row() cascade")
        await owner.close()

    async with plumbing.producing.transaction() as tx:
        rows = await tx.fetch("select key, sequence from outbox where key = any($1) order by id", keys)
        await tx.execute("delete from outbox where key = any($1)", keys)
    assert count >= 50
    told = {key: [row["sequence"] for row in rows if row["key"] == key] for key in keys}
    assert told == {key: list(range(1, 11)) for key in keys}


async def test_a_replay_of_one_order_leaves_the_others(plumbing: Plumbing) -> None:
    wanted, other = completed(outcome="1"), completed(outcome="1")
    began = clock.real()
    async with plumbing.running(plumbing.relay().run()):
        await plumbing.publish(wanted, other)
        await wait_until(lambda: _is_logged(plumbing.producing, [wanted.key, other.key], 2), what="both are logged")

    assert await relay.replay(plumbing.producing.url, began, wanted.key) == 1

    async with plumbing.producing.transaction() as tx:
        rows = await tx.fetch("delete from outbox where key = any($1) returning key", [wanted.key, other.key])
        tx.wrote = True
    assert [row["key"] for row in rows] == [wanted.key]


async def _is_logged(database: Database, keys: Sequence[str], count: int) -> bool:
    async with database.transaction() as tx:
        return int(await tx.value("select count(*) from event_log where key = any($1)", list(keys))) == count


_SLOW_ROWS = """
create function slow_row() returns trigger language plpgsql as $$ begin perform pg_sleep(0.05); return new; end $$;
create trigger slow_row before insert on outbox for each row execute function slow_row()
"""
