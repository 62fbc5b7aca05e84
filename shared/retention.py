"""How long each kind of data is kept: a table in every service, and the one job that drops what is older."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from shared import clock, db
from shared.db import Database, Transaction
from shared.settings import DoorSettings

log = structlog.get_logger()

_EVERY_SECONDS = 3600.0
_BATCH = 1_000
_MOST_BATCHES = 1_000


class Clock(StrEnum):
    """By which clock the rows of a table are stamped."""

    REAL = "real"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of data of one table: it goes `setting` days after `since`, its rows or what `emptied` says of them.

    `only` is an SQL condition that keeps the job from what it must not, or need not, touch. `since` may hold the end
    itself (`is_end`). What is more than a statement is done by `act`, which is given the moment before which it is too
    old, does one batch and says how many it did.
    """

    what: str
    table: str
    since: str
    setting: str
    emptied: str = ""
    only: str = "true"
    clock: Clock = Clock.REAL
    is_end: bool = False
    act: Callable[[Transaction, datetime], Awaitable[int]] | None = None

    @property
    def statement(self) -> str:
        """The SQL that drops one batch of what is older than $1."""
        old = f"select ctid from {self.table} t where {self.since} < $1 and {self.only} limit {_BATCH}"
        act = f"update {self.table} set {self.emptied}" if self.emptied else f"delete from {self.table}"
        return f"{act} where ctid = any(array({old}))"

    def before(self, settings: DoorSettings) -> datetime:
        """Give the moment before which it is too old."""
        now = clock.real() if self.clock is Clock.REAL else clock.now()
        days = 0 if self.is_end else int(getattr(settings, self.setting))
        return now - timedelta(days=days)

    async def drop_batch(self, tx: Transaction, settings: DoorSettings) -> int:
        """Drop some of what is too old; gives how many."""
        before = self.before(settings)
        return await (self.act(tx, before) if self.act is not None else tx.execute(self.statement, before))


PLUMBING = (
    Kept("dead letters that somebody closed", "dead_letter", "recorded_at", "dead_letter_days", only="state <> 'open'"),
)
"""What every service keeps; stored answers and the days of published and applied events go by shared.upkeep."""


async def drop_old(database: Database, settings: DoorSettings, kept: Iterable[Kept]) -> dict[str, int]:
    """Drop what is too old, batch by batch, each in a transaction of its own; gives how many rows of what."""
    dropped: dict[str, int] = {}
    for one in kept:
        for _ in range(_MOST_BATCHES):
            async with database.transaction(cause="retention") as tx:
                rows = await one.drop_batch(tx, settings)
            dropped[one.what] = dropped.get(one.what, 0) + rows
            if rows < _BATCH:
                break
        if dropped[one.what]:
            log.info("too old to keep", kind=one.what, count=dropped[one.what])
    return dropped


async def run(database: Database, settings: DoorSettings, kept: Iterable[Kept]) -> None:
    """Drop what is too old once an hour, until cancelled."""
    while True:
        try:
            await drop_old(database, settings, kept)
        except Exception as error:
            if not (db.is_away(error) or db.is_transient(error)):
                raise
        await asyncio.sleep(_EVERY_SECONDS)


@contextlib.asynccontextmanager
async def beside(database: Database, settings: DoorSettings, kept: Iterable[Kept]) -> AsyncIterator[None]:
    """Drop what is too old for as long as the block lasts: for a process without a worker."""
    dropping = asyncio.create_task(run(database, settings, kept))
    yield
    dropping.cancel()
    await asyncio.gather(dropping, return_exceptions=True)
