"""Parked streams are tried again, whatever stands before them and whatever the database says meanwhile."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from shared import clock, parking
from shared.db import Transaction
from shared.errors import NotFoundError
from shared.events.base import Received
from shared.events.orders import OrderCompleted
from shared.ids import new_id
from shared.inbox import UnreadableError, read_envelope
from shared.kafka import Message, Record
from tests.shared.conftest import Plumbing, completed, message
from tests.shared.traffic import Seen, dead_letters, parked, send, until
from tests.waiting import wait_until

_OLD_DEAD = """
insert into parked (consumer, source, key, epoch, sequence, event_id, topic, partition, headers, payload, state, reason,
  parked_at)
select 'starved', 'orders', 'dead-' || n, 1, 1, gen_random_uuid(), 'doorstep.orders', n % 12, '{}', '{}', 'dead',
  'broken', $1::timestamptz - interval '1 day'
from generate_series(1, 250) n
"""


async def test_dead_streams_however_many_starve_no_other(plumbing: Plumbing) -> None:
    seen, early = Seen(), completed()
    seen.waits.add(early.order_id)
    reader = plumbing.consumer("starved", seen.router)
    async with plumbing.consuming.transaction() as tx:
        await tx.execute(_OLD_DEAD, clock.real())
    async with plumbing.running(reader.run()):
        await send(plumbing, message(early, 1))

        async def is_parked() -> bool:
            return any(row["key"] == early.key for row in await parked(plumbing, "starved"))

        await wait_until(is_parked, what="the event waits")
        seen.waits.clear()
        await until(lambda: seen.has(early.order_id, "delivered"), "it is tried beside 250 dead ones")


async def test_of_more_streams_than_are_tried_at_once_the_others_have_the_next_turn(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_MAX_STREAMS", 1)
    retrier = plumbing.consumer("crowded", Seen().router).retrier
    now = clock.real()
    streams = [
        {"source": "orders", "key": key, "parked_at": now - timedelta(hours=hours)}
        for key, hours in (("young", 1), ("old", 2))
    ]
    turns = [[row["key"] for row in retrier._rested(streams)] for _ in range(3)]  # type: ignore[arg-type]  # noqa: SLF001
    assert turns == [["old"], ["young"], []]


async def test_a_dead_event_is_listed_before_hundreds_that_wait_for_longer(plumbing: Plumbing) -> None:
    seen, bad = Seen(), completed()
    seen.fails.add(bad.order_id)
    await plumbing.consumer("listed", seen.router).applier.apply([read_envelope(_record(message(bad, 1)))])
    async with plumbing.consuming.transaction() as tx:
        await tx.execute(_OLD_DEAD.replace("'dead',", "'parked',").replace("'starved'", "'listed'"), clock.real())
        await tx.execute("update parked set state = 'dead' where key = $1", bad.key)
        rows = await parking.list_parked(tx, limit=500)
        waiting = await parking.list_parked(tx, state="parked", limit=100)
        total = await parking.count_parked(tx, state="parked")
        await tx.execute("delete from parked where consumer = 'listed'")
    listed = [row["key"] for row in rows if row["consumer"] == "listed"]
    assert listed[0] == bad.key, "though it came last"
    assert {row["state"] for row in waiting} == {"parked"}
    assert (len(waiting), total >= 250) == (100, True)


async def test_a_retry_that_the_database_refuses_for_now_does_not_end_the_worker(plumbing: Plumbing) -> None:
    seen, early = Seen(), completed()
    seen.waits.add(early.order_id)
    reader = plumbing.consumer("refused", seen.router)
    refusals: list[Exception] = [asyncpg.LockNotAvailableError("lock timeout"), ConnectionResetError("gone")]

    async def retry(keys: set[str]) -> None:
        if refusals:
            raise refusals.pop()
        seen.waits.clear()
        await reader.retrier.retry(keys)

    reader.consumer.after_wave = retry
    async with plumbing.running(reader.consumer.run()):
        await send(plumbing, message(early, 1))
        await until(lambda: seen.has(early.order_id, "delivered"), "it is tried until the database answers")
    assert not refusals


async def test_a_stream_that_meets_competition_holds_up_no_other(plumbing: Plumbing) -> None:
    seen, first, second = Seen(), completed(), completed()
    seen.waits |= {first.order_id, second.order_id}
    applier = plumbing.consumer("competing", seen.router).applier
    for fact in (first, second):
        await applier.apply([read_envelope(_record(message(fact, 1)))])
    seen.waits.clear()
    seen.competes.add(first.order_id)
    retrier = parking.Retrier(applier, plumbing.consuming, lambda: [3])

    await retrier.retry({first.key, second.key})
    assert seen.has(second.order_id, "delivered")
    (row,) = await parked(plumbing, "competing")
    assert (row["key"], row["attempts"]) == (first.key, 0), "it has not failed"

    seen.competes.clear()
    await retrier.retry({first.key, second.key})
    assert seen.has(first.order_id, "delivered")


class _Slow(Seen):
    """Whoever handles takes their time over it."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = asyncio.Event(), asyncio.Event()

    async def handle(self, tx: Transaction, events: list[Received[OrderCompleted]]) -> None:
        self.entered.set()
        await self.go_on.wait()
        await super().handle(tx, events)


async def test_what_an_event_waits_for_is_said_anew_when_it_changes(plumbing: Plumbing) -> None:
    seen, fact = Seen(), completed()
    applier = plumbing.consumer("waiting", seen.router).applier
    for sequence in (2, 1):
        await applier.apply([read_envelope(_record(message(fact, sequence)))])
    seen.waits.add(fact.order_id)
    await parking.Retrier(applier, plumbing.consuming, lambda: [3]).retry({fact.key})

    held = [row["reason"] for row in await parked(plumbing, "waiting")]
    assert (len(held), held[0].partition(":")[0]) == (1, "not yet"), "the event before it has arrived"


async def test_while_a_stream_is_tried_whoever_would_try_it_too_waits_and_takes_no_connection(
    plumbing: Plumbing,
) -> None:
    slow, early = _Slow(), completed()
    slow.waits.add(early.order_id)
    slow.go_on.set()
    applier = plumbing.consumer("turns", slow.router).applier
    await applier.apply([read_envelope(_record(message(early, 1)))])
    slow.waits.clear()
    slow.entered.clear()
    slow.go_on.clear()
    retrier = parking.Retrier(applier, plumbing.consuming, lambda: [3])

    first = asyncio.create_task(retrier.retry({early.key}))
    await slow.entered.wait()
    second = asyncio.create_task(retrier.retry({early.key}))
    await asyncio.sleep(0)
    taken = plumbing.consuming.open_transactions
    slow.go_on.set()
    await asyncio.gather(first, second)
    assert taken == 1
    assert slow.has(early.order_id, "delivered")


async def test_a_discarded_event_that_comes_again_is_dropped(plumbing: Plumbing) -> None:
    seen, first = Seen(), completed(outcome="1")
    seen.waits.add(first.order_id)
    record = message(first, 1, event_id=new_id())
    reader = plumbing.consumer("discarded", seen.router)
    async with plumbing.running(reader.run()):
        await send(plumbing, record)

        async def is_parked() -> bool:
            return any(row["key"] == first.key for row in await parked(plumbing, "discarded"))

        await wait_until(is_parked, what="the event waits")
        (row,) = [row for row in await parked(plumbing, "discarded") if row["key"] == first.key]
        async with plumbing.consuming.transaction() as tx:
            await parking.discard(tx, str(row["event_id"]), actor="ann", reason="not wanted")
        seen.waits.clear()
        await send(plumbing, record, message(completed(first.order_id, "2"), 2))
        await until(lambda: seen.has(first.order_id, "2"), "the stream goes on without it")

    assert not [letter for letter in await dead_letters(plumbing, "discarded") if letter["key"] == first.key]


def _record(sent: Message) -> Record:
    return Record(sent.topic, 3, 7, sent.key, sent.value, sent.headers)


async def test_a_failing_event_that_arrives_again_is_parked_once(plumbing: Plumbing) -> None:
    seen, bad = Seen(), completed()
    seen.fails.add(bad.order_id)
    applier = plumbing.consumer("doubled", seen.router).applier
    event = read_envelope(_record(message(bad, 1)))

    await applier.apply([event])
    await applier.apply([event])

    assert [(row["event_id"], row["state"]) for row in await parked(plumbing, "doubled")] == [(event.id, "parked")]
    assert await dead_letters(plumbing, "doubled") == []


async def test_a_record_that_is_read_again_is_one_dead_letter(plumbing: Plumbing) -> None:
    applier = plumbing.consumer("reread", Seen().router).applier
    record = Record("doorstep.orders", 3, 7, b"key", b"{not json", ())

    for _ in range(2):
        await applier.bury(record, UnreadableError("no JSON"))

    assert [letter["offset"] for letter in await dead_letters(plumbing, "reread")] == [7]


async def test_of_two_who_give_an_event_up_the_second_is_told_that_it_is_gone(plumbing: Plumbing) -> None:
    seen, bad = Seen(), completed()
    seen.fails.add(bad.order_id)
    event = read_envelope(_record(message(bad, 1)))
    await plumbing.consumer("given_up", seen.router).applier.apply([event])

    async def give_up() -> None:
        async with plumbing.consuming.transaction() as tx:
            await parking.discard(tx, str(event.id), actor="operator:bea", reason="known to be broken")

    async with plumbing.consuming.transaction() as tx:
        await parking.discard(tx, str(event.id), actor="operator:ann", reason="known to be broken")
        second = asyncio.create_task(give_up())

        async def waits() -> bool:
            async with plumbing.consuming.transaction() as looking:
                return bool(await looking.value("select count(*) from pg_locks where not granted"))

        await wait_until(waits, deadline=10, what="the second waits for the first")
    with pytest.raises(NotFoundError):
        await second
    assert await parked(plumbing, "given_up") == []
