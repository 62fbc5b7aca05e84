"""The arithmetic of a benchmark: medians, spreads, percentiles, and whether a figure meets its target."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


def median(values: Sequence[float]) -> float:
    """Give the middle value; raises ValueError when there is none."""
    if not values:
        raise ValueError("no cell was measured")
    return float(statistics.median(values))


def spread(values: Sequence[float]) -> float:
    """Give (largest - smallest) / median, the noise of repeated cells; 0 for a single one."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least `share` (0 to 1) of all do not exceed (nearest rank)."""
    if not values or not 0 < share <= 1:
        raise ValueError("a percentile needs values and a share in (0, 1]")
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]


def weighted_percentile(values: Sequence[tuple[float, float]], share: float) -> float:
    """Give the same for (value, how many of it); infinity where there is none."""
    if not values:
        return math.inf
    wanted = share * sum(count for _, count in values)
    for value, count in sorted(values):
        wanted -= count
        if wanted <= 0:
            return value
    return max(value for value, _ in values)


def ratios(figures: Sequence[float], against: Sequence[float]) -> list[float]:
    """Divide cell by cell: each figure by the limit measured beside it."""
    return [figure / limit for figure, limit in zip(figures, against, strict=True)]


def steady_rate(seen: Sequence[tuple[float, float]], least: float = 0.0) -> float:
    """Give the rate between the first and the last change of a counter read at (seconds, count), per second.

    What was counted before the first change, and how long that took, is start-up and left out; a rate over
    less than `least` counted items is refused with ValueError.
    """
    changes = [after for before, after in itertools.pairwise(seen) if after[1] > before[1]]
    if len(changes) < 2 or changes[-1][1] - changes[0][1] < least:  # noqa: PLR2004 - a rate needs two moments
        raise ValueError(f"too little was counted for a rate: {changes}")
    (first, low), (last, high) = changes[0], changes[-1]
    return (high - low) / (last - first)


@dataclass(frozen=True, slots=True)
class Target:
    """What a line must reach: at least, or at most, `bound`."""

    kind: Literal["least", "most"]
    bound: float
    unit: str = ""

    def is_met(self, value: float) -> bool:
        """Say whether a value reaches the target."""
        return value >= self.bound if self.kind == "least" else value <= self.bound

    def __str__(self) -> str:
        sign = "≥" if self.kind == "least" else "≤"
        return f"{sign} {self.bound:g}{f' {self.unit}' if self.unit else ''}"
