"""Which cases of the queue somebody wants: to list, to count, to be served from."""

from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from shared.doors import Answer
from shared.fields import Moment, refuse_nul


class CaseFilter(BaseModel, frozen=True):
    """Which cases are wanted; what is left out narrows nothing."""

    state: list[str] = Field(default_factory=list, max_length=20, description="any of these states")
    family: str | None = Field(default=None, max_length=100)
    priority: str | None = Field(default=None, max_length=10)
    kind: str | None = Field(default=None, max_length=100)
    assignee: str | None = Field(default=None, max_length=100)
    order_id: UUID | None = None
    unassigned: bool = False
    due_before: Moment | None = None
    number: str | None = Field(default=None, max_length=100, description="a case's or an order's number")
    incident_id: UUID | None = Field(default=None, description="only cases this incident weighs on")
    location: str | None = Field(default=None, max_length=40, description="of orders that this warehouse ships")

    _storable = field_validator("*", mode="after")(refuse_nul)


class CasePage(CaseFilter, frozen=True):
    """Which page of them."""

    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=100)


class CaseCounts(Answer):
    """How many cases each view has, in the order in which the views were asked for."""

    data: list[int]
