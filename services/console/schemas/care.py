"""What the console reads of care's answers: the queue, a case with all there is to decide it, incidents, approvals."""

from datetime import datetime
from uuid import UUID

from services.console.schemas import Case, Message, Read


class QueueCase(Case):
    """A case as the queue shows it; `value_amount` is what the order is worth, in minor units."""

    order_id: UUID
    order_number: str | None
    value_amount: int
    currency: str
    clock: str | None
    version: int


class Queue(Read):
    """A page of cases, the nearest due clock first."""

    data: list[QueueCase]
    next_cursor: str | None


class Counts(Read):
    """How many cases each view has, in the order asked."""

    data: list[int]


class Finding(Read):
    """What a rule saw, and on what evidence."""

    kind: str
    subject: str
    rule: str
    version: int
    level: str
    detected_at: datetime
    cleared_at: datetime | None
    evidence: dict[str, object]


class Clock(Read):
    """One of a case's clocks."""

    kind: str
    due_at: datetime | None
    paused_at: datetime | None
    fulfilled_at: datetime | None
    breached_at: datetime | None


class HistoryEntry(Read):
    """What happened to a case, and who did it."""

    at: datetime
    actor: str
    act: str
    detail: str


class Units(Read):
    """Units of a line."""

    line_id: UUID
    sku: str
    quantity: int


class CaseRemedy(Read):
    """A remedy and how it stands; `needs` is the lowest authority whose limit it fits."""

    id: UUID
    case_id: UUID
    case_number: str | None
    order_number: str | None
    kind: str
    state: str
    cost: int
    needs: str | None
    may_decide: bool
    amount: int | None
    currency: str
    lines: list[Units]
    deliver_by: datetime | None
    reason: str
    automatic: bool
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    refusal_code: str | None
    refusal_detail: str | None
    reship_order_id: UUID | None


class Remedies(Read):
    """Remedies, those that wait longest first; `total` counts also what is not told."""

    data: list[CaseRemedy]
    next_cursor: UUID | None
    total: int


class Suggestion(Read):
    """A ranked remedy with what it costs and whether this person may grant it at once."""

    remedy: str
    cost: int
    currency: str
    authority: str | None
    automatic: bool
    because: str
    within_your_limit: bool
    over_your_day: bool


class Allowance(Read):
    """What this person may grant in a day, and what is left of it now, in minor units."""

    currency: str
    per_day: int
    left_today: int


class Report(Read):
    """What a person reported about the order, in their words."""

    kind: str
    reported_by: str
    comment: str
    reported_at: datetime


class CommonCause(Read):
    """An open incident that weighs on a case."""

    id: UUID
    kind: str
    scope: str
    opened_at: datetime


class FullCase(QueueCase):
    """A case with everything needed to decide."""

    state_since: datetime
    snoozed_until: datetime | None
    promised_by: datetime | None
    informed_at: datetime | None
    informed_how: str | None
    resolution_reason: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    reopened: int
    follows: UUID | None
    exceptions: list[Finding]
    clocks: list[Clock]
    entries: list[HistoryEntry]
    priority_because: str
    remedies: list[CaseRemedy]
    suggestions: list[Suggestion]
    allowance: Allowance | None
    reports: list[Report]
    incidents: list[CommonCause]
    units: list[Units]


class CaseMessage(Message):
    """A message and the case it was written for."""

    case_id: UUID | None


class Incident(Read):
    """One common cause behind many troubles."""

    id: UUID
    kind: str
    scope: str
    opened_at: datetime
    evidence: dict[str, object]
    cases: int
    explained: int


class Incidents(Read):
    """Incidents, newest first."""

    data: list[Incident]


class Outcome(Read):
    """What became, or would become, of one case of many."""

    id: UUID
    number: str | None
    state: str | None
    state_after: str | None
    assignee: str | None
    assignee_after: str | None
    snoozed_until: datetime | None
    refused_code: str | None
    refused: str | None


class Outcomes(Read):
    """The outcome per case."""

    preview: bool
    data: list[Outcome]
