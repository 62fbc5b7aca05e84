"""What only time brings: clocks that run out, states that last too long, resolved cases that close."""

from services.care.actions import clockwork, ledger
from services.care.actions.ledger import note, tell
from services.care.models import Case, CaseClock, Remedy
from services.care.policy.deadlines import ESCALATIONS
from services.care.policy.priority import Priority
from services.care.queries import cases as queries
from services.care.queries import remedies as remedy_queries
from services.care.states import CASES, REMEDIES, CaseState, RemedyState
from shared.db import Transaction

_BATCH = 100
_BREACH = next(index for index, step in enumerate(ESCALATIONS, start=1) if step.is_breach)


async def ring_clocks(tx: Transaction) -> int:
    """Escalate the clocks that are due: each step once; a breach raises the priority by one."""
    rung = 0
    for case in await queries.lock_alarmed_cases(tx, _BATCH):
        due = [row for row in await queries.list_clocks(tx, case.id) if row.alarm_at and row.alarm_at <= tx.now]
        for row in due:
            await _ring(tx, case, row)
        rung += len(due)
    return rung


async def _ring(tx: Transaction, case: Case, row: CaseClock) -> None:
    tells = clockwork.ring(tx, row)
    if not tells:
        return
    note(tx, case, ledger.RULES, "escalated", f"{row.kind}: told {tells}")
    if row.told == _BREACH:
        risen = Priority(case.priority).raised().value
        if risen != case.priority:
            case.priority = risen
            ledger.note_priority(tx, case, f"the clock '{row.kind}' was breached")
        await clockwork.hasten(tx, case)
    tell(tx, case)


async def end_dwells(tx: Transaction) -> int:
    """Close cases resolved long enough ago, wake those snoozed until now, escalate what waits too long otherwise."""
    due = await queries.lock_due_cases(tx, _BATCH)
    for case in due:
        if case.state == CaseState.RESOLVED:
            await ledger.move_case(tx, case, CaseState.CLOSED, ledger.RULES, "resolved long enough ago")
            case.version += 1
        elif case.snoozed_until is not None:
            await ledger.wake(tx, case, ledger.RULES, "snoozed until now")
        else:
            await _escalate(tx, case)
    return len(due)


async def _escalate(tx: Transaction, case: Case) -> None:
    state = CaseState(case.state)
    rule = CASES.rules[state]
    case.dwell_due_at = None
    case.next_action, case.next_action_by = rule.unblock, "care_lead"
    note(tx, case, ledger.RULES, "escalated", f"{state} for too long: {rule.unblock}")
    await ledger.put_back_to_work(tx, case, ledger.RULES, f"{state} for too long")
    tell(tx, case)


async def chase_remedies(tx: Transaction) -> int:
    """Escalate remedies whose approver or executor has not answered in time."""
    due = await remedy_queries.lock_due_remedies(tx, _BATCH)
    for remedy in due:
        await _chase(tx, remedy)
    return len(due)


async def _chase(tx: Transaction, remedy: Remedy) -> None:
    rule = REMEDIES.rules[RemedyState(remedy.state)]
    remedy.dwell_due_at = None
    case = await queries.lock_case(tx, remedy.case_id)
    case.next_action, case.next_action_by = rule.unblock, rule.holder
    note(tx, case, ledger.RULES, "escalated", f"{remedy.kind} is {remedy.state} for too long: {rule.unblock}")
    tell(tx, case)
