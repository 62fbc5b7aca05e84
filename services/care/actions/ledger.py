"""How a case changes: one place that checks the move, keeps the entry, minds the clocks and tells the others."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.care.actions import clockwork
from services.care.actions.basis import gathered
from services.care.clocks import ClockMove
from services.care.models import Case, CaseEntry
from services.care.policy.messages import NOT_TOLD
from services.care.policy.playbooks import PLAYBOOKS
from services.care.policy.priority import Priority
from services.care.queries import cases as queries
from services.care.states import CASES, WAITING_STATES, CaseState, ClockKind, ExceptionKind, Family, Level
from shared.db import Transaction
from shared.events.care import CaseOpened, CaseResolved, CaseUpdated
from shared.ids import new_id

RULES = "care:rules"
PLAYBOOK = "care:playbook"
PRIORITISED = "prioritised"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a case is opened, how urgent it is and why, and which case of the family it follows; its id if it had one."""

    family: Family
    kind: ExceptionKind
    level: Level
    priority: Priority
    why: str
    follows: Case | None = None
    case_id: UUID | None = None


async def open_case(tx: Transaction, watch: asyncpg.Record, cause: Cause) -> Case:
    """Open a case about a watched order, its clocks running."""
    case = Case(
        id=cause.case_id or new_id(),
        number=await queries.next_case_number(tx),
        order_id=watch["order_id"],
        family=cause.family.value,
        kind=cause.kind.value,
        level=cause.level.value,
        state=CaseState.OPEN.value,
        state_since=tx.now,
        dwell_due_at=dwell_ends(tx, CaseState.OPEN),
        priority=cause.priority.value,
        opened_at=tx.now,
        promised_by=watch["deliver_by"],
        value_amount=watch["value_amount"],
        currency=watch["currency"],
        next_action=PLAYBOOKS[cause.kind].next_action,
        next_action_by="agent",
        follows=cause.follows.id if cause.follows is not None else None,
    )
    tx.session.add(case)
    await tx.session.flush()
    clockwork.start_clocks(tx, case, [clock for clock in ClockKind if needs(cause.kind, clock)])
    note(tx, case, RULES, "opened", f"{cause.kind} {cause.level}")
    note_priority(tx, case, cause.why)
    tx.publish(
        CaseOpened(
            order_id=case.order_id,
            case_id=case.id,
            number=case.number,
            family=case.family,
            kind=case.kind,
            priority=case.priority,
        )
    )
    return case


def needs(kind: ExceptionKind, clock: ClockKind) -> bool:
    """Say whether a case about this must keep that clock."""
    return clock is not ClockKind.NOTIFY or kind not in NOT_TOLD


def note(tx: Transaction, case: Case, actor: str, act: str, detail: str = "") -> None:
    """Add an entry to a case; entries are never changed."""
    cause = tx.caused_by(str(case.order_id))[:200]
    tx.session.add(CaseEntry(case_id=case.id, at=tx.now, actor=actor, act=act, detail=detail[:2000], cause=cause))


def note_priority(tx: Transaction, case: Case, why: str) -> None:
    """Add to a case how urgent it is from now on, and why."""
    note(tx, case, RULES, PRIORITISED, f"{case.priority}: {why}")


def tell(tx: Transaction, case: Case) -> None:
    """Publish how a case stands now."""
    case.version += 1
    tx.publish(
        CaseUpdated(
            order_id=case.order_id,
            case_id=case.id,
            number=case.number,
            state=case.state,
            priority=case.priority,
            next_action=case.next_action,
            next_action_by=case.next_action_by,
            next_action_due=case.next_action_due,
        )
    )


def dwell_ends(tx: Transaction, state: CaseState) -> datetime | None:
    """Give when a case that enters a state now has been in it too long; none for an end."""
    due_at = CASES.due_at(state, tx.now)
    return gathered(due_at) if due_at is not None else None


async def move_case(tx: Transaction, case: Case, new: CaseState, actor: str, why: str) -> None:
    """Move a locked case to another state; raises IllegalMoveError."""
    old = CaseState(case.state)
    if old is new:
        return
    CASES.check(old, new)
    case.state, case.state_since, case.dwell_due_at = new.value, tx.now, dwell_ends(tx, new)
    case.snoozed_until = None
    await clockwork.follow_state(tx, case, old, new)
    note(tx, case, actor, f"moved to {new}", why)


async def put_back_to_work(tx: Transaction, case: Case, actor: str, why: str) -> None:
    """Let a case that waits for others be worked again: by who is on it, else by the queue.

    One that waits for an approval stays: its approver decides.
    """
    if CaseState(case.state) in WAITING_STATES - {CaseState.WAITING_APPROVAL}:
        await move_case(tx, case, CaseState.IN_PROGRESS if case.assignee else CaseState.OPEN, actor, why)


async def wake(tx: Transaction, case: Case, actor: str, why: str) -> None:
    """Put a waiting case back to work, and tell of it: the next step is by who is on it, else by any agent."""
    await put_back_to_work(tx, case, actor, why)
    case.next_action_by = case.assignee or "agent"
    tell(tx, case)


async def take_up_again(tx: Transaction, case: Case, actor: str, why: str) -> None:
    """Let a resolved case be worked as if it had not been: nobody is informed, and all its clocks go on."""
    await move_case(tx, case, CaseState.IN_PROGRESS, actor, why)
    case.reopened, case.reopened_at = case.reopened + 1, tx.now
    case.resolution = case.resolution_reason = case.resolved_at = case.resolved_by = None
    case.informed_at = case.informed_how = None
    await clockwork.move_clocks(tx, case, tuple(ClockKind), ClockMove.REOPEN)


async def resolve_case(tx: Transaction, case: Case, actor: str, resolution: str, reason: str) -> None:
    """End the work on a case; it closes by itself after a while and may be reopened until then."""
    case.resolution, case.resolution_reason = resolution, reason
    case.resolved_at, case.resolved_by = tx.now, actor
    await move_case(tx, case, CaseState.RESOLVED, actor, f"{resolution}: {reason}")
    await _end(tx, case, resolution)


async def heal_case(tx: Transaction, case: Case, why: str) -> None:
    """End a case whose exceptions all cleared before anything had to be done."""
    case.resolution, case.resolution_reason = "self_healed", why
    case.resolved_at, case.resolved_by = tx.now, RULES
    await move_case(tx, case, CaseState.SELF_HEALED, RULES, why)
    await _end(tx, case, "self_healed")


async def _end(tx: Transaction, case: Case, resolution: str) -> None:
    await clockwork.stop_all(tx, case)
    case.next_action, case.next_action_by = "", ""
    case.version += 1
    tx.publish(CaseResolved(order_id=case.order_id, case_id=case.id, number=case.number, resolution=resolution))
