"""Remedies, authority, and messages: reads, locks and lists."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import asyncpg
from sqlalchemy import tuple_
from sqlmodel import col, select

from services.care.errors import RemedyNotFoundError
from services.care.models import Message, Remedy
from services.care.states import MessageState, RemedyKind, RemedyState
from shared import clock
from shared.db import Transaction

MAKES_WHOLE = (RemedyKind.RESHIP, RemedyKind.REFUND, RemedyKind.CANCEL_LINE)
_LIVE = [RemedyState.WAITING_APPROVAL.value, RemedyState.GRANTED.value, RemedyState.EXECUTED.value]
_PENDING = frozenset({RemedyState.WAITING_APPROVAL.value, RemedyState.GRANTED.value})

# One statement counts and decides: two grants that together exceed the day's limit cannot both pass.
_SPEND = """
insert into authority_use as u (person, authority, day, currency, spent)
select $1, $2, $3, $4, $5::bigint where $5::bigint <= $6::bigint
on conflict (person, authority, day, currency) do update set spent = u.spent + excluded.spent
where u.spent + excluded.spent <= $6::bigint
returning spent
"""
_SETTLED_UNITS = """
select unit ->> 'line_id' as line_id, sum((unit ->> 'quantity')::int) as quantity
from remedy r cross join lateral jsonb_array_elements(r.lines) as unit
where r.order_id = $1 and r.state = any($2::text[]) and r.kind = any($3::text[])
  and not (r.kind = 'cancel_line' and r.state = 'executed')
group by 1
"""
_NEXT_AUTOMATIC = """
select id from (
  select n, md5(concat_ws('/', $1::uuid, $2::text, n))::uuid as id
  from generate_series(0, (select count(*) from remedy where order_id = $1 and kind = $2)) n
) free where not exists (select from remedy r where r.id = free.id) order by n limit 1
"""
# What is taken over from orders has its own id for a cause, until its playbook asks for the same again.
_CLAIM_REMEMBERED = """
update remedy set dedupe = $5, case_id = $6, asked_at = $7 where id = (
  select id from remedy where order_id = $1 and kind = $2 and lines = $3::jsonb and parcel_id is not distinct from $4
    and automatic and state = 'executed' and dedupe = id::text order by asked_at limit 1)
returning id
"""
MESSAGES_SWITCH = "messages"
_MESSAGES_GO = """
not exists (select from pause_switch p where p.kind = 'messages' and p.scope in ('*', m.storefront_id::text))
"""
_DUE_AT = "coalesce(m.retry_at, m.send_at)"
# What a message tells, and of what: the same in a database that was restored to before it was planned.
_KEY = """
case when m.resend_of is not null then m.id
  else md5(concat_ws('/', m.order_id, m.topic, m.promise_revision, m.state_told))::uuid end
"""
NEXT_MESSAGE = f"select min({_DUE_AT}) from message m where m.state = 'planned' and {_MESSAGES_GO}"
_CLAIM_MESSAGES = f"""
select m.id from message m where m.state = 'planned' and {_DUE_AT} <= $1
  and (m.leased_until is null or m.leased_until <= $2) and {_MESSAGES_GO}
order by {_DUE_AT}, m.id limit $3 for update skip locked
"""


async def spend(tx: Transaction, person: str, authority: str, currency: str, amount: int, limit: int) -> bool:
    """Count an amount against a person's day; says whether it still fits the limit."""
    day: date = tx.now.date()
    spent = await tx.value(_SPEND, person, authority, day, currency, amount, limit)
    tx.wrote = True
    return spent is not None


async def get_spent(tx: Transaction, person: str, authority: str, currency: str) -> int:
    """Give what a person has granted today in a currency."""
    question = "select spent from authority_use where person = $1 and authority = $2 and day = $3 and currency = $4"
    return int(await tx.value(question, person, authority, tx.now.date(), currency) or 0)


async def give_back(tx: Transaction, remedy: Remedy) -> None:
    """Take back what a refused remedy counted against the day it was granted on."""
    if remedy.granted_at is None:
        return
    await tx.execute(
        "update authority_use set spent = greatest(0, spent - $5) "
        "where person = $1 and authority = $2 and day = $3 and currency = $4",
        remedy.decided_by,
        remedy.authority,
        remedy.granted_at.date(),
        remedy.currency,
        remedy.cost,
    )


async def get_settled_units(tx: Transaction, order_id: UUID) -> dict[str, int]:
    """Give how many units of each line a live remedy makes whole; what it cancelled counts as cancelled already."""
    rows = await tx.fetch(_SETTLED_UNITS, order_id, _LIVE, [kind.value for kind in MAKES_WHOLE])
    return {row["line_id"]: row["quantity"] for row in rows}


async def get_lines(tx: Transaction, order_id: UUID) -> list[asyncpg.Record]:
    """Give an order's lines as watched."""
    return await tx.fetch("select * from watch_line where order_id = $1 order by line_id", order_id)


async def get_parcel_contents(tx: Transaction, parcel_id: UUID) -> list[dict[str, object]]:
    """Give the units in a parcel."""
    return list(await tx.value("select contents from watch_parcel where parcel_id = $1", parcel_id) or [])


async def add_made_whole(tx: Transaction, remedy: Remedy) -> None:
    """Note that a remedy's units are owed no more under the original order."""
    await _move_made_whole(tx, remedy, "l.made_whole + u.quantity")


async def take_made_whole_back(tx: Transaction, remedy: Remedy) -> None:
    """Note that a remedy's units are owed again: it was taken back."""
    await _move_made_whole(tx, remedy, "greatest(0, l.made_whole - u.quantity)")


async def _move_made_whole(tx: Transaction, remedy: Remedy, total: str) -> None:
    await tx.execute(
        f"update watch_line l set made_whole = {total} "
        "from unnest($2::uuid[], $3::int[]) as u(line_id, quantity) where l.order_id = $1 and l.line_id = u.line_id",
        remedy.order_id,
        [UUID(unit["line_id"]) for unit in remedy.lines],
        [unit["quantity"] for unit in remedy.lines],
    )


async def next_automatic_id(tx: Transaction, order_id: UUID, kind: str) -> UUID:
    """Give the id of an order's next remedy of a kind that a playbook grants.

    It is the same in a database that was restored to before, so that orders and the storefront carry it out once.
    """
    found: UUID = await tx.value(_NEXT_AUTOMATIC, order_id, kind)
    return found


async def claim_remembered(tx: Transaction, wanted: Remedy) -> bool:
    """Let what a playbook granted before a restore answer, if it is the very remedy that is wanted now."""
    known = wanted.order_id, wanted.kind, wanted.lines, wanted.parcel_id
    claimed = await tx.value(_CLAIM_REMEMBERED, *known, wanted.dedupe, wanted.case_id, tx.now)
    tx.wrote = tx.wrote or claimed is not None
    return claimed is not None


async def lock_remedy(tx: Transaction, remedy_id: UUID) -> Remedy:
    """Lock a remedy; raises RemedyNotFoundError."""
    remedy = await find_remedy(tx, remedy_id)
    if remedy is None:
        raise RemedyNotFoundError(f"there is no remedy {remedy_id}")
    return remedy


async def find_remedy(tx: Transaction, remedy_id: UUID) -> Remedy | None:
    """Lock a remedy if there is one."""
    found = await tx.session.exec(select(Remedy).where(Remedy.id == remedy_id).with_for_update())
    return found.one_or_none()


async def find_by_dedupe(tx: Transaction, dedupe: str) -> Remedy | None:
    """Give the remedy that was asked for by the same cause."""
    found = await tx.session.exec(select(Remedy).where(Remedy.dedupe == dedupe))
    return found.one_or_none()


async def list_case_remedies(tx: Transaction, case_id: UUID) -> list[Remedy]:
    """List a case's remedies in the order they were asked for."""
    found = await tx.session.exec(
        select(Remedy).where(Remedy.case_id == case_id).order_by(col(Remedy.asked_at), col(Remedy.id))
    )
    return list(found)


async def list_remedies(tx: Transaction, state: str | None, *, after: UUID | None, limit: int) -> list[Remedy]:
    """List remedies behind one of them, those that wait longest first."""
    question = select(Remedy).order_by(col(Remedy.asked_at), col(Remedy.id)).limit(limit)
    if state is not None:
        question = question.where(Remedy.state == state)
    if after is not None:
        last = select(Remedy.asked_at, Remedy.id).where(Remedy.id == after)
        question = question.where(tuple_(col(Remedy.asked_at), col(Remedy.id)) > last.scalar_subquery())
    return list(await tx.session.exec(question))


async def count_remedies(tx: Transaction, state: str | None) -> int:
    """Count remedies."""
    return int(await tx.value("select count(*) from remedy where $1::text is null or state = $1", state))


async def lock_due_remedies(tx: Transaction, limit: int) -> list[Remedy]:
    """Lock remedies that have waited too long for their answer."""
    found = await tx.session.exec(
        select(Remedy)
        .where(col(Remedy.dwell_due_at) <= tx.now)
        .order_by(col(Remedy.dwell_due_at), col(Remedy.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(found)


def are_pending(remedies: Sequence[Remedy]) -> bool:
    """Say whether any remedy still waits for an approver or for orders."""
    return any(remedy.state in _PENDING for remedy in remedies)


async def list_messages(tx: Transaction, order_id: UUID | None, state: str | None, limit: int) -> list[Message]:
    """List messages, newest first."""
    question = select(Message).order_by(col(Message.created_at).desc(), col(Message.id)).limit(limit)
    if order_id is not None:
        question = question.where(Message.order_id == order_id)
    if state is not None:
        question = question.where(Message.state == state)
    return list(await tx.session.exec(question))


async def get_told(tx: Transaction, order_id: UUID) -> list[Message]:
    """Give the messages of an order that left or are about to."""
    states = [MessageState.PLANNED.value, MessageState.SENT.value, MessageState.OBSERVED.value]
    found = await tx.session.exec(
        select(Message)
        .where(Message.order_id == order_id, col(Message.state).in_(states), col(Message.resend_of).is_(None))
        .order_by(col(Message.id))
    )
    return list(found)


async def lock_joinable(tx: Transaction, order_id: UUID, topic: str) -> UUID | None:
    """Lock the message of a topic that waits to leave and that nobody sends right now; another may be told in it."""
    message_id: UUID | None = await tx.value(
        "select id from message where order_id = $1 and topic = $2 and state = 'planned' and leased_until is null "
        "and resend_of is null order by promise_revision desc, id desc limit 1 for update skip locked",
        order_id,
        topic,
    )
    return message_id


async def is_retold(tx: Transaction, message: Message) -> bool:
    """Say whether the same topic is told, or about to be, under a newer promise."""
    return bool(
        await tx.value(
            "select exists (select from message where order_id = $1 and topic = $2 and promise_revision > $3 "
            "and state in ('planned', 'sent', 'observed'))",
            message.order_id,
            message.topic,
            message.promise_revision,
        )
    )


async def lock_due_messages(tx: Transaction, limit: int) -> list[Message]:
    """Lock messages whose time has come, that nobody is sending and no operator has paused."""
    rows = await tx.fetch(_CLAIM_MESSAGES, tx.now, clock.real(), limit)
    if not rows:
        return []
    found = await tx.session.exec(select(Message).where(col(Message.id).in_([row["id"] for row in rows])))
    return sorted(found, key=lambda message: str(message.id))


async def get_keys(tx: Transaction, message_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Give the keys under which messages leave, by their ids."""
    rows = await tx.fetch(f"select m.id, {_KEY} as key from message m where m.id = any($1::uuid[])", message_ids)
    return {row["id"]: row["key"] for row in rows}


async def keep_left(tx: Transaction, keys: Sequence[UUID]) -> int:
    """Keep keys under which messages left; gives how many were not known yet."""
    question = "insert into left_message (key, at) select unnest($1::uuid[]), $2 on conflict do nothing returning key"
    return len(await tx.fetch(question, keys, tx.now))


async def which_left(tx: Transaction, keys: Sequence[UUID]) -> set[UUID]:
    """Give those of the keys under which a message left before a restore."""
    return {row["key"] for row in await tx.fetch("select key from left_message where key = any($1::uuid[])", keys)}


async def is_being_resent(tx: Transaction, message_id: UUID) -> bool:
    """Say whether a copy of a message, or of what it is a copy of, waits to be sent."""
    question = (
        "select exists (select from message waiting join message m on m.id = $1 "
        "where waiting.resend_of = coalesce(m.resend_of, m.id) and waiting.state = 'planned')"
    )
    return bool(await tx.value(question, message_id))


async def lock_message(tx: Transaction, message_id: UUID) -> Message | None:
    """Lock a message."""
    found = await tx.session.exec(select(Message).where(Message.id == message_id).with_for_update())
    return found.one_or_none()
