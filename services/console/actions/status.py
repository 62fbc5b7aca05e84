"""One order as its customer sees it: where it is, when it comes, why later, and what they may choose."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from services.console.actions.answers import Answer, answer
from services.console.actions.orders import Known
from services.console.actions.progress import Track, track
from services.console.errors import NotAskedError, RefusedError, ServiceAwayError
from services.console.neighbours import Caller
from services.console.schemas import Explanation, Order, Promises
from services.console.schemas.customer import CareSees, KeptPhoto
from services.console.wording import language, language_of, say, speaking

_LATE = frozenset({"May be late", "Will be late", "Late"})
_REPORTED: dict[str, str] = {
    "damage": "damage",
    "missing_item": "something missing",
    "wrong_item": "a wrong item",
    "not_received": "not received",
}
_ANSWERED = "You have answered already, and your first answer stands. Thank you."
_TOO_EARLY = "It is too early for that: we ask once everything has arrived and our customer care is done with it."
_SAID: dict[str, str] = {"Needs a remedy": "We are on it", "Has trouble": "We are on it"}


@dataclass(frozen=True, slots=True)
class Status:
    """What the page shows; `care` is None while the care service is away."""

    order: Order
    answer: Answer
    tracks: list[Track]
    care: CareSees | None
    can_report: bool
    language: str
    """In which it is said: the order's, or what the browser asked for where the order has none."""

    @property
    def reported(self) -> list[tuple[str, datetime]]:
        """What the customer told us is wrong, in words, and when."""
        seen = self.care.reports if self.care is not None else []
        return [(say(_REPORTED.get(one.kind, "something wrong")), one.reported_at) for one in seen]

    @property
    def risk(self) -> str:
        """What the badge says to a customer."""
        return _SAID.get(self.answer.risk, self.answer.risk)

    @property
    def can_wait(self) -> bool:
        """Whether there is a later date to agree to."""
        if self.care is None or self.order.fulfilment_status == "delivered" or self.answer.is_over:
            return False
        is_late = self.answer.is_later or self.answer.risk in _LATE or self.must_answer
        return is_late and self.care.waits_for_revision != self.order.promise.revision

    @property
    def must_answer(self) -> bool:
        """Whether silence would cancel what was not sent, at care's `answer_by`."""
        return self.care is not None and self.care.consent == "awaited" and self.care.answer_by is not None

    @property
    def waits(self) -> bool:
        """Whether the customer agreed to the date in force."""
        return self.care is not None and self.care.waits_for_revision == self.order.promise.revision

    @property
    def can_rate(self) -> bool:
        """Whether it is time for the one question."""
        is_asked = self.care is not None and self.care.rating is None and self.care.may_rate
        return is_asked and bool(self.answer.delivered_at) and not self.answer.is_doubted

    @property
    def can_choose_notices(self) -> bool:
        """Whether we write to the customer, and not the shop."""
        return self.care is not None and self.order.notifications != "storefront"


async def learn_status(caller: Caller) -> Status:
    """Ask the services about the order that the caller's token names; raises RefusedError when there is none."""
    order, promises, care = await asyncio.gather(
        caller.get("orders", "/customer/order", Order),
        caller.get("orders", "/customer/order/promises", Promises),
        _ask_care(caller),
    )
    known = Known(
        order,
        Explanation(blocking=None, also=[]),
        facts=[],
        promises=promises.data,
        related=[],
        person=None,
        troubles=care.troubles if care is not None else [],
        heard_by=care.heard_by if care is not None else None,
    )
    spoken = language_of(order.locale, [language()])
    with speaking(spoken):
        answered = answer(known)
    return Status(order, answered, [track(one) for one in order.shipments], care, known.can_be_reported, spoken)


async def _ask_care(caller: Caller) -> CareSees | None:
    try:
        return await caller.get("care", "/customer/order", CareSees)
    except ServiceAwayError:
        return None


async def require_asked(caller: Caller) -> None:
    """Make sure that the page asks for a rating; raises NotAskedError. While care is away its own refusal tells."""
    known = await learn_status(caller)
    if known.care is not None and not known.can_rate:
        raise NotAskedError(say(_TOO_EARLY if known.care.rating is None else _ANSWERED))


async def report(caller: Caller, said: dict[str, object], photo: bytes, key: str) -> bool:
    """Report what is wrong, with a photo if there is one; give whether the photo was kept."""
    photos, refused = [], False
    if photo:
        try:
            kept = KeptPhoto.model_validate(await caller.send("care", "/customer/evidence", photo, key=f"{key}:photo"))
            photos = [str(kept.id)]
        except RefusedError:
            refused = True
    await caller.act("care", "/customer/reports", {**said, "evidence_ids": photos}, key=key)
    return not refused
