"""Cases, exceptions and clocks: reads, locks and lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
from sqlmodel import col, select

from services.care.errors import CaseNotFoundError, NoCaseWaitingError
from services.care.models import Case, CaseClock, CaseEntry, DetectedException, Message
from services.care.policy.numbers import case_number
from services.care.queries import incidents, parcels
from services.care.schemas.queue import CaseFilter
from services.care.states import ACTIVE_STATES, CaseState, DispositionKind, Family
from shared.db import Transaction

_ACTIVE = [state.value for state in ACTIVE_STATES]
_QUEUE_STATES = [CaseState.OPEN.value, CaseState.IN_PROGRESS.value]
REOPEN_WITHIN = timedelta(days=7)
_FAILURES_COUNT_FOR = timedelta(days=90)
_FAILED_BEFORE = """
select exists (
  select from care_case where state in ('resolved', 'closed') and resolved_at > $3
  and order_id in (select $1::uuid union all select order_id from watch where customer = $2 and customer <> '')
)
"""

# The parameters of a filter, in the order of `_parameters`. A warehouse's cases are those of orders it has a part of.
_FILTER = f"""({{0}}::text[] is null or c.state = any({{0}})) and ({{1}}::text is null or c.family = {{1}})
  and ({{2}}::text is null or c.priority = {{2}}) and ({{3}}::text is null or c.kind = {{3}})
  and ({{4}}::text is null or c.assignee = {{4}}) and ({{5}}::uuid is null or c.order_id = {{5}})
  and (not {{6}}::bool or c.assignee is null) and ({{7}}::timestamptz is null or c.next_action_due < {{7}})
  and ({{8}}::text is null or upper(c.number) = upper({{8}}) or exists (
    select from watch named where named.order_id = c.order_id and upper(named.number) = upper({{8}})))
  and ({{9}}::uuid is null or exists (select from incident i where i.id = {{9}} and {incidents.WEIGHS}))
  and ({{10}}::text is null or {parcels.ships_from("c", "{10}")})"""
_FIELDS = 11


def _matches(first: int) -> str:
    """Make the condition that a case is what a filter wants, whose parameters begin at a number."""
    return _FILTER.format(*(f"${number}" for number in range(first, first + _FIELDS)))


# The nearest clock that still runs decides who is served first.
_NEXT = f"""
select c.id from care_case c
where {_matches(1)}
  and not exists (select from case_entry e where e.case_id = c.id and e.act = 'skipped' and e.actor = $12)
order by c.next_action_due nulls last, c.priority, c.opened_at, c.id
limit 1 for update of c skip locked
"""
_LIST = f"""
select c.*, w.number as order_number, k.due_at as clock_due_at, k.kind as clock
from care_case c join watch w using (order_id)
left join lateral (select k.kind, k.due_at from case_clock k where k.case_id = c.id and k.fulfilled_at is null
  and k.due_at is not null order by k.due_at limit 1) k on true
where {_matches(1)}
  and ($12::timestamptz is null or (coalesce(c.next_action_due, $14), c.id) > ($12, $13::uuid))
order by coalesce(c.next_action_due, $14), c.id limit $15
"""
# All views are counted in one look at the cases in any of their states.
_COUNT = "select array[{counts}] from care_case c where $1::text[] is null or c.state = any($1)"
_NAMES = """
select c.id, c.number, c.kind, w.number as order_number from care_case c join watch w using (order_id)
where c.id = any($1::uuid[])
"""
_NEAREST_CLOCK = """
select kind, due_at from case_clock where case_id = $1 and fulfilled_at is null and due_at is not null
order by due_at limit 1
"""
NO_CLOCK = datetime(9999, 1, 1, tzinfo=UTC)
"""Where a case without a running clock stands in the queue: behind all others."""
_EXCEPTIONS = """
select e.*, w.number as order_number, w.first_deliver_by, w.delivered_at
from exception e left join watch w using (order_id)
where ($1::text is null or e.kind = $1) and ($2::bool is null or (e.cleared_at is null) = $2)
  and ($3::uuid is null or e.order_id = $3) and ($4::text is null or e.disposition = $4)
  and ($5::uuid is null or e.id > $5)
order by e.id limit $6
"""
_LEVELS = """
select exception_id, at, level, rule from exception_level where exception_id = any($1::uuid[]) order by at
"""
AUTOMATIC_SWITCH = "automatic_remedies"
_HELD = """
from care_case c join watch w using (order_id) where c.held_since is not null and not exists (
  select from pause_switch p where p.kind = 'automatic_remedies' and p.scope in ('*', w.storefront_id::text))
"""
NEXT_HELD = f"select min(c.held_since) {_HELD}"
_LOCK_HELD = f"select c.id {_HELD} order by c.held_since, c.id limit $1 for update of c skip locked"

_LOCK_ALARMED = """
select c.id from care_case c
where c.id in (select case_id from case_clock where alarm_at <= $1 order by alarm_at, case_id limit $2)
order by c.id for update of c skip locked
"""


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """Which exceptions to list; none of a field means all."""

    kind: str | None = None
    is_open: bool | None = None
    order_id: UUID | None = None
    disposition: str | None = None


async def lock_case(tx: Transaction, case_id: UUID) -> Case:
    """Lock a case; raises CaseNotFoundError."""
    found = await tx.session.exec(select(Case).where(Case.id == case_id).with_for_update())
    case = found.one_or_none()
    if case is None:
        raise CaseNotFoundError(f"there is no case {case_id}")
    return case


async def get_case(tx: Transaction, case_id: UUID) -> Case:
    """Read a case; raises CaseNotFoundError."""
    case = await tx.session.get(Case, case_id)
    if case is None:
        raise CaseNotFoundError(f"there is no case {case_id}")
    return case


async def get_open_families(tx: Transaction, order_id: UUID) -> frozenset[Family]:
    """Give the families in which an order has an open case."""
    rows = await tx.fetch(
        "select family from care_case where order_id = $1 and state = any($2::text[])", order_id, _ACTIVE
    )
    return frozenset(Family(row["family"]) for row in rows)


async def lock_last_case(tx: Transaction, order_id: UUID, family: Family) -> Case | None:
    """Lock the latest case of an order's family: the open one, or else the last that ended."""
    found = await tx.session.exec(
        select(Case)
        .where(Case.order_id == order_id, Case.family == family.value)
        .order_by(col(Case.opened_at).desc(), col(Case.id).desc())
        .limit(1)
        .with_for_update()
    )
    return found.one_or_none()


async def has_case(tx: Transaction, order_id: UUID, case_id: UUID) -> bool:
    """Say whether an order has this case."""
    return await tx.value("select 1 from care_case where id = $1 and order_id = $2", case_id, order_id) is not None


async def has_failed_before(tx: Transaction, order_id: UUID, customer: str) -> bool:
    """Say whether trouble of an order, or of another order of its customer, was made good within the last 90 days."""
    since = tx.now - _FAILURES_COUNT_FOR
    return bool(await tx.value(_FAILED_BEFORE, order_id, customer, since))


def _parameters(wanted: CaseFilter) -> list[object]:
    return [
        wanted.state or None,
        wanted.family,
        wanted.priority,
        wanted.kind,
        wanted.assignee,
        wanted.order_id,
        wanted.unassigned,
        wanted.due_before,
        wanted.number,
        wanted.incident_id,
        wanted.location,
    ]


async def lock_next_case(tx: Transaction, who: str, wanted: CaseFilter) -> Case:
    """Lock the most urgent case nobody is on; raises NoCaseWaitingError."""
    free = wanted.model_copy(update={"state": _QUEUE_STATES, "unassigned": True})
    case_id = await tx.value(_NEXT, *_parameters(free), who)
    if case_id is None:
        raise NoCaseWaitingError("no case in this queue is free")
    return await lock_case(tx, case_id)


async def lock_held_cases(tx: Transaction, limit: int) -> list[Case]:
    """Lock cases whose playbook may act again: the pause that held its remedy is over."""
    return [await lock_case(tx, row["id"]) for row in await tx.fetch(_LOCK_HELD, limit)]


async def lock_due_cases(tx: Transaction, limit: int) -> list[Case]:
    """Lock cases whose state has lasted too long."""
    found = await tx.session.exec(
        select(Case)
        .where(col(Case.dwell_due_at) <= tx.now)
        .order_by(col(Case.dwell_due_at), col(Case.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(found)


async def list_cases(
    tx: Transaction, wanted: CaseFilter, *, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[asyncpg.Record]:
    """List cases with their order's number and nearest clock, the nearest first; `after` is (due, id) of the last."""
    due_after, id_after = after or (None, None)
    return await tx.fetch(_LIST, *_parameters(wanted), due_after, id_after, NO_CLOCK, limit)


async def count_cases(tx: Transaction, views: Sequence[CaseFilter]) -> list[int]:
    """Count the cases that each of several filters wants."""
    counts = (f"count(*) filter (where {_matches(2 + number * _FIELDS)})" for number in range(len(views)))
    states = sorted({state for view in views for state in view.state}) if all(view.state for view in views) else None
    parameters = [parameter for view in views for parameter in _parameters(view)]
    counted: list[int] = await tx.value(_COUNT.format(counts=", ".join(counts)), states, *parameters)
    return counted


async def get_names(tx: Transaction, case_ids: Sequence[UUID]) -> dict[UUID, asyncpg.Record]:
    """Give the number and kind of cases, and the number of their orders."""
    return {row["id"]: row for row in await tx.fetch(_NAMES, list(case_ids))}


async def get_nearest_clock(tx: Transaction, case_id: UUID) -> asyncpg.Record | None:
    """Give the running clock of a case that is due first."""
    return await tx.row(_NEAREST_CLOCK, case_id)


async def list_entries(tx: Transaction, case_id: UUID) -> list[CaseEntry]:
    """List what happened to a case, in order."""
    found = await tx.session.exec(select(CaseEntry).where(CaseEntry.case_id == case_id).order_by(col(CaseEntry.id)))
    return list(found)


async def list_clocks(tx: Transaction, case_id: UUID) -> list[CaseClock]:
    """List a case's clocks."""
    found = await tx.session.exec(select(CaseClock).where(CaseClock.case_id == case_id).order_by(CaseClock.kind))
    return list(found)


async def lock_alarmed_cases(tx: Transaction, limit: int) -> list[Case]:
    """Lock cases of whose clocks one is due for an escalation; whoever changes a clock has its case."""
    return [await lock_case(tx, row["id"]) for row in await tx.fetch(_LOCK_ALARMED, tx.now, limit)]


async def get_open_exceptions(tx: Transaction, order_ids: Sequence[UUID]) -> list[DetectedException]:
    """Give the exceptions of orders that are not cleared."""
    found = await tx.session.exec(
        select(DetectedException)
        .where(col(DetectedException.order_id).in_(order_ids), col(DetectedException.cleared_at).is_(None))
        .order_by(col(DetectedException.id))
    )
    return list(found)


async def get_case_exceptions(tx: Transaction, case_id: UUID) -> list[DetectedException]:
    """Give the exceptions that led to a case, in order."""
    found = await tx.session.exec(
        select(DetectedException).where(DetectedException.case_id == case_id).order_by(col(DetectedException.id))
    )
    return list(found)


async def list_exceptions(
    tx: Transaction, wanted: ExceptionFilter, *, after: UUID | None = None, limit: int = 50
) -> list[asyncpg.Record]:
    """List exceptions with the promise and the delivery they are to be judged by."""
    return await tx.fetch(_EXCEPTIONS, wanted.kind, wanted.is_open, wanted.order_id, wanted.disposition, after, limit)


async def list_levels(tx: Transaction, exception_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """List when exceptions reached their levels."""
    return await tx.fetch(_LEVELS, list(exception_ids))


async def put_level(tx: Transaction, found: DetectedException) -> None:
    """Add a row to an exception's levels; of several it reaches in one moment the last stays."""
    await tx.execute(
        "insert into exception_level (exception_id, at, level, rule, evidence) values ($1, $2, $3, $4, $5) "
        "on conflict (exception_id, at) do update set level = excluded.level, rule = excluded.rule, "
        "evidence = excluded.evidence",
        found.id,
        tx.now,
        found.level,
        f"{found.rule}@{found.version}",
        found.evidence,
    )


async def next_case_number(tx: Transaction) -> str:
    """Draw a case number."""
    serial = int(await tx.value("select nextval('case_number')"))
    tx.wrote = True
    return case_number(serial)


def is_suppressed(found: DetectedException) -> bool:
    """Say whether nothing is done about an exception for now."""
    return found.disposition == DispositionKind.SUPPRESSED


async def lock_waiting_for_customer(tx: Transaction, order_id: UUID) -> list[Case]:
    """Lock the cases of an order that wait for its customer."""
    found = await tx.session.exec(
        select(Case)
        .where(Case.order_id == order_id, Case.state == CaseState.WAITING_CUSTOMER.value)
        .order_by(col(Case.id))
        .with_for_update()
    )
    return list(found)


async def have_arrived(tx: Transaction, case_id: UUID, *, order_delivered: bool) -> bool | None:
    """Say whether all that a case is about lies on the doorstep; none when it is about no parcel and nothing lasts."""
    arrived: bool | None = await tx.value(
        "select bool_and(case when e.subject like 'parcel:%' then coalesce(p.position = 'delivered', false) "
        "else $2 end) from exception e left join watch_parcel p "
        "on p.order_id = e.order_id and e.subject = 'parcel:' || p.parcel_id "
        "where e.case_id = $1 and (e.subject like 'parcel:%' or e.cleared_at is null)",
        case_id,
        order_delivered,
    )
    return arrived


async def lock_informed_cases(tx: Transaction, message: Message) -> list[Case]:
    """Lock the cases a message speaks for: its own, and those whose message was joined to it or gave way to it."""
    case_ids = [
        row["case_id"]
        for row in await tx.fetch(
            "select distinct case_id from message where order_id = $1 and case_id is not null "
            "and (id = $2 or (state = 'suppressed' and topic = $3 and silence ~ '^(coalesced|superseded)')) "
            "order by case_id",
            message.order_id,
            message.id,
            message.topic,
        )
    ]
    return [await lock_case(tx, case_id) for case_id in case_ids]
