"""What must stay flat in a soak, and whether it did: arithmetic over the samples, without any input."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.figures import median

TITLES: Final = {
    "latency": ("Placed to pick task visible", "ms"),
    "lag": ("Records not yet read", "records"),
    "outbox": ("Events waiting in the outbox", "rows"),
    "memory": ("Memory by process (USS)", "MB"),
    "tables": ("Tables with their indexes", "MB"),
    "unused": ("Unused space in tables: dead rows and gaps", "% of the table"),
    "indexes": ("How full the leaves of indexes are", "%"),
}
# What has rows only while something waits or is: it may not grow with the orders.
BOUNDED_TABLES: Final = frozenset({"outbox", "stock"})
GROWS: Final = "grows with the orders"
_THIRD = 3
_LEAST_SAMPLES = 6
_MOST_GROWTH: Final = {"memory": 1.05, "latency": 1.25, "unused": 1.1}
_TABLE_GROWTH = 1.25
_SMALL_MB = 8.0
_FILL_LEFT = 0.9
_SECONDS_OF_EVENTS = 2.0
_EVENTS_AN_ORDER = 8


@dataclass(slots=True)
class Samples:
    """What was seen over time: by chart, by line, (minutes, value)."""

    seen: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)

    def note(self, chart: str, name: str, minutes: float, value: float) -> None:
        """Keep one value."""
        self.seen.setdefault(chart, {}).setdefault(name, []).append((round(minutes, 2), round(value, 2)))

    def lines(self) -> Iterator[tuple[str, str, list[float]]]:
        """Give chart, name and values of every line, in the order of the charts."""
        for chart in TITLES:
            for name, line in sorted(self.seen.get(chart, {}).items()):
                yield chart, name, [value for _, value in line]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was watched: what it came to, what it may come to, and whether it kept to that."""

    what: str
    figure: str
    bound: str
    holds: bool

    @property
    def verdict(self) -> str:
        """Say whether it holds."""
        return "holds" if self.holds else "FAILS"

    def __str__(self) -> str:
        return f"{self.verdict:6} {self.what}: {self.figure} ({self.bound})"


def growth(values: Sequence[float]) -> float:
    """Give the median of the last third ÷ that of the second third: the first third is warming up."""
    third = len(values) // _THIRD
    if third == 0:
        raise ValueError("too few samples to tell growth")
    before = median(values[third : 2 * third])
    return median(values[-third:]) / before if before else 1.0


def findings(samples: Samples, per_second: float) -> list[Finding]:
    """Judge every line that was sampled; one with too few samples does not hold."""
    return [
        _judge(chart, name, values, per_second)
        if len(values) >= _LEAST_SAMPLES
        else Finding(f"{chart} {name}", f"{len(values)} samples", f"too few, {_LEAST_SAMPLES} wanted", holds=False)
        for chart, name, values in samples.lines()
    ]


def _judge(chart: str, name: str, values: list[float], per_second: float) -> Finding:
    what, unit = f"{chart} {name}", TITLES[chart][1]
    if chart in {"outbox", "lag"}:
        most = per_second * _SECONDS_OF_EVENTS * (_EVENTS_AN_ORDER if chart == "lag" else 1)
        settled = median(values[-(len(values) // _THIRD) :])
        figure = f"median {median(values):,.0f}, most {max(values):,.0f}, in the last third {settled:,.0f} {unit}"
        return Finding(what, figure, f"last third at most {most:,.0f}", settled <= most)
    figure = f"median {median(values):,.1f} {unit}, last third ÷ second {growth(values):.2f}"
    if chart == "indexes":
        return Finding(what, figure, f"at least {_FILL_LEFT:g} of it left", growth(values) >= _FILL_LEFT)
    if chart == "tables":
        return _judge_table(what, name, figure, values)
    return Finding(what, figure, *_grows_at_most(values, _MOST_GROWTH[chart]))


def _judge_table(what: str, name: str, figure: str, values: list[float]) -> Finding:
    if name.partition(".")[2] not in BOUNDED_TABLES:
        return Finding(what, figure, GROWS, holds=True)
    bound, holds = _grows_at_most(values, _TABLE_GROWTH)
    return Finding(what, figure, f"{bound}, or below {_SMALL_MB:.0f} MB", holds or max(values) < _SMALL_MB)


def _grows_at_most(values: list[float], most: float) -> tuple[str, bool]:
    return f"growth at most {most:g}", growth(values) <= most
