"""Steps business time: moves the one clock of a local stack forward, and waits until the suite rests."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel

from deploy.local.kept_connection import KeptConnection
from deploy.local.rest_point import RestPoints
from shared import clock

_PAUSE_SECONDS = 0.004
# Who is busy needs the processor more than to be asked: the answer is waited for.
_PATIENCE_MS = 300
_UNREAD_PAUSE_SECONDS = 0.01
_TIMEOUT_SECONDS = 5.0
_QUIET_ROUNDS = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RestlessError(RuntimeError):
    """The suite does not come to rest; the message names what each process waits for."""


class Report(BaseModel):
    """What a process says of itself at `/internal/rest`."""

    at_rest: bool
    activity: int
    next_due: datetime | None
    why: list[str]
    published: int | None = None
    consumed: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Round:
    """All processes' reports, asked for at once; a process that does not answer is None."""

    reports: Mapping[str, Report | None]

    def restless(self) -> list[str]:
        """Name what is not at rest, as `process: reason`."""
        reasons = [
            f"{name}: {', '.join(report.why) if report is not None else 'does not answer'}"
            for name, report in sorted(self.reports.items())
            if report is None or not report.at_rest
        ]
        return [*reasons, *self.unread()]

    def published(self) -> dict[str, int]:
        """Count what each service has published, ever."""
        return {
            name.removesuffix("-worker"): report.published
            for name, report in self.reports.items()
            if report is not None and report.published is not None
        }

    def unread(self) -> list[str]:
        """Compare what each service published with what each of its readers has applied or parked.

        Readers of a restored service may have read more, in its former life.
        """
        published = self.published()
        return [
            f"{name}: {published[source] - count} events of {source} unread"
            for name, report in sorted(self.reports.items())
            if report is not None
            for source, count in report.consumed.items()
            if source in published and published[source] > count
        ]

    def activity(self) -> tuple[int, ...]:
        """Give a number per process that changes with everything it does."""
        return tuple(report.activity if report is not None else -1 for _, report in sorted(self.reports.items()))

    def next_due(self) -> datetime | None:
        """Give the earliest business time at which any process has something to do."""
        moments = [report.next_due for report in self.reports.values() if report is not None]
        return min((moment for moment in moments if moment is not None), default=None)


@dataclass(slots=True)
class Driver:
    """The one driver of a stack's clock; `addresses` are base URLs by process name.

    With a `grid`, due timers are gathered: each is met at the next multiple of it, as a job's interval would.
    `acts` counts what is done to the suite from outside: at rest, it stays so until that number or the clock changes.
    """

    clock_file: Path
    addresses: Mapping[str, str]
    patience_seconds: float = 180.0
    grid: timedelta = timedelta(0)
    acts: Callable[[], int] | None = None
    steps: int = 0
    rounds: int = 0
    _connections: dict[str, KeptConnection] = field(default_factory=dict)
    _rest_points: RestPoints = field(init=False)
    _rested: tuple[datetime, int] | None = None
    _due: datetime | None = None

    def __post_init__(self) -> None:
        """Take the clock; raises ClockError outside the local stack."""
        clock.use_stepped_file(self.clock_file, environment="local")
        # A driven stack rests between steps only, too briefly for the supervisor to see.
        self._rest_points = RestPoints(self.clock_file.parent)
        self._connections = {
            name: KeptConnection(address, timeout_seconds=_TIMEOUT_SECONDS) for name, address in self.addresses.items()
        }

    async def rest(self) -> datetime | None:
        """Wait until nothing is left to do now; give the next due time; raises RestlessError."""
        moment = (clock.now(), self.acts()) if self.acts is not None else None
        if moment is None or moment != self._rested:
            self._due = await self._come_to_rest()
            self._rested = moment
        return self._due

    async def _come_to_rest(self) -> datetime | None:
        deadline = clock.monotonic() + self.patience_seconds
        before: tuple[int, ...] = ()
        quiet = 0
        quiet_since = clock.real()
        while True:
            quiet_since = quiet_since if quiet else clock.real()
            asked = await self._ask()
            restless = asked.restless()
            quiet = quiet + 1 if not restless and asked.activity() == before else int(not restless)
            before = asked.activity()
            if quiet >= _QUIET_ROUNDS:
                self._rest_points.note(quiet_since)
                return asked.next_due()
            if clock.monotonic() > deadline:
                raise RestlessError(f"not at rest after {self.patience_seconds:.0f} s: {'; '.join(restless)}")
            await asyncio.sleep(_PAUSE_SECONDS)
            if restless:
                await self._await_busy(asked)

    async def step(self, at_most: timedelta, *, next_fact: datetime | None = None) -> datetime:
        """Rest, then move to the next due timer or external fact, at most `at_most` on; give business time."""
        due = await self.rest()
        target = clock.now() + at_most
        for moment in (self._gathered(due), next_fact):
            if moment is not None and moment > clock.now():
                target = min(target, moment)
        clock.step_to(target)
        self.steps += 1
        return target

    def _gathered(self, due: datetime | None) -> datetime | None:
        """Round a due time up to the grid."""
        if due is None or not self.grid:
            return due
        over = (due - _EPOCH) % self.grid
        return due + (self.grid - over) if over else due

    async def run_until(self, moment: datetime, at_most: timedelta) -> None:
        """Step up to `moment`, and rest there."""
        while clock.now() < moment:
            await self.step(at_most, next_fact=moment)
        await self.rest()

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            await connection.close()

    async def _await_busy(self, asked: Round) -> None:
        """Ask only those that were busy, with patience, until they are not: most of a step is spent here."""
        ends = clock.monotonic() + _PATIENCE_MS / 1000
        while (busy := {reason.partition(":")[0] for reason in asked.restless()}) and clock.monotonic() < ends:
            await asyncio.sleep(_UNREAD_PAUSE_SECONDS)
            asked = Round({**asked.reports, **(await self._ask(sorted(busy), _PATIENCE_MS)).reports})

    async def _ask(self, which: Sequence[str] | None = None, patience_ms: int = 0) -> Round:
        names = list(self._connections) if which is None else which
        self.rounds += which is None
        reports = await asyncio.gather(*(self._report(name, patience_ms) for name in names))
        return Round(dict(zip(names, reports, strict=True)))

    async def _report(self, name: str, patience_ms: int) -> Report | None:
        body = await self._connections[name].get(f"/internal/rest?brief=true&patience_ms={patience_ms}")
        return Report.model_validate_json(body) if body is not None else None
