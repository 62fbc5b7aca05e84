"""What the care service's staff door takes and answers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.care.schemas.offers import Allowance, SuggestionView
from services.care.states import CaseState, RemedyKind
from shared.doors import Answer, Body
from shared.fields import MOST_MINOR_UNITS, Moment, NearMoment

ContactReason = Literal[
    "where_is_it", "late", "damaged", "missing", "wrong_item", "not_received", "cancel", "change", "return", "payment",
    "other",
]  # fmt: skip
Reason = Field(min_length=3, max_length=500)


class NextCase(Body):
    """Which queue to be served from; nothing means the whole."""

    family: str | None = Field(default=None, max_length=100)
    kind: str | None = Field(default=None, max_length=100)
    priority: str | None = Field(default=None, max_length=10)
    due_before: Moment | None = None
    incident_id: UUID | None = Field(default=None, description="only cases this incident weighs on")
    location: str | None = Field(default=None, max_length=40, description="only of orders that this warehouse ships")


class Assign(Body):
    """Who shall work on it."""

    assignee: str = Field(min_length=1, max_length=100)


class WithReason(Body):
    """Why."""

    reason: str = Reason


class Note(Body):
    """What an agent wants to remember."""

    text: str = Field(min_length=1, max_length=2000)


class Wait(Body):
    """Whom the case waits for."""

    state: Literal[CaseState.WAITING_CUSTOMER, CaseState.WAITING_CARRIER, CaseState.WAITING_WAREHOUSE]
    reason: str = Reason
    until: NearMoment | None = Field(
        default=None, description="when it is worked again if nothing happens before; at most 30 days away"
    )


class Resolve(Body):
    """How a case ends without, or beside, a remedy; `customer_informed` says how the customer knows."""

    reason: str = Reason
    customer_informed: str | None = Field(
        default=None, max_length=200, description="how the customer was told, when no message of ours did"
    )
    false_positive: bool = False


class WishLine(Body):
    """Units to be made whole."""

    line_id: UUID
    quantity: int = Field(ge=1, le=100_000)


class GrantRemedy(Body):
    """A remedy: `lines` default to the units the case is about; `amount` in minor units of the order's currency."""

    kind: RemedyKind
    reason: str = Reason
    lines: list[WishLine] = Field(default_factory=list, max_length=200)
    amount: int | None = Field(default=None, ge=1, le=MOST_MINOR_UNITS)
    deliver_by: NearMoment | None = None


class Report(Body):
    """What a customer or colleague reports about an order; a photo is never required."""

    order_id: UUID
    kind: Literal["damage", "wrong_item", "missing_item", "not_received"] = "damage"
    parcel_id: UUID | None = None
    comment: str = Field(default="", max_length=2000)


class NoteContact(Body):
    """Somebody spoke with a customer; `ticket` is the helpdesk's id."""

    order_id: UUID
    reason: ContactReason
    channel: Literal["phone", "email", "chat", "letter", "in_person"] = "phone"
    direction: Literal["inbound", "outbound"] = "inbound"
    note: str = Field(default="", max_length=500)
    ticket: str = Field(default="", max_length=100)


class CaseView(Answer):
    """A case as the queue shows it."""

    id: UUID
    number: str
    order_id: UUID
    order_number: str | None = None
    family: str
    kind: str
    level: str
    state: str
    state_since: datetime
    snoozed_until: datetime | None
    priority: str
    assignee: str | None
    opened_at: datetime
    promised_by: datetime | None
    value_amount: int
    currency: str
    next_action: str
    next_action_by: str
    next_action_due: datetime | None
    clock: str | None = None
    clock_due_at: datetime | None = None
    informed_at: datetime | None
    informed_how: str | None
    resolution: str | None
    resolution_reason: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    reopened: int
    follows: UUID | None
    version: int


class ExceptionView(Answer):
    """An exception with its evidence, and the promise and delivery it is judged by."""

    id: UUID
    order_id: UUID | None
    order_number: str | None = None
    kind: str
    subject: str
    rule: str
    version: int
    level: str
    detected_at: datetime
    level_at: datetime
    cleared_at: datetime | None
    disposition: str
    disposition_reason: str
    case_id: UUID | None
    incident_id: UUID | None
    promise_revision: int | None
    promised_by: datetime | None
    first_promised_by: datetime | None = None
    delivered_at: datetime | None = None
    evidence: dict[str, object]
    levels: list["LevelView"] = Field(default_factory=list)


class LevelView(Answer):
    """When an exception reached a level."""

    at: datetime
    level: str
    rule: str


class ClockView(Answer):
    """One of a case's clocks."""

    kind: str
    started_at: datetime
    due_at: datetime | None
    paused_at: datetime | None
    fulfilled_at: datetime | None
    breached_at: datetime | None
    told: int


class EntryView(Answer):
    """What happened to a case."""

    at: datetime
    actor: str
    act: str
    detail: str


class CommonCause(Answer):
    """An open incident that weighs on a case."""

    id: UUID
    kind: str
    scope: str
    opened_at: datetime


class UnitsView(Answer):
    """Units of a line."""

    line_id: UUID
    sku: str
    quantity: int


class RemedyView(Answer):
    """A remedy and how it stands."""

    id: UUID
    case_id: UUID
    case_number: str | None = None
    order_id: UUID
    order_number: str | None = None
    kind: str
    state: str
    cost: int
    needs: str | None = Field(default=None, description="the lowest authority whose limit per action it fits")
    may_decide: bool = Field(
        default=False, description="the caller may approve it: another asked, and it fits the caller's limits of now"
    )
    amount: int | None
    currency: str
    lines: list[UnitsView]
    deliver_by: datetime | None
    reason: str
    automatic: bool
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    authority: str | None
    granted_at: datetime | None
    settled_at: datetime | None
    refusal_code: str | None
    refusal_detail: str | None
    reship_order_id: UUID | None
    refund_id: UUID | None


class ReportView(Answer):
    """What a person reported about the order, in their words."""

    kind: str
    reported_by: str
    comment: str
    reported_at: datetime


class CaseDetail(CaseView):
    """A case with everything needed to decide."""

    exceptions: list[ExceptionView]
    clocks: list[ClockView]
    entries: list[EntryView]
    priority_because: str = Field(description="the priority and what it was made of when it was last set")
    remedies: list[RemedyView]
    suggestions: list[SuggestionView]
    allowance: Allowance | None
    reports: list[ReportView]
    incidents: list[CommonCause]
    units: list[UnitsView] = Field(description="what a remedy covers when it names no lines")


class MessageView(Answer):
    """A message to a customer; who it went to and by which link they act is not kept."""

    id: UUID
    order_id: UUID
    case_id: UUID | None
    topic: str
    promise_revision: int
    promised_by: datetime | None
    channel: str
    state: str
    silence: str
    subject: str
    body: str
    created_at: datetime
    send_at: datetime | None
    sent_at: datetime | None
    attempts: int
    last_error: str
    resend_of: UUID | None = None
    asked_by: str = ""


class ContactView(Answer):
    """A contact with a customer."""

    id: UUID
    order_id: UUID
    channel: str
    direction: str
    reason: str
    note: str
    ticket: str
    agent: str
    at: datetime


class ContactList(Answer):
    """An order's contacts, newest first."""

    data: list[ContactView]


class IncidentView(Answer):
    """One common cause behind many exceptions."""

    id: UUID
    kind: str
    scope: str
    state: str
    opened_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    evidence: dict[str, object]
    cases: int = Field(default=0, description="worked cases of parcels it weighs on")
    explained: int = Field(default=0, description="troubles it keeps from the queue")


class CaseList(Answer):
    """A page of cases."""

    data: list[CaseView]
    next_cursor: str | None


class ExceptionList(Answer):
    """A page of exceptions."""

    data: list[ExceptionView]
    next_cursor: UUID | None


class RemedyList(Answer):
    """A page of remedies; `total` counts those of all pages."""

    data: list[RemedyView]
    next_cursor: UUID | None
    total: int


class MessageList(Answer):
    """Messages."""

    data: list[MessageView]


class IncidentList(Answer):
    """Incidents."""

    data: list[IncidentView]
