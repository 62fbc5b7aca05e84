"""The person behind an order: masked until the caller has proved who they are, and every look at them kept."""

from datetime import datetime, timedelta
from uuid import UUID

from services.orders.actions.finding import read_order
from services.orders.errors import CallerNotVerifiedError
from services.orders.models import CallerVerification, OrderRecord, PersonView
from services.orders.queries import callers, rows
from services.orders.schemas.callers import (
    LEAST_ANSWERS,
    CallerVerified,
    PersonShown,
    VerificationView,
    VerifyCaller,
)
from services.orders.settings import settings
from shared import clock
from shared.auth import Principal
from shared.db import Transaction
from shared.errors import RateLimitedError
from shared.fields import plain
from shared.ids import new_id

_GUESSES = 5
_GUESSES_WITHIN = timedelta(hours=1)
_HIDDEN = "•••"


async def verify_caller(tx: Transaction, who: Principal, named: str, said: VerifyCaller) -> VerificationView:
    """Compare what a caller says with the order; raises RateLimitedError after five wrong tries within the hour."""
    record = await read_order(tx, who, named)
    now = clock.real()
    if await callers.count_failed(tx, record.id, now - _GUESSES_WITHIN) >= _GUESSES:
        seconds = int(_GUESSES_WITHIN.total_seconds())
        raise RateLimitedError(
            "too many wrong answers for this order; try again in an hour", headers={"Retry-After": str(seconds)}
        )
    answers = said.model_dump(exclude_none=True)
    matched = sorted(kind for kind, answer in answers.items() if _is_right(record, kind, str(answer)))
    verified = len(matched) >= LEAST_ANSWERS
    row = CallerVerification(
        id=new_id(), order_id=record.id, actor=who.actor, matched=matched, verified=verified, at=now
    )
    await rows.save(tx, [row])
    return VerificationView(
        order_id=record.id,
        verified=verified,
        matched=matched,
        missed=sorted(answers.keys() - set(matched)),
        verified_until=now + _lasts() if verified else None,
    )


def _is_right(record: OrderRecord, kind: str, answer: str) -> bool:
    head, said = record.head, plain(answer)
    if kind == "number":
        return said in {plain(head.number), plain(head.reference)}
    if kind == "postal_code":
        return bool(said) and said == plain(str(head.address["postal_code"]))
    if kind == "email":
        return answer.strip().casefold() == str(head.customer.get("email") or "").casefold()
    return bool(said) and any(said == plain(line.sku) or said in plain(line.name) for line in record.lines)


def _lasts() -> timedelta:
    return timedelta(minutes=settings().verification_minutes)


async def show_verified(tx: Transaction, who: Principal, order_id: UUID, actor: str) -> CallerVerified:
    """Say, for another service, until when a person's caller counts as verified."""
    record = await read_order(tx, who, str(order_id))
    return CallerVerified(verified_until=await _verified_until(tx, actor, record))


async def _verified_until(tx: Transaction, actor: str, record: OrderRecord) -> datetime | None:
    at = await callers.get_verified_at(tx, record.id, actor, clock.real() - _lasts())
    return at + _lasts() if at is not None else None


async def require_verified(tx: Transaction, who: Principal, named: str) -> None:
    """Raise CallerNotVerifiedError unless this agent has verified the order's caller."""
    if await _verified_until(tx, who.actor, await read_order(tx, who, named)) is None:
        raise CallerNotVerifiedError("verify the caller first: two of order number, postcode, e-mail, an article")


async def show_person(tx: Transaction, who: Principal, named: str) -> PersonShown:
    """Show who an order belongs to, as far as this agent may see, and keep that they looked."""
    record = await read_order(tx, who, named)
    until = await _verified_until(tx, who.actor, record)
    view = PersonView(id=new_id(), order_id=record.id, actor=who.actor, masked=until is None, at=clock.real())
    await rows.save(tx, [view])
    shown = _in_clear(record, until)
    return shown if until is not None else _masked(shown)


def _in_clear(record: OrderRecord, until: datetime | None) -> PersonShown:
    head = record.head
    address = {name: value for name, value in head.address.items() if name in PersonShown.model_fields}
    contact = {name: value for name, value in head.customer.items() if name in PersonShown.model_fields}
    known = {
        "email_kind": "real", "phone_kind": "real", "locale": "", "email": None, "phone": None, **contact,
    }  # fmt: skip
    return PersonShown.model_validate(
        {
            **dict.fromkeys(("company", "line2", "region", "postal_code", "delivery_instructions"), ""),
            **address,
            **known,
            "order_id": record.id,
            "masked": False,
            "verified_until": until,
            "gift": head.gift is not None,
        }
    )


def _masked(person: PersonShown) -> PersonShown:
    """Leave what is no help to somebody who only pretends: initials, country, how to write to them."""
    hidden = {
        name: _HIDDEN if getattr(person, name) else getattr(person, name)
        for name in ("company", "line1", "line2", "city", "region", "postal_code", "delivery_instructions", "email")
    }
    initials = " ".join(f"{word[0]}." for word in person.name.split())
    phone = f"{_HIDDEN} {person.phone[-2:]}" if person.phone else person.phone
    return person.model_copy(update={**hidden, "masked": True, "name": initials, "phone": phone})
