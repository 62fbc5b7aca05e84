"""Who has a case open: kept for seconds, so that two people notice each other before they answer one customer twice."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from services.console.queries import care as queries
from shared import clock
from shared.db import Transaction

_COUNTS_FOR = timedelta(seconds=30)
_KEPT = timedelta(minutes=10)


async def look_at(tx: Transaction, case_id: UUID, staff_id: UUID) -> list[str]:
    """Note that somebody has a case open, and give who else has."""
    now = clock.real()
    await queries.drop_presence(tx, now - _KEPT)
    await queries.note_presence(tx, case_id, staff_id, now)
    return [other.name for other in await queries.list_others(tx, [case_id], staff_id, now - _COUNTS_FOR)]


async def who_looks(tx: Transaction, case_ids: Sequence[UUID], staff_id: UUID) -> dict[UUID, list[str]]:
    """Give who else has which of these cases open."""
    found: dict[UUID, list[str]] = defaultdict(list)
    for other in await queries.list_others(tx, case_ids, staff_id, clock.real() - _COUNTS_FOR):
        found[other.case_id].append(other.name)
    return dict(found)
