"""Tables about callers: how they proved who they are, and who looked at whose personal data."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.models.columns import OrdersTable, moment, texts


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
