"""What staff asks and learns about the person behind an order."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from shared.doors import Answer, Body

LEAST_ANSWERS = 2

Said = Annotated[str, Field(min_length=1, max_length=254)]


class VerifyCaller(Body):
    """What the caller says of their order: two right answers prove that it is theirs."""

    number: Said | None = None
    postal_code: Said | None = None
    email: Said | None = None
    article: Annotated[str, Field(min_length=3, max_length=200, description="something that was ordered")] | None = None

    @model_validator(mode="after")
    def _two_at_least(self) -> "VerifyCaller":
        if sum(value is not None for value in self.model_dump().values()) < LEAST_ANSWERS:
            raise ValueError("give two of: number, postal_code, email, article")
        return self


class VerificationView(Answer):
    """Which answers were right, and until when the caller counts as verified for this agent."""

    order_id: UUID
    verified: bool
    matched: list[str]
    missed: list[str]
    verified_until: datetime | None


class CallerVerified(Answer):
    """Until when somebody's caller counts as verified; none when they have verified nobody."""

    verified_until: datetime | None


class PersonShown(Answer):
    """The person behind an order: masked until this agent has verified the caller; each look is kept."""

    order_id: UUID
    masked: bool
    verified_until: datetime | None
    name: str
    company: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country_code: str
    delivery_instructions: str
    email: str | None
    email_kind: str
    phone: str | None
    phone_kind: str
    locale: str
    gift: bool


class PromiseRevisionView(Answer):
    """One promise, and why the next one followed it."""

    revision: int
    ship_by: datetime
    deliver_by_earliest: datetime | None
    deliver_by_latest: datetime
    source: str
    made_at: datetime
    reason: str
    attributed_to: str
    slip_minutes: int
    outcome: str | None


class PromiseHistory(Answer):
    """All promises of an order, the original first."""

    data: list[PromiseRevisionView]
