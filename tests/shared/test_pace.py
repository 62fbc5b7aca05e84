"""How workers take what comes: in the order of its causes, and ever more at once the more there is."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from shared import clock, pace
from shared.fetched import Fetched
from shared.kafka import GroupConsumer
from tests.shared.conftest import Plumbing


class _Fetched:
    """A member's partitions with what was fetched of them: (offset, when it was sent) of each record."""

    def __init__(self, **fetched: list[tuple[int, int]]) -> None:
        self._fetched = {TopicPartition(f"doorstep.{source}", 0): records for source, records in fetched.items()}

    def assignment(self) -> set[TopicPartition]:
        return set(self._fetched)

    def highwater(self, partition: TopicPartition) -> int:
        return len(self._fetched[partition])

    def resume(self, *_partitions: TopicPartition) -> None:
        pass

    def pause(self, *_partitions: TopicPartition) -> None:
        pass

    async def getmany(self, *partitions: TopicPartition, **_limits: int) -> dict[TopicPartition, list[Any]]:
        return {
            partition: [
                SimpleNamespace(
                    topic=partition.topic, partition=0, offset=offset, timestamp=sent, key=b"k", value=b"{}", headers=()
                )
                for offset, sent in self._fetched[partition]
            ]
            for partition in sorted(partitions, key=lambda one: one.topic)
        }


class _Moving(_Fetched):
    """A partition whose owner before goes on writing and committing, from one question to the next."""

    end = 97

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)

    async def committed(self, _partition: TopicPartition) -> int:
        self.end += 20
        return self.end


async def _read(plumbing: Plumbing, fetched: _Fetched, *, checked: bool = True) -> list[tuple[str, int]]:
    async def nothing() -> None:
        pass

    member = GroupConsumer(
        plumbing.settings, group="order", topics=["doorstep.orders"], instance="m", on_revoked=nothing
    )
    connected, member._consumer = member._consumer, fetched  # noqa: SLF001 - fetched at our choice
    member._ends_are_exact, member._checked = True, checked  # noqa: SLF001
    records = await member.poll(max_records=500, timeout_seconds=0.1)
    await connected.stop()
    return [(record.topic.removeprefix("doorstep."), record.offset) for record in records]


async def test_a_cause_is_read_before_its_effect_of_another_topic(plumbing: Plumbing) -> None:
    fetched = _Fetched(inventory=[(0, 1_001), (1, 1_003)], orders=[(0, 1_000), (1, 1_002)])
    assert await _read(plumbing, fetched) == [("orders", 0), ("inventory", 0), ("orders", 1), ("inventory", 1)]


async def test_a_clock_that_goes_back_changes_no_order_within_a_partition(plumbing: Plumbing) -> None:
    read = await _read(plumbing, _Fetched(inventory=[(0, 900)], orders=[(0, 1_000), (1, 10), (2, 1_001)]))
    assert [offset for source, offset in read if source == "orders"] == [0, 1, 2]


async def test_a_partition_that_its_owner_before_still_commits_has_lost_nothing(plumbing: Plumbing) -> None:
    assert await _read(plumbing, _Moving(orders=[(96, 1_000)]), checked=False) == [("orders", 96)]


def _sent(topic: str, *times: int, first: int = 0) -> list[SimpleNamespace]:
    return [SimpleNamespace(topic=topic, offset=first + n, timestamp=time) for n, time in enumerate(times)]


def _told(records: list[SimpleNamespace]) -> list[str]:
    return [f"{record.topic} {record.timestamp}" for record in records]


def test_who_lags_reads_no_topic_ahead_of_one_that_has_more_to_come() -> None:
    fetched = Fetched()
    fetched.add("orders", _sent("orders", 10, 20), end=4)
    fetched.add("inventory", _sent("inventory", 11, 21, 31), end=3)

    assert _told(fetched.take(500)) == ["orders 10", "inventory 11", "orders 20"]
    assert (_told(fetched.take(500)), len(fetched)) == ([], 2)

    fetched.add("orders", _sent("orders", 25, 30, first=2), end=4)
    assert _told(fetched.take(3)) == ["inventory 21", "orders 25", "orders 30"]
    assert _told(fetched.take(3)) == ["inventory 31"], "orders has no more, so nothing is waited for"


def test_a_partition_that_stays_away_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = Fetched()
    fetched.add("orders", _sent("orders", 10), end=9)
    fetched.add("inventory", _sent("inventory", 31), end=1)
    assert _told(fetched.take(500)) == ["orders 10"]

    monkeypatch.setattr("shared.fetched._PATIENCE_SECONDS", 0.0)
    assert _told(fetched.take(500)) == ["inventory 31"]


def test_what_was_shared_out_anew_is_fetched_anew() -> None:
    fetched = Fetched()
    fetched.add("orders", _sent("orders", 10), end=1)
    fetched.forget()
    assert (_told(fetched.take(500)), len(fetched)) == ([], 0)


def test_what_reads_ahead_of_the_others_is_fetched_no_further() -> None:
    fetched = Fetched()
    fetched.add("orders", _sent("orders", 10), end=9)
    fetched.add("inventory", _sent("inventory", *range(1_000, 1_100)), end=500)
    assert fetched.short_of(["orders", "inventory", "shipping"]) == ["orders", "shipping"]


async def test_a_worker_rests_as_long_as_its_round_took_but_never_long() -> None:
    began = clock.monotonic()
    await pace.rest_after(began - 0.02)
    assert clock.monotonic() - began >= 0.02
    began = clock.monotonic()
    await pace.rest_after(began - 3_600)
    assert clock.monotonic() - began < 30, "an hour's round is not followed by an hour's rest"


async def test_who_reads_along_rests_longer_unless_time_is_stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    began = clock.monotonic()
    await pace.rest_after(began - 0.02, pace.FOLLOWING)
    assert clock.monotonic() - began >= 0.08
    rests: list[float] = []

    async def note(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr("shared.pace.asyncio.sleep", note)
    monkeypatch.setattr("shared.clock.is_stepped", lambda: True)
    await pace.rest_after(clock.monotonic() - 3_600, pace.FOLLOWING)
    monkeypatch.setattr("shared.clock.is_stepped", lambda: False)
    await pace.rest_after(clock.monotonic() - 3_600, pace.FOLLOWING)
    assert rests == [0.05, 0.25]
