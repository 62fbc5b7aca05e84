"""One order as support sees it: what the services know of it, asked at once; what one of them withholds is left out."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from services.console.errors import RefusedError, ServiceAwayError
from services.console.neighbours import Caller
from services.console.schemas import (
    Agreement,
    Case,
    Cases,
    Contact,
    Contacts,
    Explanation,
    Fact,
    FoundOrder,
    FoundOrders,
    Message,
    Messages,
    Order,
    Person,
    Photo,
    Photos,
    PromiseRevision,
    Promises,
    Timeline,
    Trouble,
    Troubles,
)
from shared import clock

_MOST_FACTS = 500
_NOT_FOUND = 404
_ENDED_CASES = frozenset({"resolved", "closed", "self_healed", "merged", "false_positive"})
_BEFORE_PICK = frozenset({"unfulfilled", "backordered", "allocated"})
_OPEN_CONSENTS = frozenset({"implied", "awaited"})
_ENDED = frozenset({"completed", "cancelled", "rejected"})


@dataclass(frozen=True, slots=True)
class Known:
    """Everything the services told of an order; `away` names those that did not answer."""

    order: Order
    explanation: Explanation
    facts: list[Fact]
    promises: list[PromiseRevision]
    related: list[FoundOrder]
    person: Person | None
    cases: list[Case] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    photos: list[Photo] = field(default_factory=list)
    agreement: Agreement | None = None
    heard_by: datetime | None = None
    """By when the customer hears from us, where a case says so."""
    away: tuple[str, ...] = ()
    at: datetime = field(default_factory=clock.now)

    @property
    def open_cases(self) -> list[Case]:
        """Cases somebody still works on."""
        return [case for case in self.cases if case.state not in _ENDED_CASES]

    @property
    def is_ended(self) -> bool:
        """Whether nothing more happens on purpose."""
        return self.order.status in _ENDED

    @property
    def is_delivered(self) -> bool:
        """Whether all of it arrived."""
        return self.order.fulfilment_status == "delivered"

    @property
    def is_overdue(self) -> bool:
        """Whether the promised day is over and not all has arrived."""
        return not self.is_ended and not self.is_delivered and self.order.promise.deliver_by_latest < self.at

    @property
    def can_be_readdressed(self) -> bool:
        """Whether the address may still change: nobody has begun to pick."""
        return not self.is_ended and self.order.fulfilment_status in _BEFORE_PICK and not self.order.shipments

    @property
    def can_agree(self) -> bool:
        """Whether the customer may still say that they wait for a later date."""
        return not self.is_ended and self.agreement is not None and self.agreement.consent in _OPEN_CONSENTS

    @property
    def can_be_reported(self) -> bool:
        """Whether something has left the house, so that it may have come to harm."""
        return any(shipment.handed_over_at is not None for shipment in self.order.shipments)

    @property
    def can_be_missed(self) -> bool:
        """Whether something was scanned as delivered, so that the customer may say that it is not there."""
        return any(shipment.delivered_at is not None for shipment in self.order.shipments)


async def learn(caller: Caller, named: str, *, person: bool) -> Known:
    """Ask the services about an order; raises RefusedError when there is none, ServiceAwayError without orders."""
    order = await caller.get("orders", f"/staff/orders/{named}", Order)
    own = f"/staff/orders/{order.id}"
    (explanation, timeline, promises, related, shown), care = await asyncio.gather(
        asyncio.gather(
            caller.get("orders", f"{own}/explain", Explanation),
            caller.get("orders", f"{own}/timeline", Timeline, limit=_MOST_FACTS),
            caller.get("orders", f"{own}/promises", Promises),
            caller.get("orders", f"{own}/related", FoundOrders),
            caller.get("orders", f"{own}/person", Person) if person else _nothing(),
        ),
        _ask_care(caller, order),
    )
    return Known(order, explanation, timeline.data, promises.data, related.data, shown, **care)


class _OfCare(TypedDict, total=False):
    cases: list[Case]
    troubles: list[Trouble]
    messages: list[Message]
    contacts: list[Contact]
    photos: list[Photo]
    agreement: Agreement | None
    heard_by: datetime | None
    away: tuple[str, ...]


async def _ask_care(caller: Caller, order: Order) -> _OfCare:
    about = {"order_id": str(order.id)}
    try:
        cases, troubles, messages, contacts, photos, agreement = await asyncio.gather(
            caller.get("care", "/staff/cases", Cases, limit=50, **about),
            caller.get("care", "/staff/exceptions", Troubles, open="true", limit=50, **about),
            caller.get("care", "/staff/messages", Messages, limit=50, **about),
            caller.get("care", "/staff/contacts", Contacts, limit=50, **about),
            read_photos(caller, order.id),
            _read_agreement(caller, about),
        )
    except ServiceAwayError:
        return {"away": ("care",)}
    dues = [case.next_action_due for case in cases.data if case.state not in _ENDED_CASES and case.next_action_due]
    return {
        "heard_by": min((due for due in dues if due > clock.now()), default=None),
        "cases": cases.data,
        "troubles": troubles.data,
        "messages": messages.data,
        "contacts": contacts.data,
        "photos": photos,
        "agreement": agreement,
    }


async def _read_agreement(caller: Caller, about: dict[str, str]) -> Agreement | None:
    try:
        return await caller.get("care", "/staff/consents", Agreement, **about)
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        return None  # care has not heard of the order yet


async def read_photos(caller: Caller, order_id: UUID) -> list[Photo]:
    """Read which photos the customer of an order sent, newest first."""
    return (await caller.get("care", "/staff/evidence", Photos, order_id=str(order_id))).data


async def _nothing() -> None:
    """Ask nothing: this role is not shown it."""
