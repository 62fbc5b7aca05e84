"""In which order the topics tell of a key: read from the broker itself, when everything has come to rest."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from deploy.local import names
from deploy.local.stack import LocalStack
from shared import clock
from shared.kafka import PARTITIONS
from tests.broker import BROKER
from tests.faults.look import rows

_SENT = """
select event_id::text as event_id from (
  select event_id, min(recorded_at) over (partition by key) as since from event_log where key = any($1::text[])
) e where since > $2
"""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_BYTES = 8 * 1024 * 1024
_PATIENCE_SECONDS = 60.0
_BATCH = 5000
Place = tuple[int, int]


@dataclass
class Told:
    """Where each stream's events lie, by (topic, key), as (epoch, sequence); what came again is left out."""

    wanted: set[str]
    streams: dict[tuple[str, str], list[Place]] = field(default_factory=lambda: defaultdict(list))
    missing: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.missing = set(self.wanted)

    def add(self, record: ConsumerRecord) -> None:
        """Take a record, where it is the first of an event that is asked for."""
        headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
        if headers.get("ce_id") not in self.missing:
            return
        self.missing.remove(headers["ce_id"])
        place = int(headers["ce_epoch"]), int(headers["ce_sequence"])
        self.streams[record.topic, headers["ce_subject"]].append(place)


def swapped(places: Sequence[Place]) -> list[tuple[Place, Place]]:
    """Give each event that is followed by an earlier one of its stream, with that one."""
    return [(before, after) for before, after in pairwise(places) if after < before]


async def out_of_order(
    stack: LocalStack, keys: Iterable[str], *, but: Iterable[tuple[str, str]] = (), forgotten: bool = False
) -> list[str]:
    """Say where the topics tell of these keys in another order than it happened.

    Streams, as (topic, key), that a test has shuffled itself are left out by `but`. Where the broker has `forgotten`
    what it had before it started, as the embedded one always does, only streams that began later are looked at.
    """
    since = stack.processes[names.BROKER].began_at if forgotten or BROKER == "tansu" else _LONG_AGO
    sent = [await rows(stack, service, _SENT, list(keys), since) for service in names.SERVICES]
    told = Told({row["event_id"] for found in sent for row in found})
    await _read(stack.bootstrap, told)
    mine = {stream: places for stream, places in told.streams.items() if stream not in set(but)}
    return [
        f"{topic} tells of {key} #{before[1]} before #{after[1]}"
        for (topic, key), places in mine.items()
        for before, after in swapped(places)
    ]


async def _read(bootstrap: str, told: Told) -> None:
    """Read all topics from their beginning until everything asked for was seen."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=_LARGEST_BYTES,
    )  # fmt: skip
    await reader.start()
    try:
        partitions = [TopicPartition(topic, number) for topic in names.TOPICS for number in range(PARTITIONS)]
        reader.assign(partitions)
        await reader.seek_to_beginning(*partitions)
        ends = clock.monotonic() + _PATIENCE_SECONDS
        while told.missing:
            assert clock.monotonic() < ends, f"{len(told.missing)} events that were sent are in no topic"
            batches = await asyncio.wait_for(reader.getmany(timeout_ms=500, max_records=_BATCH), _PATIENCE_SECONDS)
            for record in (record for batch in batches.values() for record in batch):
                told.add(record)
    finally:
        await reader.stop()
