"""The chance that a promise breaks: from the history of its lane and the history of promises like it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from services.care.quantiles import Distribution
from services.care.rules.thresholds import Thresholds
from services.care.states import Level

_HOUR = timedelta(hours=1)
_GRID = 20
"""So many equally likely hand-over times stand for the whole distribution when stages are chained."""


def hours_between(start: datetime, end: datetime) -> float:
    """Give the hours from start to end, negative when end is earlier."""
    return (end - start) / _HOUR


def after_hours(start: datetime, hours: float) -> datetime:
    """Add hours to a moment."""
    return start + hours * _HOUR


def level_of(chance: float, thresholds: Thresholds) -> Level | None:
    """Translate a chance of lateness: above 50 % means that the p50 is late, above 20 % that the p80 is."""
    if chance > thresholds.predicted_chance:
        return Level.PREDICTED
    return Level.AT_RISK if chance > thresholds.at_risk_chance else None


def slack_chance(slack: Distribution, now: datetime, promised_by: datetime) -> float:
    """Give how often a promise with this much time left, and nothing delivered yet, was broken."""
    left = hours_between(now, promised_by)
    undelivered = len(slack.hours) - slack.beyond(left)
    broken = len(slack.hours) - slack.beyond(0.0)
    return broken / undelivered if undelivered else 1.0


@dataclass(frozen=True, slots=True)
class TransitOdds:
    """The odds of a parcel under way: how long its lane takes, and how promises like its own ended.

    The lane alone cries wolf on padded promises: it knows how long parcels take, not how far ahead the
    shop promises. So both must agree, once enough promises have ended to say.
    """

    times: Distribution
    start: datetime
    slack: Distribution | None
    promised_by: datetime

    def chance(self, now: datetime) -> float:
        """Give the chance of a late arrival, given that it has not arrived yet."""
        limit = hours_between(self.start, self.promised_by)
        by_lane = self.times.chance_beyond(limit, hours_between(self.start, now))
        return by_lane if self.slack is None else min(by_lane, slack_chance(self.slack, now, self.promised_by))

    def exceeds_from(self, share: float) -> datetime:
        """Give the moment from which waiting alone lifts the chance above `share`."""
        limit = hours_between(self.start, self.promised_by)
        by_lane = after_hours(self.start, self.times.elapsed_when_chance_exceeds(share, limit))
        if self.slack is None:
            return by_lane
        broken = len(self.slack.hours) - self.slack.beyond(0.0)
        rank = ceil(broken / share) - 1
        if rank >= len(self.slack.hours):
            return by_lane
        return max(by_lane, after_hours(self.promised_by, -max(0.0, self.slack.hours[max(0, rank)])))


def remaining_grid(stage: Distribution, elapsed: float) -> list[float]:
    """Give equally likely values of the hours left of a stage that has lasted `elapsed` hours."""
    return [stage.remaining((point + 0.5) / _GRID, elapsed) for point in range(_GRID)]


def chained_chance(hand_overs: Sequence[datetime], transit: Distribution, promised_by: datetime) -> float:
    """Give the chance of a late arrival over equally likely hand-over times."""
    late = sum(transit.beyond(hours_between(at, promised_by)) / len(transit.hours) for at in hand_overs)
    return late / len(hand_overs)
