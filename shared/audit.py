"""The audit trail: who did what to which thing and why; rows are only ever inserted."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.db import Transaction

_LIST = """
select * from audit where ($1::text is null or subject = $1)
  and ($2::text is null or position(lower($2) in lower(actor)) > 0)
  and ($3::timestamptz is null or at >= $3) and ($4::timestamptz is null or at < $4)
  and ($5::bigint is null or id < $5) and ($6::text is null or right(cause, length($6)) = $6)
order by id desc limit $7
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of the trail to list; none of a field means all.

    `actor` is a part of who acted; `since` and `until` enclose the time, the latter left out; `before` is an id;
    `cause` is how the name of the request, job or event that rows follow from ends.
    """

    subject: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    cause: str | None = None


async def list_audit(tx: Transaction, wanted: Wanted, *, limit: int) -> list[asyncpg.Record]:
    """List the audit trail, newest first."""
    named = (wanted.subject, wanted.actor, wanted.since, wanted.until, wanted.before, wanted.cause)
    return await tx.fetch(_LIST, *named, limit)


async def audit(
    tx: Transaction,
    *,
    actor: str,
    act: str,
    subject: str,
    reason: str,
    change: tuple[object, object] | None = None,
) -> None:
    """Write an audit row, which nobody can change; `change` is (before, after) as JSON values."""
    before, after = change if change is not None else (None, None)
    await tx.execute(
        "insert into audit (at, actor, act, subject, reason, before, after, cause) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8)",
        tx.now,
        actor,
        act,
        subject,
        reason,
        before,
        after,
        tx.caused_by(subject),
    )
