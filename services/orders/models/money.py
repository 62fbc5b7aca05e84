"""Tables of what makes a customer whole: payment reports, remedies and refund instructions."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.models.columns import Document, OrdersTable, document, minor_units, moment, text
from services.orders.states import RefundState, RemedyKind, RemedyState


class PaymentReport(OrdersTable, table=True):
    """One report of a storefront about money it moved."""

    __tablename__ = "payment_report"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    type: str
    amount: int = Field(sa_column=minor_units())
    reference: str
    shipment_id: UUID | None = None
    refund_id: UUID | None = None
    reported_at: datetime = Field(sa_column=moment(required=True))


class Remedy(OrdersTable, table=True):
    """A remedy care granted, executed here at most once."""

    __tablename__ = "remedy"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    case_id: UUID
    kind: RemedyKind = Field(sa_column=text())
    state: RemedyState = Field(default=RemedyState.WAITING, sa_column=text())
    since: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())
    reason: str
    granted_by: str
    lines: list[Document] = Field(default_factory=list, sa_column=document())
    amount: int | None = Field(default=None, sa_column=minor_units(required=False))
    currency: str | None = None
    deliver_by_latest: datetime | None = Field(default=None, sa_column=moment())
    parcel_id: UUID | None = None
    reship_order_id: UUID | None = None
    refund_id: UUID | None = None
    cancellation_id: UUID | None = None
    code: str | None = None
    detail: str | None = None


class Refund(OrdersTable, table=True):
    """An instruction to a storefront to pay back, or to let an authorization go."""

    __tablename__ = "refund"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    storefront_id: UUID
    remedy_id: UUID
    kind: str
    amount: int = Field(sa_column=minor_units())
    currency: str
    state: RefundState = Field(default=RefundState.APPROVED, sa_column=text())
    since: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())
    lines: list[Document] = Field(default_factory=list, sa_column=document())
    note: str = ""
