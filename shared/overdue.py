"""What stays in a state longer than it may: looked for by every service, told to operators, kept until it moves on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import asyncpg
import structlog
from prometheus_client import Gauge

from shared import clock
from shared.db import Transaction
from shared.jobs import Jobs
from shared.states import S, TransitionTable

log = structlog.get_logger()

OVERDUE = Gauge("doorstep_overdue", "Things that have stayed in their state longer than it may last", ["kind"])

_MOST = 10_000
_EVERY = timedelta(hours=1)
_EVERY_STEPPED = timedelta(days=1)  # each look is a step of the clock, and one of every service
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
NEXT_LOOK = "select due_at from overdue_look"
_TAKE = "update overdue_look set due_at = $2 where due_at <= $1"
# What moved on leaves the list, so that the list is what is overdue now.
_LOOK = """
with late as (
  select subject, order_id, state, due_at from ({standing}) s where due_at < $2 order by due_at limit {most}
), moved_on as (
  delete from overdue o where o.kind = $1
    and not exists (select from late l where l.subject = o.subject and l.due_at = o.due_at)
)
insert into overdue (kind, subject, order_id, state, due_at, told_at)
select $1, subject, order_id, state, due_at, $2 from late
on conflict (kind, subject, due_at) do nothing
returning subject, order_id, state, due_at
"""


@dataclass(frozen=True, slots=True)
class Dwelling:
    """All things of one kind that must move on.

    `standing` selects (subject, order_id, state, due_at) of those that have not ended; `unblock` gives the
    holder of a state and what ends it.
    """

    kind: str
    standing: str
    unblock: Mapping[str, tuple[str, str]]


def dwelling(
    kind: str,
    table: TransitionTable[S],
    source: str,
    *,
    columns: tuple[str, str] = ("id::text", "order_id::text"),
    due: str = "",
) -> Dwelling:
    """Describe the rows of `source` by their table of states; `columns` give subject and order id.

    A row is due its state's dwell after `since`, unless `due` says it otherwise, in which `{dwell}` is that dwell.
    """
    cases = " ".join(f"when '{state}' then interval '{_seconds(table, state)} s'" for state in table.non_terminal())
    states = ", ".join(f"'{state}'" for state in table.non_terminal())
    due_at = (due or "since + {dwell}").format(dwell=f"case state {cases} end")
    subject, order_id = columns
    wanted = f"{subject} as subject, {order_id} as order_id, state, {due_at} as due_at"
    standing = f"select {wanted} from {source} where state in ({states})"
    rules = {str(state): table.rules[state] for state in table.non_terminal()}
    unblock = {state: (rule.holder, rule.unblock) for state, rule in rules.items()}
    return Dwelling(kind, standing, unblock)


def _seconds(table: TransitionTable[S], state: S) -> int:
    dwell = table.rules[state].dwell
    return int(dwell.total_seconds()) if dwell is not None else 0


def interval() -> timedelta:
    """Give how long after its due time a thing is told of at the latest."""
    return _EVERY_STEPPED if clock.is_stepped() else _EVERY


def watch(jobs: Jobs, dwellings: Sequence[Dwelling]) -> None:
    """Have a service look for what is overdue, once an hour."""

    @jobs.timer(next_due=NEXT_LOOK)
    async def tell_overdue(tx: Transaction) -> int:
        every = interval()
        next_look = _EPOCH + ((tx.now - _EPOCH) // every + 1) * every
        if not await tx.execute(_TAKE, tx.now, next_look):
            return 0
        for one in dwellings:
            await _tell(tx, one)
        return 1


async def _tell(tx: Transaction, one: Dwelling) -> None:
    for row in await tx.fetch(_LOOK.format(standing=one.standing, most=_MOST), one.kind, tx.now):
        holder, unblock = one.unblock.get(row["state"], ("nobody", "it should rest"))
        log.error(
            "overdue", kind=one.kind, key=row["subject"], order_id=row["order_id"], status=row["state"],
            reason=f"{holder}: {unblock}",
        )  # fmt: skip
    count = await tx.value("select count(*) from overdue where kind = $1", one.kind)
    tx.after_commit(partial(OVERDUE.labels(one.kind).set, count))


async def list_overdue(tx: Transaction, *, kind: str | None, limit: int) -> list[asyncpg.Record]:
    """List what is overdue, longest first."""
    return await tx.fetch(
        "select * from overdue where $1::text is null or kind = $1 order by due_at, kind, subject limit $2", kind, limit
    )


async def count_overdue(tx: Transaction, *, kind: str | None) -> int:
    """Count what is overdue, however little of it a list shows."""
    return int(await tx.value("select count(*) from overdue where $1::text is null or kind = $1", kind))
