"""The event door: records become waves, a wave becomes one transaction, a failing stream waits alone."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar, cast

import structlog

from shared import clock, db, inbox, metrics, pace, tracing
from shared.db import Database, Transaction
from shared.errors import NotYetError
from shared.events.base import REGISTRY, Event, Received, topic_of
from shared.failpoints import barrier, failpoint
from shared.inbox import Envelope, UnreadableError
from shared.kafka import BrokerAwayError, GroupConsumer, Record
from shared.outbox import Origin
from shared.settings import PlatformSettings

log = structlog.get_logger()

E = TypeVar("E", bound=Event)
Handler = Callable[[Transaction, list[Received[E]]], Awaitable[None]]

_MAX_RECORDS = 500
_POLL_SECONDS = 0.1
_MAX_BACKOFF_SECONDS = 60.0
_STALL_SECONDS = 60.0
# Offsets only spare work: what is read again was applied, and is dropped by its stream's position.
_COMMIT_SECONDS = 1.0


class EventRouter:
    """A table of handlers by event class; a handler takes all events of its type in a wave at once."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler[Event]] = {}

    def on(self, event_class: type[E]) -> Callable[[Handler[E]], Handler[E]]:
        """Register the one handler of an event class."""

        def register(handler: Handler[E]) -> Handler[E]:
            if event_class.event_type in self.handlers:
                raise ValueError(f"{event_class.event_type} has a handler already")
            self.handlers[event_class.event_type] = cast("Handler[Event]", handler)
            return handler

        return register

    @property
    def sources(self) -> list[str]:
        """The producing services whose topics must be read."""
        return sorted({REGISTRY[event_type].source for event_type in self.handlers})


@dataclass(slots=True)
class _Run:
    """What is applied of one key together: at most one event that has a handler, no stream with a gap."""

    type: str = ""
    envelopes: list[Envelope] = field(default_factory=list)
    _next: dict[str, tuple[int, int]] = field(default_factory=dict)

    def takes(self, envelope: Envelope, *, handled: bool) -> bool:
        """Take the event in, unless the run has its handled one or the stream's next is another."""
        place = envelope.epoch, envelope.sequence
        if (handled and self.type) or self._next.get(envelope.source, place) != place:
            return False
        self.type = envelope.type if handled else self.type
        self.envelopes.append(envelope)
        self._next[envelope.source] = envelope.epoch, envelope.sequence + 1
        return True


def split_waves(envelopes: Sequence[Envelope], handled: Container[str]) -> list[list[Envelope]]:
    """Put events into waves, in order: of each key one that has a handler and what has none; each wave into its types.

    One type a transaction: a handler locks headers before stock, so a second type in the same transaction
    would lock headers while stock is locked. What has no handler only advances positions, beside any other.
    """
    waves: list[list[_Run]] = []
    runs: dict[str, list[_Run]] = defaultdict(list)
    for envelope in envelopes:
        of_key, is_handled = runs[envelope.key], envelope.type in handled
        if of_key and of_key[-1].takes(envelope, handled=is_handled):
            continue
        run = _Run()
        run.takes(envelope, handled=is_handled)
        if len(of_key) == len(waves):
            waves.append([])
        waves[len(of_key)].append(run)
        of_key.append(run)
    return [group for wave in waves for group in _by_type(wave)]


def _by_type(wave: Sequence[_Run]) -> list[list[Envelope]]:
    groups: dict[str, list[Envelope]] = defaultdict(list)
    for run in wave:
        groups[run.type].extend(run.envelopes)
    idle, others = groups.pop("", []), list(groups.values())
    return [idle + others[0], *others[1:]] if others else [idle]


class Applier:
    """Applies waves to the database; knows nothing of the broker."""

    def __init__(self, name: str, router: EventRouter, database: Database) -> None:
        self.name = name
        self._router = router
        self._database = database
        self.parked_keys: set[str] = set()

    @property
    def handled(self) -> Container[str]:
        """The types that have a handler."""
        return self._router.handlers.keys()

    async def apply(self, wave: list[Envelope]) -> None:
        """Apply a wave; what fails alone is parked; raises only when the database is away."""
        pending = [wave]
        while pending:
            part = pending.pop(0)
            try:
                rest = await db.with_retries(partial(self._apply_once, part))
                pending[:0] = [rest] if rest else []
            except NotYetError as refused:
                waiting = [envelope for envelope in part if envelope.key in refused.keys] or part
                rest = [envelope for envelope in part if envelope not in waiting]
                await self._park(waiting, f"not yet: {refused.reason}")
                pending.extend([rest] if rest else [])
            except Exception as error:
                if db.is_away(error) or db.is_transient(error):
                    raise
                if len(part) > 1:
                    middle = len(part) // 2
                    pending.extend([part[:middle], part[middle:]])
                else:
                    log.exception("event cannot be applied", **_named(part[0]))
                    state = "dead" if isinstance(error, UnreadableError) else "parked"
                    await self._park(part, f"{type(error).__name__}: {error}", state)

    async def _apply_once(self, wave: list[Envelope]) -> list[Envelope]:
        """Apply a wave in one transaction; give what of it may come now that what was seen before is left out."""
        async with self._database.transaction() as tx:
            advanced = await inbox.advance(tx, self.name, wave)
            fresh = [envelope for envelope in wave if envelope.stream in advanced]
            late = [envelope for envelope in wave if envelope.stream not in advanced]
            rest = await self._sort_out(tx, late) if late else []
            if fresh:
                await self.take(tx, fresh)
        return rest

    async def take(self, tx: Transaction, fresh: list[Envelope]) -> None:
        """Run the handlers of events whose turn it is and remember them; a type nobody knows is a dead letter."""
        await self._run_handlers(tx, fresh)
        await inbox.remember(tx, self.name, fresh)
        for envelope in fresh:
            if envelope.type not in REGISTRY:
                await self._bury(tx, envelope.record, "unknown_type", f"nobody here knows {envelope.type}")

    async def _run_handlers(self, tx: Transaction, envelopes: list[Envelope]) -> None:
        by_type: dict[str, list[Envelope]] = defaultdict(list)
        for envelope in envelopes:
            if envelope.type in self._router.handlers:
                tx.origins[envelope.key] = Origin(str(envelope.id), envelope.traceparent)
                by_type[envelope.type].append(envelope)
        for event_type, group in by_type.items():
            events = [inbox.read_event(envelope) for envelope in group]
            with _told_of(events):
                await self._router.handlers[event_type](tx, events)
            metrics.EVENTS_APPLIED.labels(self.name, event_type).inc(len(group))

    async def _sort_out(self, tx: Transaction, late: list[Envelope]) -> list[Envelope]:
        """Drop what was seen and give what followed it; bury what forks a stream, park what came before its turn."""
        positions = await inbox.positions(tx, self.name, late)
        known = await inbox.known(tx, self.name, late)
        seen: set[tuple[str, str]] = set()
        rest: list[Envelope] = []
        for envelope in late:
            if envelope.id in known:
                metrics.EVENTS_DROPPED.labels(self.name).inc()
                seen.add(envelope.stream)
            elif envelope.stream in seen:
                rest.append(envelope)
            elif (envelope.epoch, envelope.sequence) > positions[envelope.stream]:
                await inbox.park(tx, self.name, envelope, inbox.GAP)
                self.parked_keys.add(envelope.key)
                metrics.EVENTS_PARKED.labels(self.name, "gap").inc()
            else:
                error = f"position is {positions[envelope.stream]}, event is ({envelope.epoch}, {envelope.sequence})"
                await self._bury(tx, envelope.record, "forked_stream", error)
        return rest

    async def _park(self, envelopes: list[Envelope], reason: str, state: str = "parked") -> None:
        for envelope in envelopes:
            try:
                async with self._database.transaction() as tx:
                    await inbox.park(tx, self.name, envelope, reason, state=state)
            except Exception as error:
                if db.is_away(error) or db.is_transient(error):
                    raise
                log.exception("event cannot be parked", **_named(envelope))
                await self.bury(envelope.record, UnreadableError(f"cannot be parked: {error}"))
            else:
                self.parked_keys.add(envelope.key)
                metrics.EVENTS_PARKED.labels(self.name, reason.partition(":")[0]).inc()

    async def bury(self, record: Record, error: UnreadableError) -> None:
        """Enter a record that is no event into the dead letters."""
        async with self._database.transaction() as tx:
            await self._bury(tx, record, "unreadable", str(error))
        log.error("record cannot be read", topic=record.topic, partition=record.partition, offset=record.offset)

    async def _bury(self, tx: Transaction, record: Record, reason: str, error: str) -> None:
        await inbox.bury(tx, self.name, record, reason, error)
        tx.after_commit(metrics.DEAD_LETTERS.labels(self.name, reason).inc)


def _named(envelope: Envelope) -> dict[str, str]:
    """Give what a log line says of an event: enough to find it, its trace and its stream."""
    trace_id = tracing.trace_id_of(envelope.traceparent)
    return {
        "event_id": str(envelope.id),
        "event_type": envelope.type,
        "key": envelope.key,
        **({"trace_id": trace_id} if trace_id else {}),
    }


@contextlib.contextmanager
def _told_of(events: Sequence[Received[Event]]) -> Iterator[None]:
    """Let what a handler logs name the trace and the order it works for, where it is one and not a wave of many."""
    only = events[0] if len(events) == 1 else None
    names: dict[str, str] = {}
    if only is not None:
        order_id = getattr(only.event, "order_id", None)
        names = {"event_id": str(only.id), **({"order_id": str(order_id)} if order_id else {"key": only.key})}
    with tracing.trace(only.traceparent if only else None), structlog.contextvars.bound_contextvars(**names):
        yield


class Consumer:
    """One worker's membership in its service's group: polls, applies, commits, and survives the broker."""

    def __init__(
        self,
        applier: Applier,
        sources: Sequence[str],
        settings: PlatformSettings,
        instance: str,
        keeps: pace.Pace = pace.LEADING,
    ) -> None:
        self._applier = applier
        self._pace = keeps
        self._topics = [topic_of(source) for source in sources]
        self._settings = settings
        self._instance = instance
        self._group: GroupConsumer | None = None
        self._lock = asyncio.Lock()
        self._stopping = False
        self._busy = False
        self._backing_off = False
        self._progress_at = clock.monotonic()
        self._rebuild = asyncio.Event()
        self.after_wave: Callable[[set[str]], Awaitable[None]] | None = None

    async def run(self) -> None:
        """Consume until `stop`; the broker's absence is waited out, a lost topic ends the process."""
        backoff = 0.2
        while not self._stopping:
            try:
                await self._join()
                backoff = 0.2
                await self._consume()
            except (BrokerAwayError, OSError) as error:
                log.warning("consumer starts again", service=self._applier.name, error=error)
                metrics.CONSUMER_REBUILDS.labels(self._applier.name).inc()
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, 5.0)
            finally:
                await self._leave()

    async def stop(self) -> None:
        """Finish the wave at hand and leave the group."""
        self._stopping = True
        await self._drain()

    @property
    def is_joined(self) -> bool:
        """Say whether this worker holds partitions and applies nothing at this moment."""
        return not self._busy and bool(self.owned_partitions())

    def owned_partitions(self) -> list[int]:
        """Give the partition numbers this worker holds."""
        return self._group.owned_partitions() if self._group is not None else []

    async def watch_stalls(self) -> None:
        """Rebuild the consumer when it lags and makes no progress for 60 s, unless it is backing off."""
        while True:
            await asyncio.sleep(5)
            if self._group is None or self._backing_off:
                self._progress_at = clock.monotonic()
                continue
            with contextlib.suppress(BrokerAwayError):
                lag = await self._group.lag()
                metrics.CONSUMER_LAG.labels(self._applier.name).set(max(lag, 0))
                if lag == 0:
                    self._progress_at = clock.monotonic()
            if clock.monotonic() - self._progress_at > _STALL_SECONDS:
                log.error("consumer stalled, building it again", service=self._applier.name)
                self._rebuild.set()

    async def _join(self) -> None:
        self._group = GroupConsumer(
            self._settings,
            group=f"doorstep.{self._applier.name}",
            topics=self._topics,
            instance=self._instance,
            on_revoked=self._drain,
        )
        self._rebuild.clear()
        self._progress_at = clock.monotonic()
        await self._group.start()

    async def _leave(self) -> None:
        if self._group is not None:
            group, self._group = self._group, None
            await group.close()

    async def _drain(self) -> None:
        """Let the batch at hand be applied, and its offsets committed, before partitions go elsewhere."""
        async with self._lock:
            if self._group is not None:
                with contextlib.suppress(BrokerAwayError):  # whoever reads it again drops it
                    await self._group.commit()

    async def _consume(self) -> None:
        group, commit_at = self._group, clock.monotonic()
        while not self._stopping and group is not None:
            if self._rebuild.is_set():
                raise BrokerAwayError("no progress for 60 s")
            records = await group.poll(max_records=_MAX_RECORDS, timeout_seconds=_POLL_SECONDS)
            began = clock.monotonic()
            if records:
                await self._take_in(group, records)
                if len(records) < _MAX_RECORDS:
                    await pace.rest_after(began, self._pace)
            if clock.monotonic() >= commit_at:
                async with self._lock:
                    await group.commit()
                commit_at = clock.monotonic() + _COMMIT_SECONDS

    async def _take_in(self, group: GroupConsumer, records: list[Record]) -> None:
        self._busy = True
        try:
            async with self._lock:
                await self._apply_batch(records)
                failpoint("consumer.applied")
                group.mark_applied(records)
            self._progress_at = clock.monotonic()
        finally:
            self._busy = False

    async def _apply_batch(self, records: list[Record]) -> None:
        await barrier("consumer.polled")
        envelopes: list[Envelope] = []
        for record in records:
            try:
                envelopes.append(inbox.read_envelope(record))
            except UnreadableError as error:
                await self._patiently(partial(self._applier.bury, record, error))
        for wave in split_waves(envelopes, self._applier.handled):
            await self._patiently(partial(self._applier.apply, wave))
            failpoint("consumer.wave")
            touched = {envelope.key for envelope in wave} & self._applier.parked_keys
            if touched and self.after_wave is not None:
                await self._patiently(partial(self.after_wave, touched))

    async def _patiently(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do `act`; while the database is away, back off in place and skip nothing."""
        backoff = 0.1
        while True:
            try:
                await act()
            except Exception as error:
                if not (db.is_away(error) or db.is_transient(error)):
                    raise
                self._backing_off = True
                log.warning("waiting for the database", service=self._applier.name, error=error)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _MAX_BACKOFF_SECONDS)
            else:
                self._backing_off = False
                return
