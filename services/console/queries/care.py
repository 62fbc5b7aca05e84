"""Saved views of the queue, and who has which case open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from services.console.models import SavedView
from shared import clock
from shared.db import Transaction
from shared.ids import new_id

_SEEN = """
insert into presence (case_id, staff_id, seen_at) values ($1, $2, $3)
on conflict (case_id, staff_id) do update set seen_at = excluded.seen_at
"""
_OTHERS = """
select p.case_id, s.name from presence p join staff s on s.id = p.staff_id
where p.case_id = any($1::uuid[]) and p.staff_id <> $2 and p.seen_at > $3 order by s.name limit 1000
"""
_PUT_VIEW = """
insert into saved_view (id, staff_id, name, wanted, created_at) values ($1, $2, $3, $4, $5)
on conflict (staff_id, name) do update set wanted = excluded.wanted
"""
MOST_VIEWS = 20


@dataclass(frozen=True, slots=True)
class Looking:
    """Somebody has a case open."""

    case_id: UUID
    name: str


async def list_views(tx: Transaction, staff_id: UUID) -> list[SavedView]:
    """List somebody's saved views by name."""
    found = await tx.session.exec(
        select(SavedView).where(SavedView.staff_id == staff_id).order_by(col(SavedView.name)).limit(MOST_VIEWS)
    )
    return list(found)


async def put_view(tx: Transaction, staff_id: UUID, name: str, wanted: Mapping[str, str]) -> None:
    """Keep a view of somebody's; of two saved under one name the later one stays."""
    await tx.execute(_PUT_VIEW, new_id(), staff_id, name, wanted, clock.real())


async def drop_view(tx: Transaction, staff_id: UUID, view_id: UUID) -> int:
    """Delete one of somebody's own views; give how many there were."""
    return await tx.execute("delete from saved_view where id = $1 and staff_id = $2", view_id, staff_id)


async def note_presence(tx: Transaction, case_id: UUID, staff_id: UUID, now: datetime) -> None:
    """Keep that somebody has a case open now."""
    await tx.execute(_SEEN, case_id, staff_id, now)


async def drop_presence(tx: Transaction, before: datetime) -> int:
    """Forget who looked at something before a moment."""
    return await tx.execute("delete from presence where seen_at < $1", before)


async def list_others(tx: Transaction, case_ids: Sequence[UUID], staff_id: UUID, since: datetime) -> list[Looking]:
    """List who else has any of these cases open."""
    return [Looking(**dict(row)) for row in await tx.fetch(_OTHERS, list(case_ids), staff_id, since)]
