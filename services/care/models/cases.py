"""What care decides: exceptions with their disposition, cases with clocks and entries, remedies, messages."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, DateTime
from sqlmodel import Field

from services.care.models.columns import CareTable, Units, json_column, moment


class Incident(CareTable, table=True):
    """One common cause behind many exceptions, worked by operators."""

    __tablename__ = "incident"

    id: UUID = Field(primary_key=True)
    kind: str
    scope: str
    state: str
    opened_at: datetime = Field(sa_column=moment(required=True))
    ended_at: datetime | None = Field(default=None, sa_column=moment())
    ended_by: str | None = None
    evidence: dict[str, object] = Field(sa_column=json_column())


class Case(CareTable, table=True):
    """The one place where an order's trouble of one family is worked until the customer is made whole."""

    __tablename__ = "care_case"

    id: UUID = Field(primary_key=True)
    number: str
    order_id: UUID
    family: str
    kind: str
    level: str
    state: str
    state_since: datetime = Field(sa_column=moment(required=True))
    dwell_due_at: datetime | None = Field(default=None, sa_column=moment())
    snoozed_until: datetime | None = Field(default=None, sa_column=moment())
    """When it is worked again by somebody's wish, whatever it waits for."""
    priority: str
    assignee: str | None = None
    opened_at: datetime = Field(sa_column=moment(required=True))
    promised_by: datetime | None = Field(default=None, sa_column=moment())
    value_amount: int
    currency: str
    next_action: str
    next_action_by: str
    next_action_due: datetime | None = Field(default=None, sa_column=moment())
    informed_at: datetime | None = Field(default=None, sa_column=moment())
    informed_how: str | None = None
    resolution: str | None = None
    resolution_reason: str | None = None
    resolved_at: datetime | None = Field(default=None, sa_column=moment())
    resolved_by: str | None = None
    reopened: int = 0
    reopened_at: datetime | None = Field(default=None, sa_column=moment())
    follows: UUID | None = Field(default=None, foreign_key="care_case.id")
    held_since: datetime | None = Field(default=None, sa_column=moment())
    """Since when an operator's pause holds what its playbook would do by itself."""
    version: int = 1


class DetectedException(CareTable, table=True):
    """What a rule found, with its evidence and its one disposition."""

    __tablename__ = "exception"

    id: UUID = Field(primary_key=True)
    order_id: UUID | None = None
    kind: str
    subject: str
    rule: str
    version: int
    level: str
    detected_at: datetime = Field(sa_column=moment(required=True))
    level_at: datetime = Field(sa_column=moment(required=True))
    cleared_at: datetime | None = Field(default=None, sa_column=moment())
    disposition: str
    disposition_reason: str
    case_id: UUID | None = Field(default=None, foreign_key="care_case.id")
    incident_id: UUID | None = Field(default=None, foreign_key="incident.id")
    promise_revision: int | None = None
    promised_by: datetime | None = Field(default=None, sa_column=moment())
    evidence: dict[str, object] = Field(sa_column=json_column())


class ExceptionLevel(CareTable, table=True):
    """When an exception reached a level; insert-only."""

    __tablename__ = "exception_level"

    exception_id: UUID = Field(primary_key=True, foreign_key="exception.id")
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    level: str
    rule: str
    evidence: dict[str, object] = Field(sa_column=json_column())


class CaseClock(CareTable, table=True):
    """One of a case's clocks with its escalations."""

    __tablename__ = "case_clock"

    case_id: UUID = Field(primary_key=True, foreign_key="care_case.id")
    kind: str = Field(primary_key=True)
    target_seconds: int
    target_days: int
    started_at: datetime = Field(sa_column=moment(required=True))
    paused_seconds: float = 0
    paused_at: datetime | None = Field(default=None, sa_column=moment())
    fulfilled_at: datetime | None = Field(default=None, sa_column=moment())
    due_at: datetime | None = Field(default=None, sa_column=moment())
    told: int = 0
    breached_at: datetime | None = Field(default=None, sa_column=moment())
    alarm_at: datetime | None = Field(default=None, sa_column=moment())


class CaseEntry(CareTable, table=True):
    """What happened to a case and who did it; insert-only."""

    __tablename__ = "case_entry"

    id: int | None = Field(default=None, primary_key=True)
    case_id: UUID = Field(foreign_key="care_case.id")
    at: datetime = Field(sa_column=moment(required=True))
    actor: str
    act: str
    detail: str = ""
    cause: str = ""


class Remedy(CareTable, table=True):
    """A command into the fulfilment core, executed once by its id."""

    __tablename__ = "remedy"

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="care_case.id")
    order_id: UUID
    kind: str
    state: str
    dedupe: str
    cost: int
    amount: int | None = None
    currency: str
    lines: list[Units] = Field(sa_column=json_column())
    deliver_by: datetime | None = Field(default=None, sa_column=moment())
    parcel_id: UUID | None = None
    reason: str
    automatic: bool
    asked_by: str
    asked_at: datetime = Field(sa_column=moment(required=True))
    decided_by: str | None = None
    authority: str | None = None
    granted_at: datetime | None = Field(default=None, sa_column=moment())
    settled_at: datetime | None = Field(default=None, sa_column=moment())
    dwell_due_at: datetime | None = Field(default=None, sa_column=moment())
    refusal_code: str | None = None
    refusal_detail: str | None = None
    reship_order_id: UUID | None = None
    refund_id: UUID | None = None


class AuthorityUse(CareTable, table=True):
    """What one person has spent on one business day in one currency."""

    __tablename__ = "authority_use"

    person: str = Field(primary_key=True)
    authority: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    spent: int


class Message(CareTable, table=True):
    """A message to a customer: planned, and sent, kept silent with a reason, or observed."""

    __tablename__ = "message"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    case_id: UUID | None = Field(default=None, foreign_key="care_case.id")
    storefront_id: UUID
    topic: str
    state_told: str
    promise_revision: int
    promised_by: datetime | None = Field(default=None, sa_column=moment())
    priority: str
    channel: str
    state: str
    silence: str = ""
    facts: dict[str, object] = Field(sa_column=json_column())
    subject: str = ""
    body: str = ""
    created_at: datetime = Field(sa_column=moment(required=True))
    send_at: datetime | None = Field(default=None, sa_column=moment())
    sent_at: datetime | None = Field(default=None, sa_column=moment())
    leased_until: datetime | None = Field(default=None, sa_column=moment())
    retry_at: datetime | None = Field(default=None, sa_column=moment())
    attempts: int = 0
    last_error: str = ""
    # An agent's wish to send a message once more: no news, so no rule keeps it silent.
    resend_of: UUID | None = None
    asked_by: str = ""
