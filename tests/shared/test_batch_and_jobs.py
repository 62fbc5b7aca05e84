"""Group commit answers everyone after the commit; timers and effects run when they are due, once."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from shared import clock, tracing
from shared.batch import Batch
from shared.db import Transaction
from shared.errors import InvalidError
from shared.events.orders import OrderCompleted
from shared.ids import new_id
from shared.jobs import POLL_SECONDS, Jobs, Outcome, Scheduler, back_off_until, lease_until
from tests.shared.conftest import Plumbing, completed
from tests.waiting import wait_until


async def test_what_queues_during_a_commit_becomes_one_batch() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def work(items: list[int]) -> list[int]:
        batches.append(items)
        await gate.wait()
        return [item * 10 for item in items]

    batch: Batch[int, int] = Batch(work)
    calls = [asyncio.create_task(batch.submit(number)) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = [asyncio.create_task(batch.submit(number)) for number in range(5, 9)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*calls, *late) == [number * 10 for number in range(9)]
    assert sum(len(items) for items in batches) == 9
    assert len(batches) < 9


async def test_one_bad_item_fails_alone() -> None:
    async def work(items: list[int]) -> list[int]:
        if 3 in items:
            raise ValueError("three")
        return items

    batch: Batch[int, int] = Batch(work)
    results = await asyncio.gather(*(batch.submit(number) for number in range(5)), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["int", "int", "int", "ValueError", "int"]


async def test_an_error_returned_for_an_item_is_raised_to_its_caller_only() -> None:
    async def work(items: list[int]) -> list[int | Exception]:
        return [InvalidError("odd") if item % 2 else item for item in items]

    batch: Batch[int, int] = Batch(work)
    results = await asyncio.gather(*(batch.submit(number) for number in range(4)), return_exceptions=True)
    assert [isinstance(result, InvalidError) for result in results] == [False, True, False, True]


async def test_the_work_is_finished_though_its_caller_has_left() -> None:
    done: list[int] = []
    gate = asyncio.Event()

    async def work(items: list[int]) -> list[int]:
        await gate.wait()
        done.extend(items)
        return items

    batch: Batch[int, int] = Batch(work)
    caller = asyncio.create_task(batch.submit(7))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    gate.set()

    async def is_done() -> bool:
        return done == [7]

    await wait_until(is_done)


class Chores:
    """A table of chores in a temporary schema of the session's own database."""

    def __init__(self, plumbing: Plumbing) -> None:
        self.database = plumbing.producing
        self.kind = f"chore-{new_id()}"

    async def add(self, *scopes: str, since: timedelta = timedelta()) -> None:
        async with self.database.transaction() as tx:
            for scope in scopes:
                await tx.execute(
                    "insert into pause_switch (kind, scope, reason, actor, paused_at) values ($1, $2, '', '', $3)",
                    self.kind,
                    scope,
                    clock.real() - since,
                )

    async def left(self) -> list[str]:
        async with self.database.transaction() as tx:
            rows = await tx.fetch("select scope from pause_switch where kind = $1 order by scope", self.kind)
        return [row["scope"] for row in rows]

    def due(self) -> str:
        return f"select min(paused_at) from pause_switch where kind = '{self.kind}'"


async def test_a_timer_runs_while_it_is_due_and_then_rests(plumbing: Plumbing) -> None:
    chores, jobs, done = Chores(plumbing), Jobs(), list[str]()

    @jobs.timer(next_due=chores.due())
    async def do_chores(tx: Transaction) -> int:
        row = await tx.row(
            "delete from pause_switch where ctid = "
            "(select ctid from pause_switch where kind = $1 order by scope limit 1) returning scope",
            chores.kind,
        )
        if row is None:
            return 0
        tx.wrote = True
        done.append(row["scope"])
        return 1

    scheduler = Scheduler("test", jobs, plumbing.producing)
    await chores.add("a", "b")
    async with plumbing.running(scheduler.run()):
        await wait_until(lambda: _is(done, ["a", "b"]))
        await chores.add("c")
        scheduler.wake()
        await wait_until(lambda: _is(done, ["a", "b", "c"]))
    assert await scheduler.due_times() == {}


async def test_a_timer_with_a_rest_takes_together_what_came_meanwhile(plumbing: Plumbing) -> None:
    chores, jobs, done, began = Chores(plumbing), Jobs(), list[str](), list[float]()

    @jobs.timer(next_due=chores.due(), every_seconds=2.0)
    async def do_chores(tx: Transaction) -> int:
        rows = await tx.fetch("delete from pause_switch where kind = $1 returning scope", chores.kind)
        tx.wrote = True
        began.append(clock.monotonic())
        done.extend(row["scope"] for row in rows)
        return len(rows)

    scheduler = Scheduler("test", jobs, plumbing.producing)
    async with plumbing.running(scheduler.run()):
        for chore in "abcd":
            await chores.add(chore)
            scheduler.wake()
            await wait_until(lambda: _is(done[:1], ["a"]))
        await wait_until(lambda: _is(sorted(done), ["a", "b", "c", "d"]))
    # A run is late by the time it takes to begin, never early.
    assert all(later - earlier > 1.0 for earlier, later in itertools.pairwise(began))
    assert len(began) > 1


async def test_a_timer_with_a_rest_does_at_once_what_has_waited_as_long_as_that(plumbing: Plumbing) -> None:
    chores, jobs, done = Chores(plumbing), Jobs(), list[str]()

    @jobs.timer(next_due=chores.due(), every_seconds=3.0)
    async def do_two_chores(tx: Transaction) -> int:
        rows = await tx.fetch(
            "delete from pause_switch where ctid = any(array("
            "select ctid from pause_switch where kind = $1 order by scope limit 2)) returning scope",
            chores.kind,
        )
        tx.wrote = True
        done.extend(row["scope"] for row in rows)
        return len(rows)

    await chores.add(*"abcdefghijklmnopqrstuvwxyz", since=timedelta(minutes=1))
    began = clock.monotonic()
    async with plumbing.running(Scheduler("test", jobs, plumbing.producing).run()):
        await wait_until(lambda: _is(sorted(done), [*"abcdefghijklmnopqrstuvwxyz"]))
    assert clock.monotonic() - began < 12 * 3, "thirteen runs rested twelve times"


async def test_a_timer_that_is_due_and_finds_nothing_to_do_waits_for_the_poll(plumbing: Plumbing) -> None:
    chores, jobs, began = Chores(plumbing), Jobs(), list[float]()

    @jobs.timer(next_due=chores.due())
    async def wait_for_others(_tx: Transaction) -> int:
        began.append(clock.monotonic())
        return 0

    async def has_run_often() -> bool:
        return len(began) > 4

    await chores.add("claimed")
    async with plumbing.running(Scheduler("test", jobs, plumbing.producing).run()):
        await wait_until(has_run_often)
    # Its beginning may be late by the time a transaction takes to begin.
    assert began[4] - began[0] > 3 * POLL_SECONDS


async def test_an_effect_claims_calls_outside_and_records_also_a_failure(plumbing: Plumbing) -> None:
    chores, jobs, called, failed = Chores(plumbing), Jobs(), list[str](), list[str]()
    recorded: list[str] = []

    async def claim(tx: Transaction) -> list[str]:
        rows = await tx.fetch(
            "update pause_switch set actor = 'claimed' where kind = $1 and actor = '' returning scope", chores.kind
        )
        tx.wrote = True
        return sorted(row["scope"] for row in rows)

    async def call(scope: str) -> str:
        assert plumbing.producing.open_transactions == 0
        called.append(scope)
        if scope == "broken":
            raise ConnectionError("nobody there")
        return scope.upper()

    async def record(tx: Transaction, scope: str, outcome: Outcome[str]) -> None:
        if outcome.error is not None:
            failed.append(scope)
        await tx.execute("delete from pause_switch where kind = $1 and scope = $2", chores.kind, scope)
        recorded.append(scope)

    jobs.effect("send", next_due=chores.due(), claim=claim, call=call, record=record, parallel=1)
    await chores.add("fine", "broken")
    async with plumbing.running(Scheduler("test", jobs, plumbing.producing).run()):
        # Not by asking the database, since that would be an open transaction beside the calls.
        await wait_until(lambda: _is(sorted(recorded), ["broken", "fine"]))
    assert await chores.left() == []
    assert sorted(called) == ["broken", "fine"]
    assert failed == ["broken"]


async def test_what_was_done_outside_is_recorded_though_its_record_meets_competition(plumbing: Plumbing) -> None:
    jobs, called, recorded = Jobs(), list[str](), list[str]()
    tries = 0

    async def claim(_tx: Transaction) -> list[str]:
        return ["parcel"]

    async def call(item: str) -> None:
        called.append(item)

    async def record(tx: Transaction, item: str, _outcome: Outcome[None]) -> None:
        nonlocal tries
        tries += 1
        if tries < 5:
            await tx.execute("do $$ begin raise exception using errcode = 'deadlock_detected'; end $$")
        recorded.append(item)

    jobs.effect("send", next_due="select null", claim=claim, call=call, record=record)
    assert await jobs.jobs[0].run(plumbing.producing) == 1
    assert (called, recorded, tries) == (["parcel"], ["parcel"], 5)


async def test_what_waits_for_its_turn_until_its_lease_is_half_over_is_left_to_the_next_claim(
    plumbing: Plumbing,
) -> None:
    jobs, called, recorded, lease = Jobs(), list[str](), list[str](), 0.2

    async def claim(_tx: Transaction) -> list[str]:
        return ["first", "second"]

    async def call(item: str) -> None:
        called.append(item)
        await asyncio.sleep(lease)

    async def record(_tx: Transaction, item: str, _outcome: Outcome[None]) -> None:
        recorded.append(item)

    jobs.effect("send", next_due="select null", claim=claim, call=call, record=record, parallel=1, lease_seconds=lease)
    assert await jobs.jobs[0].run(plumbing.producing) == 2
    assert (called, recorded) == (["first"], ["first"])


async def test_what_time_brings_for_an_order_continues_the_trace_it_began_with(plumbing: Plumbing) -> None:
    chores, jobs, heard = Chores(plumbing), Jobs(), list[str]()
    known, unknown = completed(outcome="placed"), completed(outcome="never seen before")
    with tracing.trace(None) as begun:
        await plumbing.publish(known)

    @jobs.timer(next_due=chores.due())
    async def end_orders(tx: Transaction) -> int:
        for fact in (known, unknown):
            tx.publish(completed(fact.order_id, "timed"))
        await tx.execute("delete from pause_switch where kind = $1", chores.kind)
        return 1

    async def claim(_tx: Transaction) -> list[OrderCompleted]:
        return [known]

    async def call(_fact: OrderCompleted) -> None:
        heard.append(tracing.trace_id())

    async def record(tx: Transaction, fact: OrderCompleted, _outcome: Outcome[None]) -> None:
        tx.publish(completed(fact.order_id, "told"))

    effects = Jobs()
    effects.effect(
        "tell", next_due="select null", claim=claim, call=call, record=record, order_of=lambda fact: fact.order_id
    )
    await chores.add("one")
    async with plumbing.running(Scheduler("test", jobs, plumbing.producing).run()):
        await wait_until(lambda: _left_is_empty(chores))
    with tracing.begin():
        await effects.jobs[0].run(plumbing.producing)

    traces = {fact: await _traces(plumbing, fact.key) for fact in (known, unknown)}
    trace_id = tracing.trace_id_of(begun)
    assert heard == [trace_id]
    assert traces[known] == [trace_id] * 3
    assert traces[unknown] not in ([""], [trace_id])


async def _traces(plumbing: Plumbing, key: str) -> list[str]:
    question = """
    select headers->>'ce_traceparent' as parent from (
      select headers, sequence from outbox where key = $1
      union all select headers, sequence from event_log where key = $1
    ) e order by sequence
    """
    async with plumbing.producing.transaction() as tx:
        return [tracing.trace_id_of(row["parent"]) for row in await tx.fetch(question, key)]


def test_leases_and_back_off_are_on_the_real_clock_and_bounded() -> None:
    assert timedelta(seconds=55) < lease_until(60) - clock.real() <= timedelta(seconds=60)
    assert back_off_until(50) - clock.real() <= timedelta(seconds=60)
    assert back_off_until(0) - clock.real() <= timedelta(seconds=0.2)


async def _is(actual: list[str], expected: list[str]) -> bool:
    return actual == expected


async def _left_is_empty(chores: Chores) -> bool:
    return not await chores.left()
