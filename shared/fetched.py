"""Records fetched and not yet taken: they are taken in the order in which they were sent, across topics.

Whoever lags reads a topic of few bytes far ahead of one of many, and meets effects before their causes. So nothing is
taken that was sent after the last record fetched of a partition which has more at the broker.
"""

import heapq
from collections import deque
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from math import inf
from typing import Any

from shared import clock

# A partition whose leader is away is not waited for any longer.
_PATIENCE_SECONDS = 5.0
_ENOUGH = 100  # of one partition: what reads ahead of the others is fetched no further


Partition = Hashable  # aiokafka's TopicPartition
Raw = Any  # aiokafka's ConsumerRecord, which has no types; `timestamp` is when it was sent, in ms


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far a partition was fetched: the latest time of sending, whether there is more, and when that was seen."""

    sent: int
    has_more: bool
    seen_at: float


class Fetched:
    """What is fetched of each partition and not taken."""

    def __init__(self) -> None:
        self._held: dict[Partition, deque[Raw]] = {}
        self._reach: dict[Partition, _Reach] = {}

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))

    def forget(self) -> None:
        """Drop everything: partitions were shared out anew, and are read from where they are committed."""
        self._held.clear()
        self._reach.clear()

    def short_of(self, assigned: Collection[Partition]) -> list[Partition]:
        """Give the partitions of which little or nothing is left."""
        return [partition for partition in assigned if len(self._held.get(partition, ())) < _ENOUGH]

    def add(self, partition: Partition, records: Sequence[Raw], end: int) -> None:
        """Keep what was fetched of a partition whose next record to come will be `end`."""
        sent = max(record.timestamp for record in records)
        self._held.setdefault(partition, deque()).extend(records)
        self._reach[partition] = _Reach(sent, records[-1].offset + 1 < end, clock.monotonic())

    def take(self, most: int) -> list[Raw]:
        """Take at most so many, each partition's in its own order."""
        since = clock.monotonic() - _PATIENCE_SECONDS
        limit = min((one.sent for one in self._reach.values() if one.has_more and one.seen_at > since), default=inf)
        in_order = heapq.merge(
            *([(record, partition) for record in held] for partition, held in self._held.items()),
            key=lambda entry: entry[0].timestamp,
        )
        taken = list(islice(takewhile(lambda entry: entry[0].timestamp <= limit, in_order), most))
        for _, partition in taken:
            self._held[partition].popleft()
        self._held = {partition: held for partition, held in self._held.items() if held}
        return [record for record, _ in taken]
