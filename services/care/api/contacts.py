"""Contacts with customers, and messages sent once more."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.care import schemas
from services.care.actions import contacts
from shared.auth import LookUp, OrderEditor
from shared.doors import Mutation, Tx

router = APIRouter(prefix="/staff", tags=["contacts"])


@router.post("/contacts", response_model=schemas.ContactView, status_code=201)
async def note_contact(call: Mutation, who: OrderEditor, body: schemas.NoteContact) -> Response:
    """Keep that you spoke with a customer, and about what."""
    return await call.once(who, body, lambda tx: contacts.note_contact(tx, body, who.actor), status=201)


@router.get("/contacts")
async def list_contacts(
    tx: Tx, _who: LookUp, order_id: UUID, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> schemas.ContactList:
    """List an order's contacts, newest first."""
    return await contacts.list_contacts(tx, order_id, limit)


@router.post("/messages/{message_id}/resend", response_model=schemas.MessageView, status_code=202)
async def send_again(call: Mutation, who: OrderEditor, message_id: UUID) -> Response:
    """Send a message once more."""
    return await call.once(who, None, lambda tx: contacts.send_again(tx, message_id, who.actor), status=202)
