"""Contacts: somebody spoke with a customer, by whatever channel."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.care.models.columns import CareTable, moment


class Contact(CareTable, table=True):
    """One contact with a customer about an order; `ticket` is the helpdesk's id."""

    __tablename__ = "contact"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    channel: str
    direction: str
    reason: str
    note: str
    ticket: str
    agent: str
    at: datetime = Field(sa_column=moment(required=True))
