"""What customers said on the status page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.care.models import Evidence
from services.care.policy.messages import NOT_TOLD
from services.care.states import ACTIVE_STATES, ClockKind
from shared.db import Transaction

_LATEST = "select distinct on (kind) kind, value from word where order_id = $1 order by kind, at desc, id desc"
_TROUBLES = """
select kind, level, detected_at, cleared_at from exception
where order_id = $1 and cleared_at is null and disposition <> 'suppressed' and kind <> all($2)
order by detected_at desc limit 50
"""

_OWES_WORD = [ClockKind.NOTIFY.value, ClockKind.FIRST_RESPONSE.value, ClockKind.UPDATE.value]
_HEARD_BY = """
select min(k.due_at) from case_clock k join care_case c on c.id = k.case_id
where c.order_id = $1 and k.kind = any($2) and k.fulfilled_at is null and k.due_at > $3
"""
# Asked before, the question would be about the trouble and not about how it was mended (CARE: 24 h after resolution).
_RATED_AFTER = timedelta(hours=24)
_MAY_RATE = """
select not exists (select from care_case where order_id = $1 and (state = any($2) or resolved_at > $3))
  and not exists (select from watch_report where order_id = $1 and reported_at > $3)
"""


async def get_heard_by(tx: Transaction, order_id: UUID) -> datetime | None:
    """Say by when the customer of an order hears from us; none when we owe them no word, or owe it already."""
    due_at: datetime | None = await tx.value(_HEARD_BY, order_id, _OWES_WORD, tx.now)
    return due_at


async def may_rate(tx: Transaction, order_id: UUID) -> bool:
    """Say whether it is time to ask how content the customer of an order is."""
    active = sorted(state.value for state in ACTIVE_STATES)
    return bool(await tx.value(_MAY_RATE, order_id, active, tx.now - _RATED_AFTER))


async def get_word(tx: Transaction, order_id: UUID, kind: str) -> str | None:
    """Give what the customer of an order chose last."""
    value: str | None = await tx.value(
        "select value from word where order_id = $1 and kind = $2 order by at desc, id desc limit 1", order_id, kind
    )
    return value


@dataclass(frozen=True, slots=True)
class Said:
    """What a customer chose last: to wait for a revision of the date, how to be told, and how content they are."""

    waits_for_revision: int | None
    notices: str
    rating: int | None


async def get_said(tx: Transaction, order_id: UUID) -> Said:
    """Give all that the customer of an order chose last."""
    words = {row["kind"]: row["value"] for row in await tx.fetch(_LATEST, order_id)}
    waits, rating = words.get("wait"), words.get("rating")
    return Said(
        waits_for_revision=int(waits) if waits is not None else None,
        notices=words.get("notices", "email"),
        rating=int(rating) if rating is not None else None,
    )


async def agree(tx: Transaction, order_id: UUID, revision: int) -> None:
    """Note to which revision of its promise an order's customer agreed; the order is due for a look."""
    await tx.execute(
        "update watch set agreed_revision = $2, next_check_at = least(next_check_at, $3) where order_id = $1",
        order_id,
        revision,
        tx.now,
    )


async def list_troubles(tx: Transaction, order_id: UUID) -> list[asyncpg.Record]:
    """List what is wrong with an order now, as far as it moves the customer's date or goods."""
    return await tx.fetch(_TROUBLES, order_id, sorted(NOT_TOLD))


async def count_evidence(tx: Transaction, order_id: UUID) -> int:
    """Count the photos of an order; who adds one has its watch."""
    return int(await tx.value("select count(*) from evidence where order_id = $1", order_id))


async def attach_evidence(tx: Transaction, order_id: UUID, report_id: UUID, evidence_ids: Sequence[UUID]) -> int:
    """Let photos of an order belong to a report; give how many did."""
    return await tx.execute(
        "update evidence set report_id = $2 where order_id = $1 and id = any($3) and report_id is null",
        order_id,
        report_id,
        list(evidence_ids),
    )


async def list_evidence(tx: Transaction, order_id: UUID) -> list[asyncpg.Record]:
    """List the photos of an order with what was said of them, newest first."""
    return await tx.fetch(
        "select e.id, e.order_id, e.width, e.height, e.at, r.kind, coalesce(r.comment, '') as comment from evidence e "
        "left join watch_report r on r.id = e.report_id where e.order_id = $1 order by e.at desc, e.id desc limit 50",
        order_id,
    )


async def mark_erased(tx: Transaction, order_ids: Sequence[UUID]) -> None:
    """Note that the customers of these orders are forgotten."""
    await tx.execute("update watch set erased_at = $2 where order_id = any($1::uuid[])", list(order_ids), tx.now)


async def is_erased(tx: Transaction, order_id: UUID) -> bool:
    """Say whether an order's customer is forgotten."""
    return bool(await tx.value("select erased_at is not null from watch where order_id = $1", order_id))


async def get_evidence(tx: Transaction, evidence_id: UUID) -> Evidence | None:
    """Give a photo."""
    return await tx.session.get(Evidence, evidence_id)
