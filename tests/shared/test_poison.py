"""F15: what is no event of ours becomes one dead letter, and what comes behind it in its partition is not held up."""

import asyncpg
import pytest

from deploy.local.stack import LocalStack
from shared import clock, parking
from shared.errors import ConflictError
from shared.events.orders import OrderCompleted
from shared.inbox import UnreadableError
from shared.kafka import Message, Record
from tests.shared.conftest import Plumbing, completed, message
from tests.shared.traffic import Raw, Seen, dead_letters, parked, send, send_raw, until
from tests.waiting import wait_until

STALL_SECONDS = 5.0
# A machine at its limits holds up one record now and then; what poison costs, it costs every time.
TRIES = 3


def raw(sent: Message, key: bytes, **changed: bytes | None) -> Raw:
    """Make a record with its own envelope that travels by another's key, some headers changed or left out."""
    headers = {**dict(sent.headers), **changed}
    return Raw(key, sent.value, tuple((name, value) for name, value in headers.items() if value is not None))


def poison(key: bytes) -> dict[str, Raw]:
    """Make one record of each kind that cannot be read, all of one partition."""

    def event() -> Message:
        return message(completed(), 1)

    return {
        "bad JSON and no headers": Raw(key, b"{not json"),
        "null": Raw(key, None, event().headers),
        "no headers": Raw(key, event().value),
        "2 MB": Raw(key, b"x" * 2 * 1024 * 1024),
        "no id": raw(event(), key, ce_id=None),
        "a header without a value": Raw(key, event().value, (*event().headers, ("ce_id", None))),
        "a header that is no text": raw(event(), key, ce_correlationid=b"\xff\xfe"),
        "another's source": raw(event(), key, ce_source=b"shipping"),
        "another's type": raw(event(), key, ce_type=b"doorstep.shipping.shipment_booked.v1"),
        "an unknown type": raw(event(), key, ce_type=b"doorstep.orders.order_framed.v1"),
        "NUL in the value": raw(event(), key)._replace(value=b'{"order_id": "\x00"}'),
        "NUL in the source": raw(event(), key, ce_source=b"orders\x00"),
        "NUL in the subject": raw(event(), key, ce_subject=b"order\x00"),
        "NUL in another header": raw(event(), key, ce_traceparent=b"\x00"),
        "NUL in a header's name": Raw(key, event().value, (*event().headers, ("\x00", b""))),
        "no sequence": raw(event(), key, ce_sequence=b"0"),
        "a sequence too large": raw(event(), key, ce_sequence=b"9" * 19),
        "a sequence much too large": raw(event(), key, ce_sequence=b"9" * 5000),
        "no epoch": raw(event(), key, ce_epoch=b"0"),
        "an epoch too large": raw(event(), key, ce_epoch=str(2**31).encode()),
        "a subject too long": raw(event(), key, ce_subject=b"o" * 10_000),
        "no subject": raw(event(), key, ce_subject=b""),
        "a time of nowhere": raw(event(), key, ce_time=b"2026-03-02T07:00:00"),
    }


async def _buried(plumbing: Plumbing, consumer: str, fact: OrderCompleted) -> list[asyncpg.Record]:
    """List a consumer's dead letters by this key only: the topic is shared with other tests."""
    return [letter for letter in await dead_letters(plumbing, consumer) if letter["key"] == fact.key]


async def _until_buried(plumbing: Plumbing, consumer: str, fact: OrderCompleted, count: int) -> None:
    async def are_buried() -> bool:
        return len(await _buried(plumbing, consumer, fact)) >= count

    await wait_until(are_buried, what=f"{count} dead letters")


async def test_poison_becomes_one_dead_letter_each_and_stalls_nobody(plumbing: Plumbing) -> None:
    seen, good = Seen(), completed()
    reader = plumbing.consumer("poison", seen.router)
    records = poison(good.key.encode())
    async with plumbing.running(reader.run()):
        await send(plumbing, message(good, 1))
        await until(lambda: seen.has(good.order_id, "delivered"), "the worker reads")
        outcomes = ["delivered"]
        for kind, record in records.items():
            stalls: list[float] = []
            while not stalls or (stalls[-1] >= STALL_SECONDS and len(stalls) < TRIES):
                behind = message(completed(good.order_id, kind), len(outcomes) + 1)
                outcomes.append(kind)
                await send_raw(plumbing, record, raw(behind, good.key.encode()))
                sent_at = clock.monotonic()
                await until(lambda: seen.has(good.order_id, *outcomes), f"the event behind {kind!r} passes")
                stalls.append(seen.handled_at[good.order_id] - sent_at)
                # What is behind may be handled in the transaction that buries it: neither is there before its end.
                await _until_buried(plumbing, "poison", good, len(outcomes) - 1)
            assert min(stalls) < STALL_SECONDS, (kind, stalls)

    buried = await _buried(plumbing, "poison", good)
    assert [letter["reason"] for letter in buried] == [
        "unknown_type" if kind == "an unknown type" else "unreadable" for kind in outcomes[1:]
    ]
    assert {letter["topic"] for letter in buried} == {"doorstep.orders"}
    assert len({(letter["partition"], letter["offset"]) for letter in buried}) == len(outcomes) - 1
    assert all(letter["error"] for letter in buried)


async def test_the_stream_of_an_unknown_type_goes_on_behind_it(plumbing: Plumbing) -> None:
    seen, fact = Seen(), completed()
    reader = plumbing.consumer("unknown", seen.router)
    key = fact.key.encode()
    newer = raw(message(fact, 2), key, ce_type=b"doorstep.orders.order_framed.v1")
    async with plumbing.running(reader.run()):
        await send_raw(plumbing, newer, newer, raw(message(completed(fact.order_id, "third"), 3), key))
        await until(lambda: fact.key in reader.applier.parked_keys, "both wait for the first")
        await send_raw(plumbing, raw(message(completed(fact.order_id, "first"), 1), key))
        await until(lambda: seen.has(fact.order_id, "first", "third"), "the known ones are applied")

    assert [letter["reason"] for letter in await _buried(plumbing, "unknown", fact)] == ["unknown_type"]


@pytest.mark.parametrize("payload", [b"{not json", b'{"order_id": 7}', b"\xff"])
async def test_an_event_whose_payload_cannot_be_read_is_dead_at_once_and_blocks_only_its_stream(
    plumbing: Plumbing, payload: bytes
) -> None:
    seen, bad, good = Seen(), completed(), completed()
    reader = plumbing.consumer("unreadable", seen.router)
    key = good.key.encode()
    async with plumbing.running(reader.run()):
        await send_raw(
            plumbing,
            raw(message(bad, 1), key)._replace(value=payload),
            raw(message(good, 1), key),
            raw(message(completed(bad.order_id, "later"), 2), key),
            raw(message(completed(good.order_id, "later"), 2), key),
        )
        await until(lambda: seen.has(good.order_id, "delivered", "later"), "the other order goes on")

        async def waiting() -> list[tuple[int, str]]:
            rows = [row for row in await parked(plumbing, "unreadable") if row["key"] == bad.key]
            return [(row["sequence"], row["state"]) for row in rows]

        async def both_wait() -> bool:
            return await waiting() == [(1, "dead"), (2, "parked")]

        await wait_until(both_wait, what="the unreadable event is dead, the next waits behind it")
    assert not seen.by_order[bad.order_id]


async def test_what_cannot_even_be_parked_is_buried(bare_stack: LocalStack, plumbing: Plumbing) -> None:
    seen, bad, good = Seen(), completed(), completed()
    seen.fails.add(bad.order_id)
    reader = plumbing.consumer("unparkable", seen.router)
    owner = await asyncpg.connect(bare_stack.dsn("care", "owner"))
    await owner.execute("alter table parked add constraint no_unparkable check (consumer <> 'unparkable') not valid")
    try:
        async with plumbing.running(reader.run()):
            await send(plumbing, message(bad, 1), message(good, 1))
            await until(lambda: seen.has(good.order_id, "delivered"), "the other order goes on")

            async def buried() -> list[str]:
                return [row["error"] for row in await _buried(plumbing, "unparkable", bad)]

            (error,) = await wait_until(buried, what="the event is a dead letter")
    finally:
        await owner.execute("alter table parked drop constraint no_unparkable")
        await owner.close()
    assert error.startswith("cannot be parked")


async def _replay(plumbing: Plumbing, letter: asyncpg.Record) -> None:
    async with plumbing.consuming.transaction() as tx:
        await parking.replay_dead_letter(tx, letter["id"], actor="operator:olga", reason="it was mended")


async def test_a_record_that_can_be_read_by_now_is_applied_and_what_waited_behind_it_too(plumbing: Plumbing) -> None:
    seen, fact = Seen(), completed()
    reader = plumbing.consumer("mended", seen.router)
    sent, key = message(fact, 1), fact.key.encode()
    record = Record("doorstep.orders", 0, 7, key, sent.value, sent.headers)
    await reader.applier.bury(record, UnreadableError("an older reader did not know this"))
    async with plumbing.running(reader.run()):
        await send(plumbing, message(completed(fact.order_id, "later"), 2))

        async def waiting() -> list[asyncpg.Record]:
            return [row for row in await parked(plumbing, "mended") if row["key"] == fact.key]

        (held,) = await wait_until(waiting, what="the later one waits")
        (letter,) = await _buried(plumbing, "mended", fact)
        async with plumbing.consuming.transaction() as tx:  # of a partition that this worker holds
            await tx.execute("update dead_letter set partition = $2 where id = $1", letter["id"], held["partition"])
            tx.wrote = True
        await _replay(plumbing, letter)
        await until(lambda: seen.has(fact.order_id, "delivered", "later"), "both are applied, in their order")
    assert await _buried(plumbing, "mended", fact) == []


async def test_what_still_cannot_be_read_or_was_left_behind_is_not_replayed(plumbing: Plumbing) -> None:
    seen, good = Seen(), completed()
    reader = plumbing.consumer("hopeless", seen.router)
    records = poison(good.key.encode())
    async with plumbing.running(reader.run()):
        await send_raw(plumbing, raw(message(good, 1), good.key.encode()), *records.values())

        async def all_are_buried() -> bool:
            return len(await _buried(plumbing, "hopeless", good)) == len(records)

        await wait_until(all_are_buried, what="all are dead letters")
    letters = await _buried(plumbing, "hopeless", good)
    assert {letter["reason"] for letter in letters} == {"unreadable", "unknown_type"}
    for letter in letters:
        why = "still cannot be read" if letter["reason"] == "unreadable" else "went on behind it"
        with pytest.raises(ConflictError, match=why):
            await _replay(plumbing, letter)
    assert await _buried(plumbing, "hopeless", good) == letters, "they stay"
    assert [row for row in await parked(plumbing, "hopeless") if row["key"] == good.key] == []
