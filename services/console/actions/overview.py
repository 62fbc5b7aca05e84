"""The leads' overview: figures with their formulas, and the points of their charts. Drawing is arithmetic only."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel

from services.console.errors import ServiceAwayError
from services.console.neighbours import Caller
from services.console.schemas.overview import Backlog, CutOff, Measures, Outcomes, Stages
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
WIDTH, HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 220, 40, 26, 14, 14
_MOST_LABELS = 8


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

    label: str
    x: float
    y: float | None
    column: float
    width: float
    named: bool
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class Chart:
    """A rate by day over columns of what was due."""

    points: list[Point]
    line: str
    most: int

    @property
    def floor(self) -> int:
        """Where columns stand."""
        return HEIGHT - _BOTTOM


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page; None is a service that is away."""

    days: int
    measures: Measures | None
    figures: list[Figure]
    stages: list[Bar] | None
    exceptions: list[Bar]
    backlog: list[CutOff] | None
    chart: Chart | None


async def learn_overview(caller: Caller, days: int) -> Overview:
    """Ask care for the measures, orders for stages, inventory for the backlog, at once."""
    since = clock.now() - timedelta(days=days)
    measures, stages, backlog = await asyncio.gather(
        _ask(caller, "care", "/staff/overview", Measures, since.isoformat()),
        _ask(caller, "orders", "/staff/stages", Stages),
        _ask(caller, "inventory", "/staff/backlog", Backlog),
    )
    return Overview(
        days=days,
        measures=measures,
        figures=_figures(measures) if measures is not None else [],
        stages=_stages(stages.data) if stages is not None else None,
        exceptions=_exceptions(measures) if measures is not None else [],
        backlog=backlog.data if backlog is not None else None,
        chart=draw(measures.days) if measures is not None and measures.days else None,
    )


async def _ask(caller: Caller, service: str, path: str, shape: type[M], since: str | None = None) -> M | None:
    try:
        return await caller.get(service, path, shape, since=since)
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
            note=say("{count} open", count=one.open) if one.open else "",
        )
        for one in measures.exceptions
    ]


def _share(count: int, most: int) -> float:
    return round(100 * count / most, 1) if most else 0.0


def draw(days: Sequence[Outcomes]) -> Chart:
    """Place each day: columns by how much was due, dots by the share of promises kept."""
    most = max(day.due for day in days)
    step = (WIDTH - _LEFT - _RIGHT) / len(days)
    every = -(-len(days) // _MOST_LABELS)
    tall = HEIGHT - _BOTTOM - _TOP
    points = []
    for number, day in enumerate(days):
        x = round(_LEFT + step * (number + 0.5), 1)
        y = round(_TOP + tall * (1 - day.kept_rate), 1) if day.kept_rate is not None else None
        column = round(tall * day.due / most, 1) if most else 0.0
        points.append(Point(_short(day.name), x, y, column, round(step * 0.7, 1), number % every == 0, day))
    line = " ".join(f"{point.x},{point.y}" for point in points if point.y is not None)
    return Chart(points, line, most)


def _short(day: str) -> str:
    """Write 2027-03-05 as 5.3."""
    _, month, number = day.split("-")
    return f"{int(number)}.{int(month)}."
