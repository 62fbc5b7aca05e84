"""Events arrive once and in order, and one that fails holds up only its own stream."""

import asyncio

from shared.db import Database
from shared.ids import new_id
from tests.shared.conftest import Plumbing, completed, message
from tests.shared.traffic import Seen, dead_letters, send, until
from tests.waiting import wait_until


async def test_a_committed_event_is_applied_once_and_kept_in_the_event_log(plumbing: Plumbing) -> None:
    seen, fact = Seen(), completed()
    reader = plumbing.consumer("once", seen.router)
    async with plumbing.running(plumbing.relay().run(), reader.run()):
        await plumbing.publish(fact)
        await until(lambda: seen.has(fact.order_id, "delivered"), "the event is applied")

        async def logged() -> int:
            async with plumbing.producing.transaction() as tx:
                return int(await tx.value("select count(*) from event_log where key = $1", fact.key))

        assert await wait_until(logged) == 1


async def test_a_rolled_back_transaction_publishes_nothing(plumbing: Plumbing) -> None:
    fact = completed()
    try:
        async with plumbing.producing.transaction() as tx:
            tx.publish(fact)
            raise RuntimeError("changed our mind")
    except RuntimeError:
        pass
    async with plumbing.producing.transaction() as tx:
        assert await tx.value("select count(*) from outbox where key = $1", fact.key) == 0
        assert await tx.value("select count(*) from stream where key = $1", fact.key) == 0


async def test_events_of_one_order_written_at_once_arrive_in_the_order_of_their_commits(plumbing: Plumbing) -> None:
    order_id, other, seen = new_id(), new_id(), Seen()
    committed: list[str] = []

    async def write(number: int) -> None:
        async with plumbing.producing.transaction() as tx:
            tx.publish(completed(order_id, str(number)))
            tx.publish(completed(other, str(number)))
            tx.after_commit(lambda: committed.append(str(number)))

    reader = plumbing.consumer("ordered", seen.router)
    async with plumbing.running(plumbing.relay().run(), reader.run()):
        await asyncio.gather(*(write(number) for number in range(60)))
        await until(lambda: len(seen.by_order[order_id]) >= 60, "all arrive")
        await until(lambda: len(seen.by_order[other]) >= 60, "all arrive")
    assert sorted(seen.by_order[order_id], key=int) == [str(number) for number in range(60)]
    assert seen.by_order[order_id] == seen.by_order[other]
    async with plumbing.producing.transaction() as tx:
        rows = await tx.fetch(
            "select sequence, payload ->> 'outcome' as outcome from event_log where key = $1 order by sequence",
            str(order_id),
        )
    assert [row["sequence"] for row in rows] == list(range(1, 61))
    assert [row["outcome"] for row in rows] == seen.by_order[order_id]


async def test_a_redelivered_event_is_dropped(plumbing: Plumbing) -> None:
    seen, fact = Seen(), completed()
    reader = plumbing.consumer("redelivered", seen.router)
    first, second = message(fact, 1), message(completed(fact.order_id, "lost"), 2)
    async with plumbing.running(reader.run()):
        await send(plumbing, first, first, second, first, second)
        await until(lambda: seen.has(fact.order_id, "delivered", "lost"), "both are applied once")
        await send(plumbing, message(last := completed(fact.order_id, "end"), 3))
        await until(lambda: last.outcome in seen.by_order[fact.order_id], "everything is read")
    assert seen.has(fact.order_id, "delivered", "lost", "end")


async def test_an_event_ahead_of_its_turn_waits_for_the_gap_to_close(plumbing: Plumbing) -> None:
    seen, fact = Seen(), completed()
    reader = plumbing.consumer("gap", seen.router)
    async with plumbing.running(reader.run()):
        await send(
            plumbing, message(completed(fact.order_id, "third"), 3), message(completed(fact.order_id, "second"), 2)
        )
        await until(lambda: fact.key in reader.applier.parked_keys, "both wait")
        assert not seen.by_order[fact.order_id]
        await send(plumbing, message(completed(fact.order_id, "first"), 1))
        await until(lambda: seen.has(fact.order_id, "first", "second", "third"), "all are applied in order")


async def test_an_unknown_event_behind_its_streams_position_is_a_dead_letter(plumbing: Plumbing) -> None:
    seen, fact = Seen(), completed()
    reader = plumbing.consumer("forked", seen.router)
    async with plumbing.running(reader.run()):
        await send(plumbing, message(fact, 1), message(completed(fact.order_id, "forged"), 1))

        async def buried() -> int:
            async with plumbing.consuming.transaction() as tx:
                return int(
                    await tx.value("select count(*) from dead_letter where key = $1 and consumer = 'forked'", fact.key)
                )

        assert await wait_until(buried) == 1
    assert seen.has(fact.order_id, "delivered")


async def test_an_event_whose_precondition_is_missing_waits_and_others_go_on(plumbing: Plumbing) -> None:
    seen, early, other = Seen(), completed(), completed()
    seen.waits.add(early.order_id)
    reader = plumbing.consumer("notyet", seen.router)
    async with plumbing.running(reader.run()):
        await send(plumbing, message(early, 1), message(completed(early.order_id, "later"), 2), message(other, 1))
        await until(lambda: seen.has(other.order_id, "delivered"), "the other order goes on")
        assert not seen.by_order[early.order_id]
        seen.waits.clear()
        await until(lambda: seen.has(early.order_id, "delivered", "later"), "it is applied once its time has come")


async def test_a_failing_order_holds_up_its_own_events_only(plumbing: Plumbing) -> None:
    seen, bad = Seen(), completed()
    seen.fails.add(bad.order_id)
    good = [completed() for _ in range(20)]
    reader = plumbing.consumer("failing", seen.router)
    async with plumbing.running(reader.run()):
        await send(
            plumbing,
            *(message(fact, 1) for fact in good[:10]),
            message(bad, 1),
            message(completed(bad.order_id, "after"), 2),
            *(message(fact, 1) for fact in good[10:]),
        )
        await until(lambda: all(seen.has(fact.order_id, "delivered") for fact in good), "the others are applied once")

        async def dead() -> str:
            async with plumbing.consuming.transaction() as tx:
                return str(await tx.value("select max(state) from parked where key = $1 and sequence = 1", bad.key))

        async def is_parked() -> bool:
            return await dead() in {"parked", "dead"}

        await wait_until(is_parked, what="the failing event is parked")
        assert not seen.by_order[bad.order_id]
        seen.fails.clear()
        async with plumbing.consuming.transaction() as tx:
            await tx.execute("update parked set state = 'parked' where key = $1", bad.key)
        await until(lambda: seen.has(bad.order_id, "delivered", "after"), "once mended it goes on in order")


async def test_a_restored_producer_goes_on_in_a_new_epoch_and_its_former_life_is_refused(plumbing: Plumbing) -> None:
    seen, fact = Seen(), completed(outcome="first")
    reader = plumbing.consumer("restored", seen.router)
    async with plumbing.running(plumbing.relay().run(), reader.run()):
        await plumbing.publish(fact)
        await plumbing.publish(lost := completed(fact.order_id, "lost with the database"))
        await until(lambda: seen.has(fact.order_id, "first", lost.outcome), "both are applied")
        async with plumbing.producing.transaction() as tx:  # restored to the minute before the second
            await tx.execute("update stream set sequence = 1 where key = $1", fact.key)
        restored = Database(plumbing.producing.url, epoch=2)
        async with restored.transaction() as tx:
            tx.publish(completed(fact.order_id, "after the restore"))
        async with restored.transaction() as tx:
            tx.publish(completed(fact.order_id, "and on"))
        await restored.close()
        applied = ("first", lost.outcome, "after the restore", "and on")
        await until(lambda: seen.has(fact.order_id, *applied), "the new epoch goes on")

        await send(plumbing, message(completed(fact.order_id, "from the former life"), 3))

        async def buried() -> list[str]:
            letters = await dead_letters(plumbing, "restored")
            return [letter["reason"] for letter in letters if letter["key"] == fact.key]

        assert await wait_until(buried, what="the former life is refused") == ["forked_stream"]
    assert seen.has(fact.order_id, *applied)


async def test_a_new_consumer_reads_streams_from_their_beginning(plumbing: Plumbing) -> None:
    fact = completed(outcome="first")
    await send(plumbing, message(fact, 1), message(completed(fact.order_id, "second"), 2))
    seen = Seen()
    reader = plumbing.consumer("late", seen.router)
    async with plumbing.running(reader.run()):
        await until(lambda: seen.has(fact.order_id, "first", "second"), "what came before it is applied")
