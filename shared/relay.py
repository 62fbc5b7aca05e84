"""Sends the outbox to the broker in order, then moves what was acknowledged to the event log."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog

from shared import clock, db, metrics, pace
from shared.failpoints import failpoint
from shared.kafka import Address, BrokerAwayError, Message, Producer
from shared.outbox import SHARDS
from shared.tables import RING_SLOTS

if TYPE_CHECKING:
    DirectConnection = asyncpg.Connection[asyncpg.Record]

log = structlog.get_logger()

CHANNEL = "doorstep_work"
PUBLISHED = "published"
_LOCK_CLASS = 7301  # the advisory locks of the shards
_BATCH = 500
_POLL_SECONDS = 1.0
_SWEEP_SECONDS = 600
_SHARDS_SECONDS = 1
_MAX_BACKOFF_SECONDS = 5
_CONNECTION_FAILS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection says that died in the middle of an answer
)

# While somebody's old snapshot keeps dead rows, a read from the beginning passes over all of them. So it begins at a
# low water mark: where an earlier batch began, once every transaction that is older than its move has ended. What comes
# later draws higher ids, however long a transaction takes.
_READ = """
select id, event_id, topic, key, epoch, sequence, type, headers, payload::text as payload, occurred_at,
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest_running
from outbox where shard = any($1::smallint[]) and id > $2 and id <> all($3::bigint[]) order by id limit $4
"""
# What is published again counts as published now: else a broker's second death would forget it for good.
_MOVE = f"""
with moved as (delete from outbox where id = any($1::bigint[]) returning *),
acknowledged as (select * from unnest($1::bigint[], $2::int[], $3::bigint[]) as a(id, partition, "offset")),
kept as (
insert into event_log (slot, event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at,
  recorded_at, published_at, partition, "offset")
select (extract(epoch from recorded_at)::bigint / 86400 % {RING_SLOTS})::smallint, event_id, shard, topic, key, epoch,
  sequence, type, headers, payload, occurred_at, recorded_at, clock_timestamp(), partition, "offset"
from (select distinct on (key, epoch, sequence) * from moved join acknowledged using (id)) as once
on conflict (slot, key, epoch, sequence) do update set published_at = excluded.published_at,
  partition = excluded.partition, "offset" = excluded."offset"
)
select pg_current_xact_id()::text::bigint
"""
# By the primary key and a page at a time, whatever of it is wanted: no statement is long, however much there is.
_REPLAY_PAGE = """
with page as materialized (
  select * from event_log where slot = $1 and (key, epoch, sequence) > ($2, $3, $4)
  order by key, epoch, sequence limit $5
), queued as (
  insert into outbox (event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at, recorded_at)
  select event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at, recorded_at
  from page where published_at >= $6 order by key, epoch, sequence returning id
)
select key, epoch, sequence, (select count(*) from queued) as queued from page
order by key desc, epoch desc, sequence desc limit 1
"""
_REPLAY_KEY = """
insert into outbox (event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at, recorded_at)
select event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at, recorded_at
from event_log where published_at >= $1 and key = $2 order by epoch, sequence
"""
_REPLAY_ROWS = 1000
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A batch on its way to the broker."""

    ids: list[int]
    sent: asyncio.Task[list[Address]]


class Relay:
    """One per worker; several workers share the shards by advisory locks on their direct connections."""

    def __init__(
        self,
        url: str,
        source: str,
        new_producer: Callable[[], Producer],
        on_notice: Callable[[], None],
        own_backend: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._url = url
        self._source = source
        self._new_producer = new_producer
        self._on_notice = on_notice
        self._own_backend = own_backend
        self._producer: Producer | None = None
        self._wake = asyncio.Event()
        self._mine: set[int] = set()
        self._in_flight: deque[_InFlight] = deque()
        self._low_water = 0
        self._marks: deque[tuple[int, int]] = deque()  # low water marks to come: (once none older runs, from id)
        self._swept_at = 0.0
        self._asked_at = 0.0
        self.sent = 0

    def wake(self) -> None:
        """Say that the outbox may have something new."""
        self._wake.set()

    def _noticed(self, backend: int, payload: object) -> None:
        """Hear of a commit of another process; of our own we know already."""
        if backend == self._own_backend():
            return
        if payload == PUBLISHED:
            self._wake.set()
        self._on_notice()

    async def run(self) -> None:
        """Relay until cancelled; any error throws connection and producer away and starts again."""
        backoff = 0.1
        while True:
            connection: DirectConnection | None = None
            try:
                connection = await db.connect(self._url, application=f"{self._source} relay")
                await self._relay(connection)
            except (BrokerAwayError, *_CONNECTION_FAILS) as error:
                log.warning("relay starts again", service=self._source, error=error)
                metrics.RELAY_RESTARTS.labels(self._source).inc()
                backoff = min(backoff * 2, _MAX_BACKOFF_SECONDS) if self.sent == 0 else 0.2
                self.sent = 0
            finally:
                await self._abandon(connection)
            await asyncio.sleep(backoff)

    async def _abandon(self, connection: "DirectConnection | None") -> None:
        for batch in self._in_flight:
            batch.sent.cancel()
        await asyncio.gather(*(batch.sent for batch in self._in_flight), return_exceptions=True)
        self._in_flight.clear()
        self._mine.clear()
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.close()
        if connection is not None:
            with contextlib.suppress(*_CONNECTION_FAILS):
                await connection.close(timeout=2)

    async def _relay(self, connection: "DirectConnection") -> None:
        await connection.add_listener(CHANNEL, lambda _, backend, __, payload: self._noticed(backend, payload))
        self._asked_at = 0.0
        self._read_from_the_beginning()
        while True:
            await self._take_free_shards(connection)
            self._wake.clear()
            began = clock.monotonic()
            rows = await self._read(connection)
            if rows:
                await self._send(rows)
            # A second batch is sent beside the first only where there is more to send than one holds.
            if self._in_flight and (len(rows) < _BATCH or len(self._in_flight) > 1):
                await self._acknowledge(connection)
            if len(rows) < _BATCH and not self._in_flight:
                await pace.rest_after(began)
                with contextlib.suppress(TimeoutError):
                    # Not `wait_for`, which forgets a cancellation that comes in the moment of the wake-up.
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._wake.wait()

    async def _take_free_shards(self, connection: "DirectConnection") -> None:
        if len(self._mine) == SHARDS or clock.monotonic() - self._asked_at < _SHARDS_SECONDS:
            return
        self._asked_at = clock.monotonic()
        wanted = [shard for shard in range(SHARDS) if shard not in self._mine]
        rows = await connection.fetch(
            "select shard from unnest($1::int[]) shard where pg_try_advisory_lock($2, shard)", wanted, _LOCK_CLASS
        )
        if rows:
            # The marks stand for the shards held until now: of the new ones, older events may wait.
            while self._in_flight:
                await self._acknowledge(connection)
            self._read_from_the_beginning()
        self._mine.update(row["shard"] for row in rows)

    def _read_from_the_beginning(self) -> None:
        self._low_water = 0
        self._marks.clear()
        self._swept_at = clock.monotonic()

    async def _read(self, connection: "DirectConnection") -> list[asyncpg.Record]:
        if not self._mine:
            return []
        if clock.monotonic() - self._swept_at > _SWEEP_SECONDS:  # a replay draws its first id before it has a number
            self._read_from_the_beginning()
        busy = [identity for batch in self._in_flight for identity in batch.ids]
        rows = list(await connection.fetch(_READ, sorted(self._mine), self._low_water, busy, _BATCH))
        while rows and self._marks and self._marks[0][0] <= rows[0]["oldest_running"]:
            _, mark = self._marks.popleft()
            self._low_water = min(mark, rows[0]["id"] - 1)  # the batch may end below the mark
        return rows

    async def _send(self, rows: list[asyncpg.Record]) -> None:
        if self._producer is None:
            self._producer = self._new_producer()
            await self._producer.start()
        messages = [message_of(row) for row in rows]
        sent = asyncio.create_task(self._producer.send(messages))
        self._in_flight.append(_InFlight([row["id"] for row in rows], sent))

    async def _acknowledge(self, connection: "DirectConnection") -> None:
        batch = self._in_flight[0]
        addresses = await batch.sent
        failpoint("relay.acknowledged")
        partitions, offsets = [one.partition for one in addresses], [one.offset for one in addresses]
        moved_by = await connection.fetchval(_MOVE, batch.ids, partitions, offsets)
        self._in_flight.popleft()
        self.sent += len(batch.ids)
        self._marks.append((moved_by, batch.ids[0] - 1))
        metrics.EVENTS_PUBLISHED.labels(self._source).inc(len(batch.ids))


def message_of(row: asyncpg.Record | Mapping[str, Any]) -> Message:
    """Make the record of a row of the outbox or the event log, its payload read as text."""
    key = row["key"].encode()
    own = (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", str(row["event_id"]).encode()),
        ("ce_source", row["topic"].removeprefix("doorstep.").encode()),
        ("ce_type", row["type"].encode()),
        ("ce_subject", key),
        ("ce_time", row["occurred_at"].isoformat().encode()),
        ("ce_epoch", b"%d" % row["epoch"]),
        ("ce_sequence", b"%d" % row["sequence"]),
    )
    added = tuple([(name, value.encode()) for name, value in row["headers"].items()])
    return Message(row["topic"], key, row["payload"].encode(), own + added)


async def republish(connection: "db.Connection", since: datetime, key: str | None) -> int:
    """Queue everything published since `since` (real time) once more, of one key if given; gives the count."""
    if key is not None:
        tag = await connection.execute(_REPLAY_KEY, since, key)
        return int(tag.rsplit(" ", 1)[-1])
    today = int(clock.real().timestamp()) // _SECONDS_A_DAY
    # The oldest day first: so the events of a key keep their order over midnight.
    return sum([await _republish_day(connection, since, today - age) for age in reversed(range(RING_SLOTS))])


async def _republish_day(connection: "db.Connection", since: datetime, day: int) -> int:
    count, after = 0, ("", 0, 0)
    while True:
        last = await connection.fetchrow(_REPLAY_PAGE, day % RING_SLOTS, *after, _REPLAY_ROWS, since)
        if last is None:
            return count
        count += int(last["queued"])
        after = last["key"], last["epoch"], last["sequence"]


async def replay(url: str, since: datetime, key: str | None = None) -> int:
    """Republish on a connection of its own, page by page, and wake the relays."""
    connection = await db.connect(url, application="doorstep replay")
    try:
        count = await republish(connection, since, key)
        await connection.execute("select pg_notify($1, '')", CHANNEL)
    finally:
        await connection.close()
    return count
