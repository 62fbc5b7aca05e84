"""How good the flags of coming lateness were, beside a baseline that looks at nothing but the calendar."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

BASELINE_BEFORE = timedelta(days=2)
_HOUR = timedelta(hours=1)

FORMULAS: Mapping[str, str] = {
    "recall": "really late orders flagged before the promise's end / really late orders",
    "precision": "really late orders flagged before the promise's end / all delivered orders flagged before it",
    "lead_hours": "median of (the promise's end - first flag) of really late orders flagged",
    "baseline": f"flags whatever is undelivered {BASELINE_BEFORE.days} days before the promise's end",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A delivered order as the data tell it: its promise's end, its delivery, and whether that was late."""

    reference: str
    promise_end: datetime
    delivered_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one way to flag, and the ratios that follow from them."""

    name: str
    delivered: int
    late: int
    flagged: int
    late_flagged: int
    lead_hours: float | None

    @property
    def recall(self) -> float | None:
        """Give the share of late orders that were flagged in time."""
        return self.late_flagged / self.late if self.late else None

    @property
    def precision(self) -> float | None:
        """Give the share of flagged orders that were late."""
        return self.late_flagged / self.flagged if self.flagged else None

    def as_json(self) -> dict[str, object]:
        """Give everything for the report."""
        return {
            "name": self.name,
            "delivered": self.delivered,
            "late": self.late,
            "flagged": self.flagged,
            "late_flagged": self.late_flagged,
            "recall": _rounded(self.recall),
            "precision": _rounded(self.precision),
            "lead_hours": _rounded(self.lead_hours),
        }


def score(name: str, orders: Sequence[Judged], flagged_at: Mapping[str, datetime]) -> Score:
    """Judge first flags by reference; those at or after the promise's end, or after the delivery, do not count."""
    in_time = {
        order.reference: flagged_at[order.reference]
        for order in orders
        if order.reference in flagged_at and flagged_at[order.reference] < min(order.promise_end, order.delivered_at)
    }
    leads = [
        order.promise_end - in_time[order.reference] for order in orders if order.late and order.reference in in_time
    ]
    return Score(
        name=name,
        delivered=len(orders),
        late=sum(order.late for order in orders),
        flagged=len(in_time),
        late_flagged=len(leads),
        lead_hours=median(lead / _HOUR for lead in leads) if leads else None,
    )


def baseline(orders: Iterable[Judged]) -> dict[str, datetime]:
    """Flag by the calendar alone: whatever is undelivered so long before the promise's end."""
    moments = ((order, order.promise_end - BASELINE_BEFORE) for order in orders)
    return {order.reference: moment for order, moment in moments if order.delivered_at > moment}


def first_flags(levels: Iterable[tuple[str, str, datetime]], wanted: frozenset[str]) -> dict[str, datetime]:
    """Find per reference the first of (reference, level, moment) whose level is wanted."""
    first: dict[str, datetime] = {}
    for reference, level, moment in levels:
        if level in wanted and (reference not in first or moment < first[reference]):
            first[reference] = moment
    return first


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if value is not None else None
