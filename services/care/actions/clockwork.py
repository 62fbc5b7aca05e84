"""A case's clocks in the database: started, paused with its state, fulfilled, and escalated once per step."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from services.care.actions.basis import care_calendar, gathered
from services.care.clocks import Clock, ClockMove, Target
from services.care.models import Case, CaseClock
from services.care.policy.deadlines import PAUSED_WHILE, TARGETS, next_escalation
from services.care.policy.priority import Priority
from services.care.queries import cases as queries
from services.care.states import CaseState, ClockKind
from shared.db import Transaction

_RUN_OUT = (ClockKind.NOTIFY, ClockKind.FIRST_RESPONSE, ClockKind.UPDATE, ClockKind.RESOLVE)


def _clock_of(row: CaseClock) -> Clock:
    return Clock(
        target=Target(timedelta(seconds=row.target_seconds), row.target_days),
        started_at=row.started_at,
        paused=timedelta(seconds=row.paused_seconds),
        paused_at=row.paused_at,
        fulfilled_at=row.fulfilled_at,
    )


def _store(row: CaseClock, clock: Clock) -> None:
    calendar = care_calendar()
    row.paused_seconds = clock.paused.total_seconds()
    row.paused_at, row.fulfilled_at = clock.paused_at, clock.fulfilled_at
    row.due_at = clock.due_at(calendar)
    step = next_escalation(clock, row.told)
    alarm_at = clock.due_at(calendar, share=step.share) if step is not None else None
    row.alarm_at = gathered(alarm_at) if alarm_at is not None else None


def start_clocks(tx: Transaction, case: Case, kinds: Iterable[ClockKind]) -> None:
    """Start clocks of a case at its priority's targets."""
    rows = []
    for kind in kinds:
        target = TARGETS[Priority(case.priority)][kind]
        row = CaseClock(
            case_id=case.id,
            kind=kind.value,
            target_seconds=int(target.time.total_seconds()),
            target_days=target.days,
            started_at=tx.now,
        )
        _store(row, _clock_of(row))
        tx.session.add(row)
        rows.append(row)
    dues = [row.due_at for row in rows if row.due_at is not None]
    case.next_action_due = min([*dues, *([case.next_action_due] if case.next_action_due else [])], default=None)


async def start_missing(tx: Transaction, case: Case, kind: ClockKind) -> None:
    """Start a clock the case did not need so far."""
    await tx.connection()
    if all(row.kind != kind for row in await queries.list_clocks(tx, case.id)):
        start_clocks(tx, case, [kind])


async def move_clocks(tx: Transaction, case: Case, kinds: Iterable[ClockKind], move: ClockMove) -> None:
    """Move some of a case's clocks."""
    await tx.connection()  # a case opened in this transaction has its clocks only in memory
    wanted = {kind.value for kind in kinds}
    rows = await queries.list_clocks(tx, case.id)
    for row in rows:
        if row.kind in wanted:
            _store(row, _clock_of(row).move(care_calendar(), move, tx.now))
    case.next_action_due = _nearest(rows)


def _nearest(rows: Iterable[CaseClock]) -> datetime | None:
    return min((row.due_at for row in rows if row.due_at is not None), default=None)


async def hasten(tx: Transaction, case: Case) -> None:
    """Let the clocks of a case whose priority rose run as that priority asks; what is breached stays so."""
    await tx.connection()
    rows = await queries.list_clocks(tx, case.id)
    for row in rows:
        if row.breached_at is not None:
            continue
        clock = _clock_of(row).hastened(care_calendar(), TARGETS[Priority(case.priority)][ClockKind(row.kind)], tx.now)
        row.target_seconds, row.target_days = int(clock.target.time.total_seconds()), clock.target.days
        _store(row, clock)
    case.next_action_due = _nearest(rows)


async def follow_state(tx: Transaction, case: Case, old: CaseState, new: CaseState) -> None:
    """Pause and resume the clocks that stand still in some states."""
    pausing = [kind for kind, states in PAUSED_WHILE.items() if new in states and old not in states]
    resuming = [kind for kind, states in PAUSED_WHILE.items() if old in states and new not in states]
    if pausing:
        await move_clocks(tx, case, pausing, ClockMove.PAUSE)
    if resuming:
        await move_clocks(tx, case, resuming, ClockMove.RESUME)


async def stop_all(tx: Transaction, case: Case) -> None:
    """Fulfil whatever still runs: the case has ended."""
    await move_clocks(tx, case, _RUN_OUT, ClockMove.FULFIL)
    case.next_action_due = None


async def restart_update(tx: Transaction, case: Case) -> None:
    """Begin the next-update clock again: somebody has just worked on the case."""
    await tx.connection()
    rows = await queries.list_clocks(tx, case.id)
    for row in rows:
        if row.kind == ClockKind.UPDATE and row.fulfilled_at is None:
            row.started_at, row.told, row.paused_seconds, row.paused_at = tx.now, 0, 0.0, None
            _store(row, _clock_of(row))
    case.next_action_due = _nearest(rows)


def ring(tx: Transaction, row: CaseClock) -> str:
    """Make the escalation that is due; says who hears of it. At 100 % the clock is breached."""
    step = next_escalation(_clock_of(row), row.told)
    if step is None:
        row.alarm_at = None
        return ""
    row.told += 1
    if step.is_breach:
        row.breached_at = tx.now
    _store(row, _clock_of(row))
    return step.tells
