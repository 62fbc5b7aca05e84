"""Events on their way out: written with the rows they tell of, numbered without gaps per stream."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from orjson import Fragment

from shared import writes
from shared.events.base import Event, topic_of
from shared.ids import new_id

if TYPE_CHECKING:
    from shared.db import Connection

SHARDS = 64
_BESIDE = "{beside}"
_PARAMETERS = 14  # of _APPEND itself


@dataclass(frozen=True, slots=True)
class Origin:
    """What the facts of one key follow from: the id of a request, event or job, and its trace."""

    cause: str
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Pending:
    """A fact waiting for its transaction's commit; one that `resumes` continues the trace its stream began with."""

    fact: Event
    occurred_at: datetime
    cause: str
    traceparent: str | None
    resumes: bool = False


# Streams are locked in key order and numbered in the transaction's last statement, so the order of
# sequences is the order of commits; identities are drawn after the sort, so ids follow sequences.
_APPEND = """
with {beside}fact as (
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[],
    $7::timestamptz[], $8::int[], $9::smallint[], $10::boolean[])
  with ordinality as f(event_id, topic, key, type, headers, payload, occurred_at, countdown, shard, resumes, place)
), taken as (
  insert into stream (key, sequence, traceparent)
  select s.key, s.count, s.trace from unnest($11::text[], $12::bigint[], $13::text[]) as s(key, count, trace)
  order by s.key
  on conflict (key) do update set sequence = stream.sequence + excluded.sequence,
    traceparent = coalesce(stream.traceparent, excluded.traceparent)
  returning key, sequence, traceparent
)
insert into outbox (event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at)
select f.event_id, f.shard, f.topic, f.key, $14, t.sequence - f.countdown, f.type,
  case when f.resumes and t.traceparent is not null
    then f.headers || jsonb_build_object('ce_traceparent', t.traceparent) else f.headers end,
  f.payload, f.occurred_at
from fact f join taken t using (key)
order by f.place
"""


def shard_of(key: str) -> int:
    """Give the shard of a key; one relay at a time sends a shard."""
    return zlib.crc32(key.encode()) % SHARDS


async def append(
    connection: "Connection", events: Sequence[Pending], epoch: int, others: writes.Writes | None = None
) -> None:
    """Write events to the outbox inside the caller's transaction, as its last statement, with `others` beside."""
    keyed = [(pending.fact.key, pending) for pending in events]
    totals: dict[str, int] = {}
    traces: dict[str, str | None] = {}
    for key, pending in keyed:
        totals[key] = totals.get(key, 0) + 1
        traces.setdefault(key, pending.traceparent)
    seen: dict[str, int] = {}
    rows: list[tuple[object, ...]] = []
    for key, pending in keyed:
        seen[key] = seen.get(key, 0) + 1
        rows.append(_row(key, pending, countdown=totals[key] - seen[key]))
    columns = [list(column) for column in zip(*rows, strict=True)]
    keys = sorted(totals)
    firsts = [traces[key] for key in keys]
    more = others or {}
    statement = _APPEND.replace(_BESIDE, writes.beside(more, _PARAMETERS))
    await connection.execute(
        statement, *columns, keys, [totals[key] for key in keys], firsts, epoch, *writes.values_of(more)
    )


async def traces_of(connection: "Connection", keys: Iterable[str]) -> dict[str, str]:
    """Give the traces that streams of ours began with, of those that have one."""
    rows = await connection.fetch(
        "select key, traceparent from stream where key = any($1::text[]) and traceparent is not null", sorted(set(keys))
    )
    return {row["key"]: row["traceparent"] for row in rows}


def _row(key: str, pending: Pending, countdown: int) -> tuple[object, ...]:
    fact = pending.fact
    event_id: UUID = new_id()
    headers = {
        "ce_causationid": pending.cause,
        "ce_correlationid": key,
        "ce_traceparent": pending.traceparent or "",
        "ce_aggregatetype": fact.aggregate_type,
        "ce_aggregateid": key,
    }
    return (
        event_id,
        topic_of(fact.source),
        key,
        fact.event_type,
        headers,
        Fragment(fact.model_dump_json()),
        pending.occurred_at,
        countdown,
        shard_of(key),
        pending.resumes,
    )
