"""Contacts of customers."""

from uuid import UUID

from sqlmodel import col, select

from services.care.models import Contact
from shared.db import Transaction


async def list_contacts(tx: Transaction, order_id: UUID, limit: int) -> list[Contact]:
    """List an order's contacts, newest first."""
    found = await tx.session.exec(
        select(Contact)
        .where(Contact.order_id == order_id)
        .order_by(col(Contact.at).desc(), col(Contact.id).desc())
        .limit(limit)
    )
    return list(found)
