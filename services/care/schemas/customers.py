"""What the status page says and is told of a customer's order, and the photos that came with it."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from services.care.states import Consent
from shared.doors import Answer, Body

_FITTING = {"wait": {""}, "notices": {"email", "page"}, "rating": set("12345")}


class CustomerReport(Body):
    """What a customer reports on the status page; the photos were sent before."""

    kind: Literal["damage", "missing_item"]
    parcel_id: UUID | None = None
    comment: str = Field(default="", max_length=1000)
    evidence_ids: list[UUID] = Field(default_factory=list, max_length=10)


class CustomerWord(Body):
    """What a customer chose: to wait (no value), `notices` by email or page, a `rating` from 1 to 5."""

    kind: Literal["wait", "notices", "rating"]
    value: Literal["", "email", "page", "1", "2", "3", "4", "5"] = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.value not in _FITTING[self.kind]:
            raise ValueError(f"{self.kind} does not take this value")
        return self


class TroubleSeen(Answer):
    """Something that is wrong with an order now."""

    kind: str
    level: str
    detected_at: datetime
    cleared_at: datetime | None


class ReportSeen(Answer):
    """What was reported."""

    kind: str
    reported_at: datetime


class ConsentView(Answer):
    """How a customer stands to the date in force, and what else they chose.

    Without an answer by `answer_by`, what was not sent is cancelled; `notices` is email or page, `rating` 1 to 5.
    """

    promise_revision: int
    consent: Consent
    answer_by: datetime | None
    notices: str
    rating: int | None


class Agree(Body):
    """The order whose customer agrees to its date."""

    order_id: UUID
    note: str = Field(default="", max_length=500)


class CustomerSees(Answer):
    """What a customer may know of care's work: `heard_by` is when they hear from us at the latest, if we owe them word.

    `may_rate` is off while a case is open and for 24 hours after it was resolved.
    """

    troubles: list[TroubleSeen]
    reports: list[ReportSeen]
    waits_for_revision: int | None
    consent: Consent
    answer_by: datetime | None
    notices: str
    rating: int | None
    heard_by: datetime | None
    may_rate: bool


class EvidenceKept(Answer):
    """A photo that was kept."""

    id: UUID
    width: int
    height: int


class EvidenceView(EvidenceKept):
    """A photo with what was said of it."""

    order_id: UUID
    kind: str | None
    comment: str
    at: datetime


class EvidenceList(Answer):
    """The photos of an order."""

    data: list[EvidenceView]
