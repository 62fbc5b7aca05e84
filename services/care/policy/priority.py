"""How urgent a case is: impact and urgency make a score, the score makes P1 to P4."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.care.states import ExceptionKind, Level


class Priority(StrEnum):
    """P1 is the most urgent."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"

    def raised(self) -> "Priority":
        """Give the next more urgent priority; P1 stays."""
        return _ORDER[max(0, _ORDER.index(self) - 1)]


_ORDER = tuple(Priority)

IMPACT: Mapping[ExceptionKind, int] = {
    ExceptionKind.FEED_SILENT: 0,
    ExceptionKind.NO_FIRST_SCAN: 1,
    ExceptionKind.STALLED: 1,
    ExceptionKind.PRESHIP_RISK: 1,
    ExceptionKind.TRANSIT_RISK: 1,
    ExceptionKind.FULFILMENT_OVERDUE: 1,
    ExceptionKind.BACKORDER_SLIP: 1,
    ExceptionKind.STUCK_FLOW: 1,
    ExceptionKind.ADDRESS_PROBLEM: 1,
    ExceptionKind.VOIDED_LABEL_USED: 1,
    ExceptionKind.CARRIER_HOLD: 1,
    ExceptionKind.UNKNOWN_CODE: 0,
    ExceptionKind.NO_CONSENT: 2,
    ExceptionKind.PROMISE_BREACHED: 2,
    ExceptionKind.FAILED_ATTEMPT: 2,
    ExceptionKind.DELIVERY_PROBLEM: 2,
    ExceptionKind.LOSS_SUSPECTED: 2,
    ExceptionKind.SHORT_PICK: 2,
    ExceptionKind.MISSING_ITEM: 2,
    ExceptionKind.RETURNED_TO_SENDER: 3,
    ExceptionKind.WRONG_ITEM: 2,
    ExceptionKind.NOT_RECEIVED: 3,
    ExceptionKind.DAMAGE: 3,
    ExceptionKind.LOST: 3,
}
"""From 0 (for information) to 3 (the customer has no usable goods)."""

_URGENCY: tuple[tuple[timedelta, int], ...] = (
    (timedelta(hours=72), 0),
    (timedelta(hours=24), 1),
    (timedelta(0), 2),
)
_DEADLINE_PASSED = 3
_IMPACT_SAID = (
    "for information", "it may come later", "the customer waits or lacks something", "the customer has no usable goods",
)  # fmt: skip
_URGENCY_SAID = (
    "more than three days are left",
    "less than three days are left",
    "less than a day is left",
    "too late",
)
_GIFT_IS_NEAR = timedelta(hours=24)
_P1_SCORE, _P2_SCORE, _P3_SCORE = 6, 4, 2


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What makes the same exception worse for one customer than for another."""

    second_failure: bool = False
    """The customer's second failure in 90 days; a reshipment that fails is one."""
    perishable: bool = False
    """The order has goods that do not keep."""
    safety: bool = False
    """Somebody's safety rests on the goods arriving, and arriving sound."""
    gift_due_at: datetime | None = None
    """The end of the day a gift is for."""

    def aggravate(self) -> bool:
        """Say whether the case weighs one more."""
        return self.second_failure or self.perishable or self.gift_due_at is not None

    def said(self) -> list[str]:
        """Name what makes it worse."""
        named = {
            "goods that do not keep": self.perishable,
            "somebody's safety rests on it": self.safety,
            "the customer's second failure": self.second_failure,
            "a gift for a day": self.gift_due_at is not None,
        }
        return [words for words, is_so in named.items() if is_so]

    def cannot_wait(self, now: datetime) -> bool:
        """Say whether the case may be a P1; a gift's day counts from 24 hours before it ends."""
        is_near = self.gift_due_at is not None and self.gift_due_at - now <= _GIFT_IS_NEAR
        return self.safety or self.perishable or is_near or self.second_failure


def urgency(deadline: datetime | None, now: datetime) -> int:
    """Score the time left to the promise's or the pick-up's deadline: 0 to 3."""
    if deadline is None:
        return 0
    left = deadline - now
    return next((score for at_least, score in _URGENCY if left > at_least), _DEADLINE_PASSED)


def priority_of(
    kind: ExceptionKind, level: Level, deadline: datetime | None, now: datetime, circumstances: Circumstances
) -> Priority:
    """Score a case's leading exception; a mere risk counts one impact less.

    P1 is open only to what cannot wait: if each late parcel were a P1, the clocks would mean nothing.
    """
    score = _impact(kind, level) + urgency(deadline, now) + circumstances.aggravate()
    if score >= _P1_SCORE and circumstances.cannot_wait(now):
        return Priority.P1
    if score >= _P2_SCORE:
        return Priority.P2
    return Priority.P3 if score >= _P3_SCORE else Priority.P4


def because(
    kind: ExceptionKind, level: Level, deadline: datetime | None, now: datetime, circumstances: Circumstances
) -> str:
    """Say what a case's priority was made of: what it means to the customer, the time left, and what makes it worse."""
    left = "no deadline" if deadline is None else _URGENCY_SAID[urgency(deadline, now)]
    return "; ".join([_IMPACT_SAID[_impact(kind, level)], left, *circumstances.said()])


def _impact(kind: ExceptionKind, level: Level) -> int:
    return max(0, IMPACT[kind] - (1 if level is Level.AT_RISK else 0))
