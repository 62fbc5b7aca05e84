"""How long things take: distributions from our own finished parcels, or configured values until there are enough."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from math import ceil, floor

ENOUGH_SAMPLES = 50
_POINTS = 100


class Stage(StrEnum):
    """A stretch of an order's way whose length we learn, in hours."""

    PLACED = "placed_to_hand_over"
    PLANNED = "planned_to_hand_over"
    PICKING = "pick_start_to_hand_over"
    PACKED = "packed_to_hand_over"
    PICK_AND_PACK = "planned_to_packed"
    PACK = "pick_start_to_packed"
    TRANSIT = "hand_over_to_delivered"
    LAST_MILE = "out_for_delivery_to_delivered"
    SCAN_GAP = "scan_to_next_scan"
    PROMISE_SLACK = "delivered_to_promise_end"
    FEED_GAP = "feed_event_to_next"


EVERYWHERE = "*"


def lane_keys(service_level: str, country: str, zone: str, service: tuple[str, str] | None = None) -> tuple[str, ...]:
    """Give the keys under which transit times are learned: by the carrier's service, then by the level promised."""
    lane = f"{country}-{zone}"
    carried = (f"{'/'.join(service)}/{lane}",) if service else ()
    return (*carried, f"{service_level}/{lane}", f"{service_level}/{country}")


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished stretch: learned from only once its parcel is finished."""

    stage: Stage
    key: str
    finished_at: datetime
    hours: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """Sorted hours that a stage took."""

    hours: tuple[float, ...]
    learned: bool

    def quantile(self, share: float) -> float:
        """Give the hours within which `share` of the stretches ended (nearest rank)."""
        return self.hours[max(0, ceil(share * len(self.hours)) - 1)]

    def beyond(self, limit: float) -> int:
        """Count the stretches longer than `limit` hours."""
        return len(self.hours) - bisect_right(self.hours, limit)

    def chance_beyond(self, limit: float, elapsed: float) -> float:
        """Give the chance to last longer than `limit`, once `elapsed` hours have passed without an end."""
        if elapsed >= limit:
            return 1.0
        still_open = self.beyond(elapsed)
        return self.beyond(limit) / still_open if still_open else 1.0

    def remaining(self, share: float, elapsed: float) -> float:
        """Give the `share` quantile of the hours left, once `elapsed` have passed; 0 when none lasted longer."""
        passed = bisect_right(self.hours, elapsed)
        open_still = len(self.hours) - passed
        if not open_still:
            return 0.0
        return self.hours[passed + max(0, ceil(share * open_still) - 1)] - elapsed

    def elapsed_when_chance_exceeds(self, chance: float, limit: float) -> float:
        """Give the elapsed hours from which the chance to pass `limit` is above `chance`; at most `limit`."""
        beyond = self.beyond(limit)
        if beyond > chance * len(self.hours):
            return 0.0
        # The chance is beyond / still_open, and still_open is len - 1 - index once hours[index] have passed;
        # past the longest stretch ever seen the history knows no comfort any more.
        index = min(len(self.hours) - 1, max(0, floor(len(self.hours) - 1 - beyond / chance) + 1))
        return min(limit, self.hours[index])


@dataclass(frozen=True, slots=True)
class Configured:
    """Hours assumed until there are enough samples of our own."""

    p50: float
    p80: float
    p95: float


@lru_cache(maxsize=256)
def _distribution_of(configured: Configured) -> Distribution:
    """Draw a straight line through (0, p50/2), p50, p80, p95 and (1, 1.5 p95), so both kinds answer alike."""
    knots = (
        (0.0, configured.p50 / 2),
        (0.5, configured.p50),
        (0.8, configured.p80),
        (0.95, configured.p95),
        (1.0, configured.p95 * 1.5),
    )
    hours: list[float] = []
    for point in range(1, _POINTS + 1):
        share = point / _POINTS
        at = next(index for index in range(1, len(knots)) if share <= knots[index][0])
        (left, low), (right, high) = knots[at - 1], knots[at]
        hours.append(low + (high - low) * (share - left) / (right - left))
    return Distribution(tuple(hours), learned=False)


DEFAULTS: Mapping[Stage, Mapping[str, Configured]] = {
    Stage.PLACED: {EVERYWHERE: Configured(18, 30, 60)},
    Stage.PICK_AND_PACK: {EVERYWHERE: Configured(1, 2, 4)},
    Stage.PACK: {EVERYWHERE: Configured(0.5, 1, 2)},
    # Inside what orders promises for the same service and distance (services/orders/promise.py), else every
    # parcel of a new shop would look late.
    Stage.TRANSIT: {
        EVERYWHERE: Configured(60, 90, 150),
        "express": Configured(24, 40, 60),
        "economy": Configured(96, 150, 260),
        "express/abroad": Configured(48, 72, 100),
        "standard/abroad": Configured(110, 160, 250),
        "economy/abroad": Configured(190, 280, 420),
    },
    Stage.LAST_MILE: {EVERYWHERE: Configured(5, 8, 12)},
    Stage.SCAN_GAP: {EVERYWHERE: Configured(14, 24, 48)},
    Stage.FEED_GAP: {EVERYWHERE: Configured(1, 3, 8)},
}
_SLACK_MATURES = timedelta(days=30)


def matures_after(stage: Stage) -> timedelta:
    """Give how old a stage's first sample must be: a younger history knows only the stretches that ended quickly."""
    configured = DEFAULTS.get(stage)
    if configured is None:
        return _SLACK_MATURES if stage is Stage.PROMISE_SLACK else timedelta(0)
    return timedelta(hours=max(hours.p95 for hours in configured.values()))


Ended = tuple[datetime, float]
"""When a stretch ended, and how many hours it took."""


def mature_hours(stage: Stage, ended: Sequence[Ended], as_of: datetime) -> tuple[float, ...]:
    """Give the sorted hours of stretches, in the order of their ends; none while the first ended too recently."""
    if not ended or as_of - ended[0][0] < matures_after(stage):
        return ()
    return tuple(sorted(hours for _, hours in ended))


@dataclass(frozen=True, slots=True)
class History:
    """What is known as of one moment: learned samples by (stage, key), configured values beneath."""

    samples: Mapping[tuple[Stage, str], tuple[float, ...]] = field(default_factory=dict)
    configured: Mapping[Stage, Mapping[str, Configured]] = field(default_factory=lambda: DEFAULTS)
    enough: int = ENOUGH_SAMPLES

    def learned(self, stage: Stage, *keys: str) -> Distribution | None:
        """Give the first key's distribution that rests on enough samples, most specific key first."""
        for key in (*keys, EVERYWHERE):
            hours = self.samples.get((stage, key), ())
            if len(hours) >= self.enough:
                return Distribution(hours, learned=True)
        return None

    def look_up(self, stage: Stage, *keys: str) -> Distribution:
        """Give the learned distribution, else the configured one of the first known key."""
        learned = self.learned(stage, *keys)
        if learned is not None:
            return learned
        table = self.configured[stage]
        return _distribution_of(next(table[key] for key in (*keys, EVERYWHERE) if key in table))
