"""What arrived: positions of streams, the inbox of applied events, parked streams and dead letters."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import asyncpg
import orjson
from pydantic import ValidationError

from shared import clock
from shared.db import Transaction
from shared.events.base import REGISTRY, Event, Received, topic_of
from shared.kafka import Record
from shared.tables import RING_SLOTS

# It locks the streams in key order and advances by $6 events those whose next event is the first of them.
_ADVANCE = """
insert into stream_position (consumer, source, key, epoch, sequence)
select $1, s.source, s.key, s.epoch, s.last
from unnest($2::text[], $3::text[], $4::int[], $5::bigint[]) as s(source, key, epoch, last)
where s.last = $6 or exists (
  select from stream_position p where p.consumer = $1 and p.source = s.source and p.key = s.key)
order by s.source, s.key
on conflict (consumer, source, key) do update set epoch = excluded.epoch, sequence = excluded.sequence
where (stream_position.epoch = excluded.epoch and stream_position.sequence = excluded.sequence - $6)
  or stream_position.epoch < excluded.epoch
returning source, key
"""
_POSITIONS = """
select s.source, s.key, coalesce(p.epoch, s.epoch) as epoch, coalesce(p.sequence, 0) as sequence
from unnest($2::text[], $3::text[], $4::int[]) as s(source, key, epoch)
left join stream_position p on p.consumer = $1 and p.source = s.source and p.key = s.key
"""
_PARK = """
insert into parked (consumer, source, key, epoch, sequence, event_id, topic, partition, headers, payload, state, reason,
  parked_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing
"""
_DEAD_LETTER = """
insert into dead_letter (consumer, topic, partition, "offset", reason, error, headers, key, payload, recorded_at,
  fingerprint)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing
"""

GAP = "gap: an earlier event of this stream has not arrived"

# Together they say, without asking the broker, whether everything published was read.
PUBLISHED_AND_CONSUMED = """
select '' as source, coalesce(sum(sequence), 0) as events from stream
union all
select source, sum(events) from (
  select source, sum(sequence) as events from stream_position where consumer = $1 group by source
  union all select source, count(*) from parked where consumer = $1 group by source
) as read group by source
"""


_MAX_SEQUENCE = 2**63 - 1
_MAX_EPOCH = 2**31 - 1
_LOST = "�"  # stands where a byte was that is no text
_MAX_SUBJECT = 500  # characters: positions and parked streams are found by it, and an index entry has its limit


class UnreadableError(ValueError):
    """A record that is no event of ours."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event as it came, its payload not yet parsed."""

    id: UUID
    type: str
    source: str
    key: str
    epoch: int
    sequence: int
    occurred_at: datetime
    correlation_id: str
    traceparent: str | None
    payload: bytes
    record: Record

    @property
    def stream(self) -> tuple[str, str]:
        """The producing service and the key."""
        return self.source, self.key


def read_envelope(record: Record) -> Envelope:
    """Read the CloudEvents headers; raises UnreadableError naming what is wrong."""
    if record.value is None:
        raise UnreadableError("no value")
    try:
        headers = {name: value.decode() for name, value in record.headers}
        envelope = Envelope(
            id=UUID(headers["ce_id"]),
            type=headers["ce_type"],
            source=headers["ce_source"],
            key=headers["ce_subject"],
            epoch=int(headers.get("ce_epoch", "1")),
            sequence=int(headers["ce_sequence"]),
            occurred_at=_moment(headers["ce_time"]),
            correlation_id=headers.get("ce_correlationid", ""),
            traceparent=headers.get("ce_traceparent") or None,
            payload=record.value,
            record=record,
        )
    except KeyError as missing:
        raise UnreadableError(f"header {missing} is missing") from missing
    except (ValueError, OverflowError) as error:
        raise UnreadableError(f"a header cannot be read: {error}") from error
    _check(envelope)
    return envelope


def _moment(text: str) -> datetime:
    """Read a time that there is in UTC as well; raises ValueError and OverflowError."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _check(envelope: Envelope) -> None:
    """Refuse what our tables cannot hold or what belongs elsewhere; raises UnreadableError."""
    record = envelope.record
    if not envelope.type.startswith(f"{record.topic}.") or topic_of(envelope.source) != record.topic:
        raise UnreadableError(f"type {envelope.type!r} of {envelope.source!r} does not belong to topic {record.topic}")
    if not (1 <= envelope.sequence <= _MAX_SEQUENCE and 1 <= envelope.epoch <= _MAX_EPOCH):
        raise UnreadableError("sequence or epoch is out of bounds")
    if envelope.occurred_at.tzinfo is None or not 1 <= len(envelope.key) <= _MAX_SUBJECT:
        raise UnreadableError("time or subject is not valid")
    if b"\x00" in envelope.payload or any("\x00" in name or b"\x00" in value for name, value in record.headers):
        raise UnreadableError("a header or the value contains NUL")


def read_event(envelope: Envelope) -> Received[Event]:
    """Parse the payload of a type we know; raises UnreadableError naming the fields."""
    try:
        fact = REGISTRY[envelope.type].model_validate_json(envelope.payload)
    except ValidationError as error:
        fields = "; ".join(f"{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise UnreadableError(f"payload of {envelope.type}: {fields}") from error
    return Received(
        event=fact,
        id=envelope.id,
        source=envelope.source,
        key=envelope.key,
        epoch=envelope.epoch,
        sequence=envelope.sequence,
        occurred_at=envelope.occurred_at,
        correlation_id=envelope.correlation_id,
        traceparent=envelope.traceparent,
    )


async def advance(tx: Transaction, consumer: str, wave: Sequence[Envelope]) -> set[tuple[str, str]]:
    """Advance the streams whose next events are in the wave (of each stream one, or several without a gap).

    Gives the streams that advanced, over all their events in the wave; the others stay where they are.
    """
    runs: dict[tuple[str, str], list[Envelope]] = defaultdict(list)
    for envelope in wave:
        runs[envelope.stream].append(envelope)
    by_length: dict[int, list[Envelope]] = defaultdict(list)
    for run in runs.values():
        by_length[len(run)].append(run[-1])
    rows: list[asyncpg.Record] = []
    for length, lasts in sorted(by_length.items()):
        sources, keys = [one.source for one in lasts], [one.key for one in lasts]
        places = [one.epoch for one in lasts], [one.sequence for one in lasts]
        rows += await tx.fetch(_ADVANCE, consumer, sources, keys, *places, length)
    return {(row["source"], row["key"]) for row in rows}


async def positions(tx: Transaction, consumer: str, wave: Sequence[Envelope]) -> dict[tuple[str, str], tuple[int, int]]:
    """Read (epoch, sequence) of the wave's streams; (its epoch, 0) for a stream never seen."""
    rows = await tx.fetch(
        _POSITIONS,
        consumer,
        [envelope.source for envelope in wave],
        [envelope.key for envelope in wave],
        [envelope.epoch for envelope in wave],
    )
    return {(row["source"], row["key"]): (row["epoch"], row["sequence"]) for row in rows}


def ring_slot(moment: datetime) -> int:
    """Give the daily partition a real time falls into."""
    return int(moment.timestamp()) // 86_400 % RING_SLOTS


async def remember(tx: Transaction, consumer: str, applied: Sequence[Envelope]) -> None:
    """Enter applied events into the inbox."""
    await tx.write(
        "insert into inbox (slot, consumer, event_id) select $1, $2, unnest($3::uuid[])",
        ring_slot(clock.real()),
        consumer,
        [envelope.id for envelope in applied],
    )


async def known(tx: Transaction, consumer: str, events: Sequence[Envelope]) -> set[UUID]:
    """Give the ids of those events that were applied before."""
    rows = await tx.fetch(
        "select event_id from inbox where consumer = $1 and event_id = any($2::uuid[]) "
        "union all select event_id from parked where consumer = $1 and event_id = any($2::uuid[])",
        consumer,
        [envelope.id for envelope in events],
    )
    return {row["event_id"] for row in rows}


async def park(tx: Transaction, consumer: str, envelope: Envelope, reason: str, *, state: str = "parked") -> None:
    """Keep an event until its stream can go on; `state` is `parked` or `dead`."""
    await tx.execute(
        _PARK,
        consumer,
        envelope.source,
        envelope.key,
        envelope.epoch,
        envelope.sequence,
        envelope.id,
        envelope.record.topic,
        envelope.record.partition,
        {name: value.decode(errors="replace") for name, value in envelope.record.headers},
        envelope.payload.decode(errors="replace"),
        state,
        short(reason),
        clock.real(),
    )


def unpark(row: asyncpg.Record) -> Envelope:
    """Make the envelope of a parked row."""
    record = Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=-1,
        key=row["key"].encode(),
        value=row["payload"].encode(),
        headers=tuple((name, str(value).encode()) for name, value in row["headers"].items()),
    )
    return read_envelope(record)


async def bury(tx: Transaction, consumer: str, record: Record, reason: str, error: str) -> None:
    """Enter a record that cannot be read into the dead letters, once."""
    headers = {without_nul(name): _text(value) for name, value in record.headers}
    value = record.value or b""
    await tx.execute(
        _DEAD_LETTER,
        consumer,
        record.topic,
        record.partition,
        record.offset,
        reason,
        short(error),
        headers,
        None if record.key is None else _text(record.key),
        None if record.value is None else _text(value[:262_144]),
        clock.real(),
        _fingerprint(headers, record.key, value),
    )


def exhume(row: asyncpg.Record) -> Envelope:
    """Read a buried record again; raises UnreadableError for what still is no event, or was not kept as it came."""
    key, value = ((row[name] or "").encode() for name in ("key", "payload"))
    headers: dict[str, str] = row["headers"]
    if _LOST in "".join([*headers, *headers.values()]) or _fingerprint(headers, key, value) != row["fingerprint"]:
        raise UnreadableError("it was not kept as it came")
    record = Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        key=key,
        value=None if row["payload"] is None else value,
        headers=tuple((name, said.encode()) for name, said in headers.items()),
    )
    return read_envelope(record)


def _fingerprint(headers: dict[str, str], key: bytes | None, value: bytes) -> str:
    return sha256(orjson.dumps(sorted(headers.items())) + (key or b"") + value).hexdigest()


def _text(raw: bytes) -> str:
    return without_nul(raw.decode(errors="replace"))


def short(reason: str) -> str:
    """Give a reason as it is kept: at most 500 characters."""
    return without_nul(reason)[:500]


def without_nul(text: str) -> str:
    """Make of any text one that PostgreSQL can hold."""
    return text.replace("\x00", _LOST)
