"""Tables about people: how callers proved who they are, who looked at personal data, and who is to be forgotten."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.models.columns import OrdersTable, moment, text, texts
from services.orders.states import ErasureState


class CallerVerification(OrdersTable, table=True):
    """One try to prove that a caller is the customer: which kinds of answers were right, never the answers."""

    __tablename__ = "caller_verification"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    actor: str
    matched: list[str] = Field(sa_column=texts())
    verified: bool
    at: datetime = Field(sa_column=moment(required=True))


class PersonView(OrdersTable, table=True):
    """Somebody looked at a customer's personal data, masked or in clear."""

    __tablename__ = "person_view"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    actor: str
    masked: bool
    at: datetime = Field(sa_column=moment(required=True))


class Erasure(OrdersTable, table=True):
    """The wish to forget an order's customer; `waits_for` says what is still open, `look_at` when to look again."""

    __tablename__ = "erasure"

    order_id: UUID = Field(primary_key=True)
    state: ErasureState = Field(default=ErasureState.WAITING, sa_column=text())
    asked_by: str
    reason: str
    asked_at: datetime = Field(sa_column=moment(required=True))
    since: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())
    look_at: datetime | None = Field(default=None, sa_column=moment())
    waits_for: str = ""
