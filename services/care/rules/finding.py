"""What a rule answers: findings with evidence, and when time alone could change its mind."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from services.care.rules.facts import Basis
from services.care.states import ExceptionKind, Level

Scalar = str | int | float | bool | None


class SubjectKind(StrEnum):
    """What a finding is about."""

    ORDER = "order"
    LINE = "line"
    FULFILMENT = "fulfilment"
    PARCEL = "parcel"
    STEP = "step"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing of an order: a finding is told from another by rule kind and subject."""

    kind: SubjectKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Finding:
    """An exception as one rule saw it at one moment."""

    rule: str
    version: int
    kind: ExceptionKind
    subject: Subject
    level: Level
    detected_at: datetime
    evidence: Mapping[str, Scalar]
    next_check_at: datetime | None = None
    suppressed_by: str = ""
    """Why this finding is explained by something larger, e.g. a silent feed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A rule's view of one subject before its name and the time are added."""

    subject: Subject
    level: Level
    evidence: Mapping[str, Scalar]
    suppressed_by: str = ""
    kind: ExceptionKind | None = None
    """Set by a rule that raises more than one kind."""


@dataclass(frozen=True, slots=True)
class Look:
    """A rule's answer: what it sees, and the next moment at which time alone could change that."""

    seen: tuple[Seen, ...] = ()
    again_at: datetime | None = None


NOTHING = Look()
F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Rule(Generic[F]):
    """A named, versioned, pure function of facts and the clock."""

    name: str
    version: int
    kind: ExceptionKind
    look: Callable[[F, datetime, Basis], Look]

    def findings(self, facts: F, now: datetime, basis: Basis) -> tuple[list[Finding], datetime | None]:
        """Apply the rule; give its findings and when to look again."""
        answer = self.look(facts, now, basis)
        found = [
            Finding(
                rule=self.name,
                version=self.version,
                kind=seen.kind or self.kind,
                subject=seen.subject,
                level=seen.level,
                detected_at=now,
                evidence=seen.evidence,
                next_check_at=answer.again_at,
                suppressed_by=seen.suppressed_by,
            )
            for seen in answer.seen
        ]
        return found, answer.again_at


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings on one order; what is not here is cleared."""

    findings: tuple[Finding, ...] = field(default=())
    next_check_at: datetime | None = None


def earliest(moments: Iterable[datetime | None], *, after: datetime) -> datetime | None:
    """Give the earliest of the moments that is still to come."""
    return min((moment for moment in moments if moment is not None and moment > after), default=None)


def combine(looks: Iterable[Look], now: datetime) -> Look:
    """Join a rule's looks at several subjects into one."""
    parts = list(looks)
    return Look(
        tuple(seen for part in parts for seen in part.seen),
        earliest((part.again_at for part in parts), after=now),
    )
