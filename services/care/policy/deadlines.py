"""How fast each priority must be served, and who hears of it when it is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.care.clocks import Clock, Target
from services.care.policy.priority import Priority
from services.care.states import CaseState, ClockKind


def _hours(hours: float) -> Target:
    return Target(time=timedelta(hours=hours))


TARGETS: Mapping[Priority, Mapping[ClockKind, Target]] = {
    Priority.P1: {
        ClockKind.NOTIFY: _hours(0.25),
        ClockKind.FIRST_RESPONSE: _hours(1),
        ClockKind.UPDATE: _hours(4),
        ClockKind.RESOLVE: _hours(8),
    },
    Priority.P2: {
        ClockKind.NOTIFY: _hours(1),
        ClockKind.FIRST_RESPONSE: _hours(4),
        ClockKind.UPDATE: Target(days=1),
        ClockKind.RESOLVE: Target(days=2),
    },
    Priority.P3: {
        ClockKind.NOTIFY: _hours(4),
        ClockKind.FIRST_RESPONSE: _hours(8),
        ClockKind.UPDATE: Target(days=2),
        ClockKind.RESOLVE: Target(days=4),
    },
    Priority.P4: {
        ClockKind.NOTIFY: Target(days=1),
        ClockKind.FIRST_RESPONSE: Target(days=2),
        ClockKind.UPDATE: Target(days=5),
        ClockKind.RESOLVE: Target(days=7),
    },
}

PAUSED_WHILE: Mapping[ClockKind, frozenset[CaseState]] = {
    ClockKind.NOTIFY: frozenset(),
    ClockKind.FIRST_RESPONSE: frozenset(),
    ClockKind.UPDATE: frozenset(),
    ClockKind.RESOLVE: frozenset({CaseState.WAITING_CUSTOMER}),
}
"""Case states in which a clock stands still."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Once `share` of a clock's target is used, these people hear of it, once; a breach raises the priority."""

    share: float
    tells: str
    is_breach: bool = False


ESCALATIONS: tuple[Escalation, ...] = (
    Escalation(0.75, "assignee"),
    Escalation(1.0, "lead", is_breach=True),
    Escalation(1.5, "manager"),
)


def next_escalation(clock: Clock, told: int) -> Escalation | None:
    """Give the escalation that follows the `told` ones already made; none while the clock stands still."""
    if not clock.running or told >= len(ESCALATIONS):
        return None
    return ESCALATIONS[told]
