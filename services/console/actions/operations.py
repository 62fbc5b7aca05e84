"""The suite as its operators see it: every service asked at once; one that is away is shown as away."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from services.console.errors import RefusedError, ServiceAwayError
from services.console.neighbours import SERVICES, Caller, Said
from services.console.schemas import Read
from services.console.schemas.operations import (
    Cause,
    Details,
    Excerpt,
    Letter,
    OverdueRow,
    ParkedEvent,
    ParkedEvents,
    Pause,
    Pauses,
    Vitals,
)
from shared import clock

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")
X = TypeVar("X", bound=Read)

_OLD_SECONDS = 60
_FAR_BEHIND = 1_000
_MOST = 100
_FIRST = ("state", "reason", "error", "attempts", "parked_at", "recorded_at")
_LAST = ("headers", "payload")


@dataclass(frozen=True, slots=True)
class Told(Generic[R]):
    """What services told, each row with its service, and who is `away`: of them nothing is known.

    `total` counts also what is not shown.
    """

    rows: list[tuple[str, R]]
    away: list[str]
    total: int = 0


@dataclass(frozen=True, slots=True)
class StuckWanted:
    """Which stuck messages to show: of one service, in one state; empty fields narrow nothing."""

    service: str = ""
    state: str = ""

    @property
    def services(self) -> Sequence[str]:
        """Who is asked."""
        return [self.service] if self.service in SERVICES else SERVICES


@dataclass(frozen=True, slots=True)
class Stuck:
    """What does not move: events, `causes` of the dead ones by service, unreadable records, and what is overdue."""

    events: Told[ParkedEvent]
    causes: list[tuple[str, Cause]]
    letters: Told[Letter]
    overdue: Told[OverdueRow]

    @property
    def order_ids(self) -> list[UUID | None]:
        """The orders they are about, as far as they are about orders."""
        return [one.order_id for told in (self.events, self.overdue) for _, one in told.rows]


@dataclass(frozen=True, slots=True)
class Health:
    """One service: `vitals` is None while it is away.

    `behind` counts the events of others it has not read; None while one of those is away, and with it the count.
    """

    name: str
    vitals: Vitals | None
    milliseconds: int
    behind: int | None

    @property
    def troubles(self) -> list[str]:
        """What somebody should look at, in words."""
        if self.vitals is None:
            return ["does not answer"]
        seen = (
            (self.vitals.workers == 0, "no worker is running"),
            (self.vitals.outbox_seconds > _OLD_SECONDS, "events wait to leave for more than a minute"),
            ((self.behind or 0) > _FAR_BEHIND, "reads far behind"),
            (self.vitals.dead_events > 0, "dead events block their streams"),
            (self.vitals.dead_letters > 0, "records could not be read"),
            (self.vitals.overdue > 0, "something has stayed in its state too long"),
        )
        return [words for is_so, words in seen if is_so]

    @property
    def tone(self) -> str:
        """How bad it is."""
        if self.vitals is None or self.vitals.workers == 0:
            return "bad"
        return "warn" if self.troubles else "ok"


async def learn_health(caller: Caller) -> list[Health]:
    """Ask every service how it is."""
    asked = await asyncio.gather(*(_ask(caller, name) for name in SERVICES))
    published = {name: vitals.published for name, vitals, _ in asked if vitals is not None}
    return [Health(name, vitals, took, _behind(vitals, published)) for name, vitals, took in asked]


async def _ask(caller: Caller, name: str) -> tuple[str, Vitals | None, int]:
    began = clock.monotonic()
    try:
        vitals = await caller.get(name, "/staff/vitals", Vitals)
    except ServiceAwayError:
        vitals = None
    return name, vitals, round((clock.monotonic() - began) * 1000)


def _behind(vitals: Vitals | None, published: dict[str, int]) -> int | None:
    if vitals is None or not vitals.consumed.keys() <= published.keys():
        return None
    return sum(max(0, published[source] - read) for source, read in vitals.consumed.items())


async def ask_each(services: Sequence[str], ask: Callable[[str], Awaitable[R]]) -> Told[R]:
    """Ask several services at once, and note which do not answer."""

    async def one(name: str) -> tuple[str, R] | None:
        try:
            return name, await ask(name)
        except ServiceAwayError:
            return None

    found = [answer for answer in await asyncio.gather(*map(one, services)) if answer is not None]
    return Told(found, [name for name in services if name not in dict(found)])


async def _everywhere(
    caller: Caller, path: str, shape: type[M], among: Sequence[str] = SERVICES, **params: Said
) -> Told[M]:
    """Read the same from every service, or from those named."""
    return await ask_each(among, lambda name: caller.get(name, path, shape, **params))


async def list_pauses(caller: Caller) -> Told[Pause]:
    """List what is paused, with the service."""
    found = await _everywhere(caller, "/staff/pauses", Pauses)
    return Told([(name, row) for name, answer in found.rows for row in answer.data], found.away)


async def list_stuck(caller: Caller, wanted: StuckWanted) -> Stuck:
    """List parked events, the dead ones first, unreadable records and what is overdue, with the service."""
    among, state = wanted.services, wanted.state or None
    parked, letters, overdue = await asyncio.gather(
        _everywhere(caller, "/staff/parked", ParkedEvents, among, limit=_MOST, state=state),
        _everywhere(caller, "/staff/dead-letters", Excerpt[Letter], among, limit=_MOST),
        _everywhere(caller, "/staff/overdue", Excerpt[OverdueRow], among, limit=_MOST),
    )
    events = _of_all(parked.rows, parked.away)
    events.rows.sort(key=lambda pair: (pair[1].state != "dead", pair[1].parked_at))
    causes = [(name, cause) for name, answer in parked.rows for cause in answer.causes]
    return Stuck(events, causes, _of_all(letters.rows, letters.away), _of_all(overdue.rows, overdue.away))


def _of_all(answers: Sequence[tuple[str, Excerpt[X]]], away: list[str]) -> Told[X]:
    rows = [(name, row) for name, answer in answers for row in answer.data]
    return Told(rows, away, sum(answer.total for _, answer in answers))


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known of a stuck message: a time where it is one, else words."""

    name: str
    at: datetime | None
    words: str


def facts_of(known: Details) -> list[Fact]:
    """Give what is known of a stuck message: first how it stands and why, last what it carries."""
    names = [name for name in _FIRST if name in known.data]
    names += [name for name in known.data if name not in (*_FIRST, *_LAST)]
    names += [name for name in _LAST if name in known.data]
    return [_fact(name, known.data[name]) for name in names if known.data[name] not in (None, "")]


def _fact(name: str, value: object) -> Fact:
    if not isinstance(value, str):
        return Fact(name, None, json.dumps(value, indent=2, ensure_ascii=False))
    if name.endswith("_at"):
        return Fact(name, datetime.fromisoformat(value), "")
    if name == "payload":
        try:
            return Fact(name, None, json.dumps(json.loads(value), indent=2, ensure_ascii=False))
        except ValueError:  # what could not be read, as it came
            return Fact(name, None, value)
    return Fact(name, None, value)


class PauseWatch:
    """What is paused, for the banner of every page: asked anew behind a page's back when it is some seconds old."""

    _FRESH_SECONDS = 4.0

    def __init__(self, caller: Callable[[], Caller]) -> None:
        self._caller = caller
        self._pauses: list[tuple[str, Pause]] = []
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    def current(self) -> list[tuple[str, Pause]]:
        """Give what was paused some seconds ago at most, without waiting for anybody."""
        is_old = clock.monotonic() - self._asked_at > self._FRESH_SECONDS
        if is_old and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self.ask())
        return self._pauses

    async def ask(self) -> None:
        """Ask now."""
        try:
            told = await list_pauses(self._caller())
            # A service that is away still pauses what it paused.
            self._pauses = [*told.rows, *(pause for pause in self._pauses if pause[0] in told.away)]
        except RefusedError:
            self._pauses = []
        self._asked_at = clock.monotonic()
