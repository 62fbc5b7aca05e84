"""Parked streams: retried when any event of their key arrives and, ever less often, anyway; one retrier a partition."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import asyncpg
import structlog

from shared import clock, db, inbox, metrics
from shared.audit import audit
from shared.consumer import Applier
from shared.db import Database, Transaction
from shared.errors import ConflictError, NotFoundError, NotYetError

log = structlog.get_logger()

RETRY_SECONDS = 0.5
_MAX_RETRY_SECONDS = 30.0
_REST_SHARE = 8  # a stream that has waited for long is tried again after this part of its wait
MAX_ATTEMPTS = 8
# Before this a missing precondition is no failure. Real time: what is awaited is a message, not a step of the trade.
PATIENCE = timedelta(minutes=15)
_MAX_STREAMS = 200
_MOST_REVIVED = 1_000

# A stream whose first event is dead waits for an operator; it must not take the place of one that can go on.
_STREAMS = """
select source, key, parked_at from (
  select distinct on (source, key) source, key, parked_at, state from parked
  where consumer = $1 and partition = any($2::int[]) and ($3::text[] is null or key = any($3))
  order by source, key, epoch, sequence
) as first where state = 'parked'
"""
_FIRST = """
select * from parked where consumer = $1 and source = $2 and key = $3 order by epoch, sequence limit 1
"""
_LIST = """
select * from parked where $1::text is null or state = $1
order by state <> 'dead', parked_at, source, key, sequence limit $2
"""
_CAUSES = """
select reason, count(*) as count from parked where state = 'dead'
group by reason order by count(*) desc, reason limit $1
"""
_REVIVE_ALIKE = """
update parked set state = 'parked', attempts = 0
where state = 'dead' and (consumer, source, key, epoch, sequence) in (
  select consumer, source, key, epoch, sequence from parked where state = 'dead' and reason = $1
  order by consumer, source, key, epoch, sequence limit $2)
returning event_id
"""
_SAY_REASON = """
update parked set reason = $6
where consumer = $1 and source = $2 and key = $3 and epoch = $4 and sequence = $5
"""
_DELETE = """
delete from parked where consumer = $1 and source = $2 and key = $3 and epoch = $4 and sequence = $5
"""


class Retrier:
    """Gives parked streams another chance; one per worker, for the partitions it owns."""

    def __init__(self, applier: Applier, database: Database, owned: Callable[[], list[int]]) -> None:
        self._applier = applier
        self._database = database
        self._owned = owned
        self._rests_until: dict[tuple[str, str], float] = {}
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Retry until cancelled: young streams every half second, old ones every half minute."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self.retry(None)
            except Exception as error:
                if not (db.is_away(error) or db.is_transient(error)):
                    raise
                log.warning("retrier waits for the database", error=error)

    async def retry(self, keys: set[str] | None) -> None:
        """Retry the parked streams of these keys, or of all keys in the owned partitions."""
        async with self._lock:
            async with self._database.transaction() as tx:
                wanted = None if keys is None else sorted(keys)
                streams = await tx.fetch(_STREAMS, self._applier.name, self._owned(), wanted)
            if keys is None:
                self._applier.parked_keys = {row["key"] for row in streams}
            for row in self._rested(streams) if keys is None else streams:
                while await self._retry_first(row["source"], row["key"]):
                    pass

    def _rested(self, streams: list[asyncpg.Record]) -> list[asyncpg.Record]:
        """Give the oldest of the streams whose turn it is, and say when it is theirs again."""
        now, real = clock.monotonic(), clock.real()
        until = {
            (row["source"], row["key"]): self._rests_until.get((row["source"], row["key"]), 0.0) for row in streams
        }
        due = [row for row in streams if until[row["source"], row["key"]] <= now]
        due = sorted(due, key=lambda stream: stream["parked_at"])[:_MAX_STREAMS]
        for row in due:
            waited = (real - row["parked_at"]).total_seconds()
            pause = min(max(waited / _REST_SHARE, RETRY_SECONDS), _MAX_RETRY_SECONDS)
            until[row["source"], row["key"]] = now + pause
        self._rests_until = until
        return due

    async def _retry_first(self, source: str, key: str) -> bool:
        """Try the stream's first parked event; say whether the next one may be tried."""
        row: asyncpg.Record | None = None
        try:
            async with self._database.transaction() as tx:
                row = await tx.row(_FIRST, self._applier.name, source, key)
                return row is not None and row["state"] == "parked" and await self._apply(tx, row)
        except NotYetError as refused:
            if row is not None:
                reason = refused.reason if refused.reason == inbox.GAP else f"not yet: {refused.reason}"
                await self._wait_on(row, inbox.short(reason))
        except Exception as error:
            if row is None or db.is_away(error):
                raise
            if db.is_transient(error):  # it met competition: the others' turn does not wait for its next
                log.info("retry met competition", source=source, key=key, error=error)
            else:
                await self._count_failure(row, f"{type(error).__name__}: {error}")
        return False

    async def _apply(self, tx: Transaction, row: asyncpg.Record) -> bool:
        envelope = inbox.unpark(row)
        await _delete(tx, row)
        if await inbox.advance(tx, self._applier.name, [envelope]):
            await self._applier.take(tx, [envelope])
            return True
        positions = await inbox.positions(tx, self._applier.name, [envelope])
        if (envelope.epoch, envelope.sequence) > positions[envelope.stream]:
            raise NotYetError(frozenset({envelope.key}), inbox.GAP)
        return True  # it was applied meanwhile: the row was a copy

    async def _wait_on(self, row: asyncpg.Record, reason: str) -> None:
        """Say what the event waits for now, which may be another thing than when it was parked."""
        if clock.real() - row["parked_at"] > PATIENCE:
            await self._count_failure(row, reason)
        elif row["reason"] != reason:
            async with self._database.transaction() as tx:
                await tx.execute(_SAY_REASON, *_identity(row), reason)

    async def _count_failure(self, row: asyncpg.Record, reason: str) -> None:
        async with self._database.transaction() as tx:
            state = await tx.value(
                "update parked set attempts = attempts + 1, reason = $6, "
                "state = case when attempts + 1 >= $7 then 'dead' else state end where consumer = $1 and source = $2 "
                "and key = $3 and epoch = $4 and sequence = $5 returning state",
                *_identity(row),
                inbox.short(reason),
                MAX_ATTEMPTS,
            )
            tx.wrote = True
        if state == "dead":
            metrics.DEAD_LETTERS.labels(self._applier.name, "attempts").inc()
            log.error(
                "stream blocked by a dead event", source=row["source"], event_id=str(row["event_id"]), reason=reason
            )


def _identity(row: asyncpg.Record) -> tuple[str, str, str, int, int]:
    return row["consumer"], row["source"], row["key"], row["epoch"], row["sequence"]


async def _delete(tx: Transaction, row: asyncpg.Record) -> None:
    await tx.execute(_DELETE, *_identity(row))


async def list_parked(tx: Transaction, *, state: str | None = None, limit: int = 100) -> list[asyncpg.Record]:
    """List dead events, which block their streams, before parked ones; of each the oldest first."""
    return await tx.fetch(_LIST, state, limit)


async def count_parked(tx: Transaction, *, state: str | None = None) -> int:
    """Count parked and dead events, however few of them a list shows."""
    return int(await tx.value("select count(*) from parked where $1::text is null or state = $1", state))


async def list_causes(tx: Transaction, *, limit: int = 20) -> list[asyncpg.Record]:
    """List for which reasons events are dead, (reason, count), the most frequent first."""
    return await tx.fetch(_CAUSES, limit)


async def list_dead_letters(tx: Transaction, *, limit: int = 100) -> list[asyncpg.Record]:
    """List records that could not be read, oldest first."""
    return await tx.fetch("select * from dead_letter where state = 'open' order by id limit $1", limit)


async def count_dead_letters(tx: Transaction) -> int:
    """Count the records that could not be read and nobody has closed."""
    return int(await tx.value("select count(*) from dead_letter where state = 'open'"))


async def get_dead_letter(tx: Transaction, identity: str) -> asyncpg.Record:
    """Give an unreadable record by its number, closed ones too, or a parked event by its id; raises NotFoundError."""
    row = await tx.row("select * from dead_letter where id::text = $1", identity)
    row = row or await tx.row("select * from parked where event_id::text = $1 limit 1", identity)
    if row is None:
        raise NotFoundError(f"there is no dead letter {identity}")
    return row


async def discard(tx: Transaction, event_id: str, *, actor: str, reason: str) -> None:
    """Give a parked event up: its stream goes on behind it and copies are dropped; audited; raises NotFoundError."""
    row = await _lock_parked(tx, event_id)
    envelope = inbox.unpark(row)
    await _delete(tx, row)
    if not await inbox.advance(tx, row["consumer"], [envelope]):
        raise ConflictError("an earlier event of this stream is parked too: replay or discard that one first")
    # Else a copy that comes later would be an event that nobody knows behind its stream's position.
    await inbox.remember(tx, row["consumer"], [envelope])
    await audit(tx, actor=actor, act="discard_event", subject=event_id, reason=reason)


async def revive(tx: Transaction, event_id: str, *, actor: str, reason: str) -> None:
    """Let a dead event be tried again; audited; raises NotFoundError."""
    row = await _lock_parked(tx, event_id)
    await tx.execute(
        "update parked set state = 'parked', attempts = 0 where consumer = $1 and source = $2 and key = $3 "
        "and epoch = $4 and sequence = $5",
        *_identity(row),
    )
    await audit(tx, actor=actor, act="replay_event", subject=event_id, reason=reason)


async def revive_alike(tx: Transaction, cause: str, *, actor: str, reason: str) -> int:
    """Let the events that died of one cause be tried again, at most 1,000 at once; give how many; each is audited."""
    revived = await tx.fetch(_REVIVE_ALIKE, cause, _MOST_REVIVED)
    for row in revived:
        await audit(tx, actor=actor, act="replay_event", subject=str(row["event_id"]), reason=reason)
    return len(revived)


async def replay_dead_letter(tx: Transaction, letter_id: int, *, actor: str, reason: str) -> None:
    """Let an unreadable record be read and applied as if it came now; audited.

    Raises NotFoundError, and ConflictError for what still cannot be read or was left behind by its stream.
    """
    row = await tx.row("delete from dead_letter where id = $1 and state = 'open' returning *", letter_id)
    if row is None:
        raise NotFoundError(f"there is no open dead letter {letter_id}")
    if row["reason"] != "unreadable":
        raise ConflictError("its stream went on behind it: it cannot be put back in its place")
    try:
        envelope = inbox.exhume(row)
    except inbox.UnreadableError as error:
        raise ConflictError(f"it still cannot be read: {error}") from error
    await inbox.park(tx, row["consumer"], envelope, "its record is read again")
    await audit(tx, actor=actor, act="replay_dead_letter", subject=str(letter_id), reason=reason)


async def close_dead_letter(tx: Transaction, letter_id: int, *, actor: str, reason: str) -> None:
    """Discard an unreadable record; audited; raises NotFoundError."""
    touched = await tx.execute("update dead_letter set state = 'discarded' where id = $1 and state = 'open'", letter_id)
    if not touched:
        raise NotFoundError(f"there is no open dead letter {letter_id}")
    await audit(tx, actor=actor, act="discard_dead_letter", subject=str(letter_id), reason=reason)


async def _lock_parked(tx: Transaction, event_id: str) -> asyncpg.Record:
    row = await tx.row("select * from parked where event_id::text = $1 for update", event_id)
    if row is None:
        raise NotFoundError(f"no parked event has the id {event_id}")
    return row
