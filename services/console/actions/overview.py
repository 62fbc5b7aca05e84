"""The leads' overview: figures with their formulas, and the points of their charts. Drawing is arithmetic only."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from itertools import groupby
from typing import TypeVar

from pydantic import BaseModel

from services.console.errors import ServiceAwayError
from services.console.navigation import page_address
from services.console.neighbours import Caller
from services.console.schemas.overview import Backlog, CutOff, KindCount, Measures, Outcomes, Stages
from services.console.wording import say
from shared import clock

M = TypeVar("M", bound=BaseModel)

STAGES = ("unfulfilled", "backordered", "on_hold", "allocated", "picking", "packed", "shipped")
_NAMED = {
    "unfulfilled": "waits for its stock to be reserved", "backordered": "waits for goods", "on_hold": "on hold",
    "allocated": "to pick", "picking": "being picked and packed", "packed": "waits for the carrier",
    "shipped": "on its way",
}  # fmt: skip
_TONES = {"on_hold": "warn", "backordered": "warn"}
WINDOWS = (7, 30, 90)
HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 220, 44, 26, 14, 40
# How wide a chart is drawn, and how many days it names: its letters are as large on a phone as on a desk.
_WIDE, _NARROW = (680, 8), (340, 4)
_HALF_A_DAY = timedelta(hours=12)
"""A promise ends with its local day: half a day before, it is that day's date everywhere."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its formula; `value` is None where there is no data."""

    title: str
    value: float | None
    part: int
    whole: int
    formula: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a list; `share` is 0 to 100 of the longest."""

    label: str
    count: int
    share: float
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A day of the chart: the column of what was due and the dot of the rate, in the drawing's own units."""

    day: date
    label: str
    x: float
    y: float | None
    column: float
    width: float
    named: bool
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class Chart:
    """A rate by day over columns of what was due; `lines` breaks where nothing was due. In the drawing's own units."""

    width: int
    points: list[Point]
    lines: list[str]
    most: int

    @property
    def height(self) -> int:
        """How tall it is drawn."""
        return HEIGHT

    @property
    def floor(self) -> int:
        """Where columns stand."""
        return HEIGHT - _BOTTOM

    @property
    def edges(self) -> tuple[int, int]:
        """Where the grid begins and ends."""
        return _LEFT, self.width - _RIGHT

    @property
    def grid(self) -> list[tuple[float, str, str]]:
        """The heights of the axes' marks: the share on the left, how many were due on the right."""
        tall = HEIGHT - _BOTTOM - _TOP
        halves = [(0, "0"), (50, str(self.most // 2) if self.most % 2 == 0 else ""), (100, str(self.most))]
        return [(_TOP + tall * (1 - share / 100), f"{share} %", due) for share, due in halves]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page; None is a service that is away."""

    days: int
    measures: Measures | None
    figures: list[Figure]
    stages: list[Bar] | None
    exceptions: list[Bar]
    backlog: list[CutOff] | None
    charts: list[Chart]
    """The same days drawn for a desk, and for a phone."""
    location: str
    carrier: str

    def address(self, **changes: str | int) -> str:
        """Give where the console shows this, changed."""
        said = {"days": self.days, "location": self.location, "carrier": self.carrier, **changes}
        return page_address("/overview", said)

    @property
    def cases(self) -> str:
        """Give where the queue shows the cases of these, up to the kind."""
        return f"{page_address('/care', {'location': self.location})}{'&' if self.location else '?'}kind="


async def learn_overview(caller: Caller, days: int, location: str = "", carrier: str = "") -> Overview:
    """Ask care for the measures, orders for stages, inventory for the backlog, at once; of one warehouse or carrier."""
    since = (clock.now() - timedelta(days=days)).isoformat()
    place = location or None
    measures, stages, backlog = await asyncio.gather(
        _ask(caller, "care", "/staff/overview", Measures, since=since, location=place, carrier=carrier or None),
        _ask(caller, "orders", "/staff/stages", Stages, location=place),
        _ask(caller, "inventory", "/staff/backlog", Backlog),
    )
    return Overview(
        days=days,
        measures=measures,
        figures=_figures(measures) if measures is not None else [],
        stages=_stages(stages.data) if stages is not None else None,
        exceptions=_exceptions(measures) if measures is not None else [],
        backlog=[one for one in backlog.data if location in {"", one.location}] if backlog is not None else None,
        charts=[draw(measures, *size) for size in (_WIDE, _NARROW)] if measures is not None and measures.days else [],
        location=location,
        carrier=carrier,
    )


async def _ask(caller: Caller, service: str, path: str, shape: type[M], **params: str | None) -> M | None:
    try:
        return await caller.get(service, path, shape, **params)
    except ServiceAwayError:
        return None


def _figures(measures: Measures) -> list[Figure]:
    total, formulas = measures.total, measures.formulas
    kept_whole = total.kept + total.broken if total else 0
    return [
        Figure("Kept promise", total.kept_rate if total else None, total.kept if total else 0, kept_whole,
               formulas["kept_promise"]),
        Figure("Perfect order", total.perfect_rate if total else None, total.perfect if total else 0,
               total.delivered if total else 0, formulas["perfect_order"]),
        Figure("On time in full", total.otif_rate if total else None, total.otif if total else 0,
               total.due if total else 0, formulas["otif"]),
        Figure("Clocks of cases kept", measures.sla_rate, measures.sla_in_time,
               measures.sla_in_time + measures.sla_breached, formulas["sla_attainment"]),
    ]  # fmt: skip


def _stages(counts: dict[str, int]) -> list[Bar]:
    most = max(counts.values(), default=0)
    return [
        Bar(_NAMED[stage], counts.get(stage, 0), _share(counts.get(stage, 0), most), tone=_TONES.get(stage, ""))
        for stage in STAGES
    ]


def _exceptions(measures: Measures) -> list[Bar]:
    most = max((one.raised for one in measures.exceptions), default=0)
    return [
        Bar(
            one.kind,
            one.raised,
            _share(one.raised, most),
            note=_open(one),
        )
        for one in measures.exceptions
    ]


def _open(kind: KindCount) -> str:
    if kind.open == kind.raised:
        return say("all open")
    return say("{count} open", count=kind.open) if kind.open else ""


def _share(count: int, most: int) -> float:
    return round(100 * count / most, 1) if most else 0.0


def draw(measures: Measures, width: int, most_labels: int) -> Chart:
    """Place every day, those without dues too: columns by how much was due, dots by the share of promises kept."""
    days = _every_day(measures)
    most = max(outcomes.due for _, outcomes in days)
    step = (width - _LEFT - _RIGHT) / len(days)
    every = -(-len(days) // most_labels)
    tall = HEIGHT - _BOTTOM - _TOP
    points = []
    for number, (on, outcomes) in enumerate(days):
        x = round(_LEFT + step * (number + 0.5), 1)
        y = round(_TOP + tall * (1 - outcomes.kept_rate), 1) if outcomes.kept_rate is not None else None
        column = round(tall * outcomes.due / most, 1) if most else 0.0
        label = say("{day} {month}", day=on.day, month=say(f"{on:%b}"))
        points.append(Point(on, label, x, y, column, round(step * 0.7, 1), number % every == 0, outcomes))
    runs = groupby(points, lambda point: point.y is not None)
    lines = [" ".join(f"{point.x},{point.y}" for point in run) for is_known, run in runs if is_known]
    return Chart(width, points, lines, most)


def _every_day(measures: Measures) -> list[tuple[date, Outcomes]]:
    """Give all days of the time shown, each with how what was due went."""
    known = {date.fromisoformat(outcomes.name): outcomes for outcomes in measures.days}
    first, last = ((at - _HALF_A_DAY).astimezone(UTC).date() for at in (measures.since, measures.until))
    first, last = min(first, *known), max(last, *known)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [(day, known.get(day) or _nothing_due(day)) for day in days]


def _nothing_due(day: date) -> Outcomes:
    counts = dict.fromkeys(("due", "delivered", "otif", "perfect", "kept", "broken"), 0)
    return Outcomes(name=day.isoformat(), otif_rate=None, perfect_rate=None, kept_rate=None, **counts)
