"""The clock door: timers that run an action when business time reaches it, and effects that call the outside."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar, cast

import structlog

from shared import clock, db, metrics, outbox, tracing
from shared.db import Database, Transaction
from shared.ids import new_id
from shared.kept import KeptConnection

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")

POLL_SECONDS = 0.5
_STEPPED_POLL_SECONDS = 0.015
_GATHER_SECONDS, _STEPPED_GATHER_SECONDS = 0.05, 0.01
_EMPTY_PAUSE_SECONDS = 0.1
_FAILURE_PAUSE_SECONDS = 1.0
LEASE_SECONDS = 60.0
_LEASE_SHARE = 0.5  # a call that begins later may not end before others claim its item


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """What a call gave: a result, or the error it failed with."""

    result: R | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Something due at a business time; `run` does at most one batch and gives how many it did.

    It runs again at once while it is due and does something.

    `next_due` is a scalar SQL query for the earliest business time at which there is work, null when there
    is none at all; work that is claimed by a call in flight still counts as due.

    Runs begin at least `every_seconds` (real) apart: what comes in between shares one run. What has been due for longer
    than that was left by a run that could not do all, and waits no more. A stepped clock knows no such rest, since
    nobody acts in between.
    """

    name: str
    next_due: str
    run: Callable[[Database], Awaitable[int]]
    every_seconds: float = 0.0


class Jobs:
    """A service's table of jobs."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def timer(
        self, *, next_due: str, every_seconds: float = 0.0
    ) -> Callable[[Callable[[Transaction], Awaitable[int]]], Callable[[Transaction], Awaitable[int]]]:
        """Register `async (tx) -> count`: one transaction a batch, again while the count is positive."""

        def register(act: Callable[[Transaction], Awaitable[int]]) -> Callable[[Transaction], Awaitable[int]]:
            async def run(database: Database) -> int:
                async with database.transaction(cause=f"job:{act.__name__}:{new_id()}") as tx:
                    return await act(tx)

            self.jobs.append(Job(act.__name__, next_due, run, every_seconds))
            return act

        return register

    def effect(  # noqa: PLR0913 - one kind of outside work, all of whose parts differ
        self,
        name: str,
        *,
        next_due: str,
        claim: Callable[[Transaction], Awaitable[Sequence[T]]],
        call: Callable[[T], Awaitable[R]],
        record: Callable[[Transaction, T, Outcome[R]], Awaitable[None]],
        order_of: Callable[[T], object] = lambda _item: None,
        parallel: int = 8,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """Register outside work: claim rows with a lease and commit, call outside any transaction, record.

        `claim` uses SKIP LOCKED and sets a lease of `lease_seconds` on the real clock (see `lease_until`); `call`
        carries a stable key per item, so that a second call after a crash is the same effect. An item whose turn comes
        when its lease is half over is left to whoever claims it next. `order_of` gives the order an item is about,
        whose trace its call and its record continue.
        """

        async def one(database: Database, item: T, traceparent: str | None, until: float) -> None:
            if clock.monotonic() > until:
                log.warning("left to the next claim", effect=name)
                return
            with tracing.trace(traceparent) if traceparent else contextlib.nullcontext():
                await _perform(database, name, item, call, record)

        async def run(database: Database) -> int:
            until = clock.monotonic() + lease_seconds * _LEASE_SHARE
            async with database.transaction(cause=f"claim:{name}") as tx:
                items = list(await claim(tx))
                orders = [str(order_of(item) or "") for item in items]
                traces = await outbox.traces_of(await tx.connection(), orders) if any(orders) else {}
            works = [one(database, item, traces.get(order), until) for item, order in zip(items, orders, strict=True)]
            await in_parallel(works, parallel)
            return len(items)

        self.jobs.append(Job(name, next_due, run))


async def _perform(
    database: Database,
    name: str,
    item: T,
    call: Callable[[T], Awaitable[R]],
    record: Callable[[Transaction, T, Outcome[R]], Awaitable[None]],
) -> None:
    outcome: Outcome[R]
    try:
        outcome = Outcome(result=await call(item))
    except Exception as error:  # noqa: BLE001 - record decides what a failure means
        outcome = Outcome(error=error)
        log.warning("outside call failed", effect=name, error=error)

    async def keep() -> None:
        async with database.transaction(cause=f"effect:{name}:{new_id()}") as tx:
            await record(tx, item, outcome)

    # What was done outside is told again only when the lease ends: it is not forgotten for a moment's competition.
    await db.with_retries(keep)
    metrics.EFFECTS.labels(database.application, name, "failed" if outcome.error else "done").inc()


async def in_parallel(works: Iterable[Coroutine[None, None, T]], at_once: int = 8) -> list[T]:
    """Do all of them, so many at once, and give their results in order; all end before the first error is raised."""
    gate = asyncio.Semaphore(at_once)

    async def guarded(work: Coroutine[None, None, T]) -> T:
        async with gate:
            return await work

    results = await asyncio.gather(*(guarded(work) for work in works), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return cast("list[T]", results)


def lease_until(seconds: float = LEASE_SECONDS) -> datetime:
    """Give the real time until which a claimed row belongs to its claimer."""
    return clock.real() + timedelta(seconds=seconds)


def back_off_until(attempts: int, *, base_seconds: float = 0.2, most_seconds: float = 60) -> datetime:
    """Give the real time of the next try after `attempts` failures."""
    return clock.real() + timedelta(seconds=min(base_seconds * 2 ** min(attempts, 20), most_seconds))


class Scheduler:
    """Runs a service's jobs in one worker; asks for all due times in one query, woken by commits and steps."""

    def __init__(self, service: str, jobs: Jobs, database: Database) -> None:
        self._service = service
        self._jobs = {job.name: job for job in jobs.jobs}
        self._database = database
        self._wake = asyncio.Event()
        self._not_before: dict[str, float] = {}
        self._rests_until: dict[str, float] = {}
        self._rest_ends = float("inf")
        self.running: set[str] = set()
        self._question = " union all ".join(
            f"select '{job.name}' as name, ({job.next_due}) as due"
            for job in jobs.jobs  # constants of ours
        )

    def wake(self) -> None:
        """Say that something was committed or the clock moved."""
        self._wake.set()

    async def run(self) -> None:
        """Run all jobs until cancelled."""
        kept = KeptConnection(self._database.url, f"{self._service} jobs")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_clock())
                while self._jobs:
                    self._wake.clear()
                    for name in await self._runnable(kept):
                        self.running.add(name)
                        group.create_task(self._run_job(self._jobs[name]))
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._idle_seconds()):
                            await self._wake.wait()
                    # What is committed in a row is looked at once, and not while its rows are still wanted.
                    await asyncio.sleep(_STEPPED_GATHER_SECONDS if clock.is_stepped() else _GATHER_SECONDS)
        finally:
            await kept.close()

    async def due_times(self) -> dict[str, datetime]:
        """Give the earliest business time at which each job has work; jobs without any are absent."""
        async with self._database.transaction() as tx:
            return await self.due_times_by(tx)

    async def due_times_by(self, asking: Transaction | KeptConnection) -> dict[str, datetime]:
        """Give the same, asked by a transaction or a connection that is there anyway."""
        rows = await asking.fetch(self._question) if self._jobs else []
        return {row["name"]: row["due"] for row in rows if row["due"] is not None}

    async def _runnable(self, kept: KeptConnection) -> list[str]:
        try:
            due = await self.due_times_by(kept)
        except Exception as error:
            if not (db.is_away(error) or db.is_transient(error)):
                raise
            log.warning("jobs wait for the database", service=self._service, error=error)
            await asyncio.sleep(1)
            return []
        now, tick = clock.now(), clock.monotonic()
        begins = {
            name: self._begins(self._jobs[name], overdue_seconds=(now - moment).total_seconds())
            for name, moment in due.items()
            if moment <= now and name not in self.running
        }
        # What waits for others, or for its next try, waits for the poll.
        rests = [at for name, at in begins.items() if at > tick and self._jobs[name].every_seconds]
        self._rest_ends = min(rests, default=float("inf"))
        return [name for name, at in begins.items() if at <= tick]

    def _begins(self, job: Job, *, overdue_seconds: float) -> float:
        """Give when a due job may run: after its pause, and its rest unless something has waited that long already."""
        rests_until = self._rests_until.get(job.name, 0) if overdue_seconds <= job.every_seconds else 0
        return max(self._not_before.get(job.name, 0), rests_until)

    def _idle_seconds(self) -> float:
        """Give how long there is nothing to look at unless something wakes us: a due job's rest may end before."""
        return min(POLL_SECONDS, max(self._rest_ends - clock.monotonic(), 0))

    async def _watch_clock(self) -> None:
        seen = clock.now()
        while True:
            await asyncio.sleep(_STEPPED_POLL_SECONDS if clock.is_stepped() else POLL_SECONDS)
            if clock.is_stepped() and clock.now() != seen:
                seen = clock.now()
                self._not_before.clear()
                self._rests_until.clear()
                self.wake()

    async def _run_job(self, job: Job) -> None:
        pause = _EMPTY_PAUSE_SECONDS  # due, but claimed by others or waiting for a retry
        began = clock.monotonic()
        try:
            with tracing.begin():
                done = await job.run(self._database)
            if done:
                pause = 0.0
                self._rests_until[job.name] = 0.0 if clock.is_stepped() else began + job.every_seconds
                metrics.JOB_RUNS.labels(self._service, job.name).inc(done)
        except Exception as error:  # noqa: BLE001 - a job must not take the others down; it runs again
            level = log.warning if db.is_away(error) or db.is_transient(error) else log.exception
            level("job failed", service=self._service, job=job.name, error=error)
            metrics.JOB_FAILURES.labels(self._service, job.name).inc()
            pause = _FAILURE_PAUSE_SECONDS
        self._not_before[job.name] = clock.monotonic() + pause
        self.running.discard(job.name)
        self.wake()
