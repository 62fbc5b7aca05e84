"""One act for many cases, and what became of each."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.care.states import CaseState
from shared.doors import Answer, Body
from shared.fields import NearMoment


class BulkCase(Body):
    """A case as the caller saw it; another version is refused."""

    id: UUID
    version: int | None = Field(default=None, ge=0, le=2**31 - 1)


class Bulk(Body):
    """One act for many cases, each on its own: what one refuses does not hold up the others.

    `preview` tells what would become of each and changes nothing. All acts but `take` need a `reason` (for `note` it
    is the text); `assign` needs an `assignee`, `wait` a `state`. `until` is of `wait`, `customer_informed` and
    `false_positive` are of `resolve`, each as when it is done to one case.
    """

    act: Literal["take", "assign", "skip", "note", "wait", "resolve", "reopen", "close"]
    cases: list[BulkCase] = Field(min_length=1, max_length=100)
    reason: str = Field(default="", max_length=500)
    assignee: str | None = Field(default=None, min_length=1, max_length=100)
    state: Literal[CaseState.WAITING_CUSTOMER, CaseState.WAITING_CARRIER, CaseState.WAITING_WAREHOUSE] | None = None
    until: NearMoment | None = None
    customer_informed: str | None = Field(default=None, max_length=200)
    false_positive: bool = False
    preview: bool = False


class BulkOutcome(Answer):
    """What became, or would become, of one case; `refused` is the reason when nothing does."""

    id: UUID
    number: str | None = None
    state: str | None = None
    state_after: str | None = None
    assignee: str | None = None
    assignee_after: str | None = None
    snoozed_until: datetime | None = Field(
        default=None, description="when it is worked again if nothing happens before"
    )
    refused_code: str | None = None
    refused: str | None = None


class BulkResult(Answer):
    """The outcome per case, in the order they were sent."""

    preview: bool
    data: list[BulkOutcome]
