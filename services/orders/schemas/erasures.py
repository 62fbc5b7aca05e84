"""What is asked and answered about forgetting customers."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from services.orders.schemas.staff import Why
from shared.doors import Answer, Body


class AskErasure(Body):
    """Forget the customer of an order and its reshipments, or of all orders with a real e-mail address."""

    order: Annotated[str, Field(min_length=1, max_length=120, description="id, number or ref:<reference>")] | None = (
        None
    )
    email: Annotated[str, Field(min_length=3, max_length=254)] | None = None
    reason: Why

    @model_validator(mode="after")
    def _one_of_both(self) -> "AskErasure":
        if (self.order is None) == (self.email is None):
            raise ValueError("give either an order or an email")
        return self


class AskErasureOfOrder(Body):
    """Forget the customer of this order and its reshipments."""

    reason: Why


class ErasureView(Answer):
    """A wish to forget: `waits_for` says what is still open; what is erased is gone for good."""

    order_id: UUID
    number: str
    state: Literal["waiting", "erased"]
    waits_for: str
    reason: str
    asked_by: str
    asked_at: datetime
    since: datetime
    due_at: datetime | None


class ErasureList(Answer):
    """Wishes to forget, one for each order."""

    data: list[ErasureView]
    next_cursor: str | None = None
