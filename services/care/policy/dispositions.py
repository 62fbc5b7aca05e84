"""What becomes of an exception: exactly one disposition, decided by a table."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.care.states import FAMILY_OF, DispositionKind, ExceptionKind, Family, Level

_WATCHING = "watching: the chance of lateness is below the level that opens a case"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What became of an exception, and why when nothing is done."""

    kind: DispositionKind
    reason: str = ""


_CASE = Disposition(DispositionKind.CASE)
_WATCH = Disposition(DispositionKind.SUPPRESSED, _WATCHING)

DISPOSITIONS: Mapping[tuple[ExceptionKind, Level], Disposition] = {
    (ExceptionKind.PRESHIP_RISK, Level.AT_RISK): _WATCH,
    (ExceptionKind.TRANSIT_RISK, Level.AT_RISK): _WATCH,
    (ExceptionKind.FULFILMENT_OVERDUE, Level.AT_RISK): _WATCH,
    (ExceptionKind.BACKORDER_SLIP, Level.AT_RISK): _WATCH,
    (ExceptionKind.FAILED_ATTEMPT, Level.AT_RISK): Disposition(DispositionKind.INFORMED, "first failed attempt"),
    (ExceptionKind.FEED_SILENT, Level.CONFIRMED): Disposition(DispositionKind.INCIDENT),
}
"""What is not listed opens, or joins, a case."""

CONSEQUENCES = frozenset({ExceptionKind.PROMISE_BREACHED})
"""Kinds that follow from another cause: they join whichever case of the order is open."""


def disposition_of(kind: ExceptionKind, level: Level, suppressed_by: str) -> Disposition:
    """Decide; an exception that something larger explains is suppressed with that reason."""
    if suppressed_by:
        return Disposition(DispositionKind.SUPPRESSED, suppressed_by)
    return DISPOSITIONS.get((kind, level), _CASE)


def joins(kind: ExceptionKind, open_families: frozenset[Family]) -> Family:
    """Give the family whose case an exception belongs to, given the order's open cases."""
    own = FAMILY_OF[kind]
    if kind in CONSEQUENCES and own not in open_families and open_families:
        return min(open_families)
    return own
