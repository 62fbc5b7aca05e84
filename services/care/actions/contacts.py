"""What an agent does while somebody is on the line: note the contact, send a message once more."""

from uuid import UUID

from services.care import schemas
from services.care.actions import ledger
from services.care.actions.forgetting import require_customer
from services.care.errors import MessageNotFoundError, NotSentError
from services.care.models import Contact, Message
from services.care.queries import cases, contacts
from services.care.queries import remedies as queries
from services.care.states import MessageState
from shared.audit import audit
from shared.db import Transaction
from shared.ids import new_id

_LEFT = frozenset({MessageState.SENT.value, MessageState.FAILED.value})


async def note_contact(tx: Transaction, said: schemas.NoteContact, agent: str) -> schemas.ContactView:
    """Keep that somebody spoke with a customer; raises OrderNotWatchedError and CustomerErasedError."""
    await require_customer(tx, said.order_id)
    row = Contact(id=new_id(), agent=agent, at=tx.now, **said.model_dump())
    await keep(tx, row)
    return schemas.ContactView.model_validate(row)


async def keep(tx: Transaction, contact: Contact) -> None:
    """Keep a contact, by whatever way it came; a case that waited for the customer's word is worked again."""
    if contact.direction == "inbound":
        for case in await cases.lock_waiting_for_customer(tx, contact.order_id):
            await ledger.wake(tx, case, contact.agent, "the customer got in touch")
    tx.session.add(contact)


async def list_contacts(tx: Transaction, order_id: UUID, limit: int) -> schemas.ContactList:
    """Give an order's contacts, newest first."""
    rows = await contacts.list_contacts(tx, order_id, limit)
    return schemas.ContactList(data=[schemas.ContactView.model_validate(row) for row in rows])


async def send_again(tx: Transaction, message_id: UUID, actor: str) -> schemas.MessageView:
    """Send a message once more, as a copy of its own; raises MessageNotFoundError and NotSentError."""
    message = await queries.lock_message(tx, message_id)
    if message is None:
        raise MessageNotFoundError(f"there is no message {message_id}")
    if message.state not in _LEFT:
        raise NotSentError(f"the message is {message.state}: only one that was sent or failed is sent again")
    if await queries.is_being_resent(tx, message_id):
        raise NotSentError("the message is about to be sent again already")
    kept = message.model_dump(
        exclude={
            "id",
            "state",
            "subject",
            "body",
            "sent_at",
            "leased_until",
            "retry_at",
            "attempts",
            "last_error",
            "silence",
        }
    )
    copy = Message(
        **{
            **kept,
            "id": new_id(),
            "state": MessageState.PLANNED.value,
            "created_at": tx.now,
            "send_at": tx.now,
            "resend_of": message.resend_of or message.id,
            "asked_by": actor,
        }
    )
    tx.session.add(copy)
    await audit(tx, actor=actor, act="send_again", subject=str(message.order_id), reason=f"message {message_id}")
    return schemas.MessageView.model_validate(copy)
