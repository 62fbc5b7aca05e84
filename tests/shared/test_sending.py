"""What a producer is given first lies in its topic before what it is given next."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from shared import topics
from shared.ids import new_id
from shared.kafka import BrokerAwayError, Message, Producer
from tests.shared.conftest import Plumbing, completed, message

_LATE_SECONDS = 0.5  # far longer than a send takes


async def _new_to_its_topic(plumbing: Plumbing) -> tuple[Producer, Message]:
    """Give a producer that has sent nothing yet, and what it may send."""
    topic = f"doorstep.new-{new_id()}"
    await topics.create_topics(plumbing.settings, [topic])
    producer = Producer(plumbing.settings, "new")
    await producer.start()
    return producer, replace(message(completed(), 1), topic=topic)


async def test_of_two_who_send_at_once_the_second_comes_after_all_of_the_first(plumbing: Plumbing) -> None:
    """What is more than one batch holds waits for room, and in that time the other would send to the next partition."""
    topic = f"doorstep.at-once-{new_id()}"
    await topics.create_topics(plumbing.settings, [topic])
    crowded, quiet = (replace(message(completed(), 1), topic=topic, key=key) for key in (b"1", b"2"))
    large = replace(crowded, value=b"x" * 200_000)
    producer = Producer(plumbing.settings, "at once")
    await producer.start()
    await producer.send([crowded, quiet])
    first, second = await asyncio.gather(producer.send([large, large, large, quiet]), producer.send([quiet]))
    await producer.close()
    assert first[-1].partition == second[0].partition != first[0].partition
    assert first[-1].offset < second[0].offset


async def test_who_waits_to_hear_of_the_topic_is_not_overtaken_by_who_hears_of_it_at_once(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer's first sends: aiokafka asks for a topic it does not know, and rests before it asks again."""
    producer, one = await _new_to_its_topic(plumbing)
    ask, asked = producer._producer.partitions_for, 0  # noqa: SLF001

    async def is_slow_at_first(name: str) -> Any:  # noqa: ANN401 - aiokafka has no types
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.sleep(_LATE_SECONDS)
        return await ask(name)

    monkeypatch.setattr(producer._producer, "partitions_for", is_slow_at_first)  # noqa: SLF001
    ((first,), (second,)) = await asyncio.gather(producer.send([one]), producer.send([one]))
    await producer.close()
    assert first.offset < second.offset


async def test_what_was_to_follow_a_batch_that_failed_is_not_sent(
    plumbing: Plumbing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failed one holds its turn until it fails; all of it is sent again, by another producer."""
    producer, one = await _new_to_its_topic(plumbing)
    handed_over: list[str] = []

    async def no_room(*_args: Any, **_more: Any) -> None:  # noqa: ANN401 - aiokafka has no types
        handed_over.append("first" if not handed_over else "second")
        await asyncio.sleep(0)
        raise KafkaTimeoutError

    monkeypatch.setattr(producer._producer, "send_batch", no_room)  # noqa: SLF001
    outcomes = await asyncio.gather(producer.send([one]), producer.send([one]), return_exceptions=True)
    await producer.close()
    assert [type(outcome) for outcome in outcomes] == [BrokerAwayError, BrokerAwayError]
    assert handed_over == ["first"]
