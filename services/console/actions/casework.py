"""One case as care works it: its facts, its order's facts, messages and contacts, and what its evidence says."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.console.actions.answers import Answer, answer
from services.console.actions.orders import Known, read_photos
from services.console.actions.orders import learn as learn_order
from services.console.errors import RefusedError, ServiceAwayError
from services.console.neighbours import Caller
from services.console.schemas import Contacts, Photo, Read
from services.console.schemas.care import CaseMessage, Finding, FullCase
from services.console.wording import say
from shared import clock
from shared.errors import InvalidError

_ENDED = frozenset({"resolved", "closed", "self_healed", "merged", "false_positive"})
_NOT_FOUND = 404
REMEDIES: Mapping[str, str] = {
    "reship": "Send it again",
    "refund": "Refund the goods",
    "shipping_refund": "Refund the shipping",
    "goodwill_credit": "Goodwill credit",
    "new_promise": "Promise a new date",
    "cancel_line": "Cancel what cannot be sent",
}
CLOCKS: Mapping[str, str] = {
    "notify": "Tell the customer",
    "first_response": "First response",
    "update": "Next update",
    "resolve": "Resolve",
}
WAITS: Mapping[str, str] = {
    "waiting_customer": "the customer", "waiting_carrier": "the carrier", "waiting_warehouse": "the warehouse",
}  # fmt: skip
SNOOZES: Mapping[int, str] = {4: "4 hours", 24: "a day", 72: "3 days", 168: "a week", 336: "two weeks"}
"""For how many hours a case may be put aside."""
RANKS: Mapping[str, str] = {
    "automatic": "another agent", "agent": "another agent", "senior": "a senior agent or a lead", "lead": "a lead",
}  # fmt: skip
"""Who approves what costs at most so much."""


def snoozed_until(hours: int | Literal[""]) -> str | None:
    """Give until when a case is put aside for so many hours, if for any; raises InvalidError for another number."""
    if hours == "":
        return None
    if hours not in SNOOZES:
        raise InvalidError(say("Bring it back after: choose one of the times"))
    return (clock.now() + timedelta(hours=hours)).isoformat()


class _Messages(Read):
    data: list[CaseMessage]


@dataclass(frozen=True, slots=True)
class Work:
    """A case with everything around it; without `known` the orders service did not tell of the order."""

    case: FullCase
    known: Known | None
    answer: Answer | None
    messages: list[CaseMessage]
    contacts: Contacts
    photos: list[Photo]

    @property
    def is_worked(self) -> bool:
        """Whether somebody still works on it."""
        return self.case.state not in _ENDED

    def is_takeable(self, actor: str) -> bool:
        """Whether somebody may take it: it is another's or nobody's, or waits for somebody outside."""
        return self.is_worked and (self.case.assignee != actor or self.case.state in WAITS)

    @property
    def is_informed(self) -> bool:
        """Whether the customer knows."""
        return self.case.informed_at is not None


async def read_case(caller: Caller, case_id: UUID) -> FullCase:
    """Read a case; raises RefusedError when there is none."""
    return await caller.get("care", f"/staff/cases/{case_id}", FullCase)


async def learn(caller: Caller, case_id: UUID) -> Work:
    """Read a case and what surrounds it."""
    case = await read_case(caller, case_id)
    about = {"order_id": str(case.order_id)}
    known, messages, contacts, photos = await asyncio.gather(
        _order(caller, case.order_id),
        caller.get("care", "/staff/messages", _Messages, limit=50, **about),
        caller.get("care", "/staff/contacts", Contacts, limit=50, **about),
        read_photos(caller, case.order_id),
    )
    return Work(case, known, answer(known) if known is not None else None, messages.data, contacts, photos)


async def _order(caller: Caller, order_id: UUID) -> Known | None:
    try:
        return await learn_order(caller, str(order_id), person=True)
    except ServiceAwayError:
        return None
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        return None


@dataclass(frozen=True, slots=True)
class Shown:
    """One fact of the evidence: a time where it is one, else words."""

    name: str
    at: datetime | None
    words: str


def evidence_of(found: Finding) -> list[Shown]:
    """Give the evidence as people read it: named facts, times as times, shares in percent."""
    return [_shown(name, value) for name, value in found.evidence.items() if value not in (None, "", [])]


def _shown(name: str, value: object) -> Shown:
    named = name.removesuffix("_at").replace("_", " ").capitalize()
    if isinstance(value, str) and name.endswith(("_at", "_by", "_estimate", "_due", "_until")):
        try:
            return Shown(named, datetime.fromisoformat(value), "")
        except ValueError:
            return Shown(named, None, value)
    if isinstance(value, bool):
        return Shown(named, None, "yes" if value else "no")
    if isinstance(value, float):
        return Shown(named, None, f"{value:,.2f}".rstrip("0").rstrip("."))
    return Shown(named, None, str(value).replace("_", " "))
