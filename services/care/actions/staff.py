"""What people do with cases: take, skip, note, wait, resolve, reopen, close; and what they report."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.care.actions import clockwork, ledger
from services.care.actions.basis import gathered
from services.care.actions.forgetting import refuse_unknown, require_customer
from services.care.clocks import ClockMove
from services.care.errors import (
    CannotResolveError,
    CaseEndedError,
    NotDeliveredError,
    ReopenTooLateError,
)
from services.care.models import Case, WatchReport
from services.care.queries import cases as queries
from services.care.queries import fold, parcels
from services.care.queries import remedies as remedy_queries
from services.care.queries.facts import get_watch
from services.care.schemas import NextCase, Report, Resolve, Wait
from services.care.schemas.queue import CaseFilter
from services.care.states import ACTIVE_STATES, CaseState, ClockKind, ExceptionKind, RemedyState
from shared.db import Transaction
from shared.errors import FieldError, InvalidError, StaleError
from shared.ids import new_id

_LONGEST_SNOOZE = timedelta(days=30)
_RESPONDED = (ClockKind.FIRST_RESPONSE,)


async def lock_for(tx: Transaction, case_id: UUID, version: int | None) -> Case:
    """Lock a case for a change; raises CaseNotFoundError and StaleError (another version than the caller saw)."""
    case = await queries.lock_case(tx, case_id)
    require_version(case, version)
    return case


def require_version(case: Case, version: int | None) -> None:
    """Raise StaleError when a case is not as the caller saw it."""
    if version is not None and version != case.version:
        raise StaleError(
            f"you saw version {version}, the current one is {case.version}: read it again",
            extra={"version": case.version},
        )


def _require_active(case: Case) -> None:
    if CaseState(case.state) not in ACTIVE_STATES:
        raise CaseEndedError(f"case {case.number} is {case.state}")


async def _worked_on(tx: Transaction, case: Case) -> None:
    await clockwork.move_clocks(tx, case, _RESPONDED, ClockMove.FULFIL)
    await clockwork.restart_update(tx, case)
    ledger.tell(tx, case)


async def take_next(tx: Transaction, wanted: NextCase, person: str) -> Case:
    """Give a person the most urgent case nobody is on; raises NoCaseWaitingError."""
    case = await queries.lock_next_case(tx, person, CaseFilter(**wanted.model_dump()))
    return await assign(tx, case, person, person)


async def assign(tx: Transaction, case: Case, assignee: str, actor: str) -> Case:
    """Put a person on a locked case; who takes one that waits works on it from now; raises CaseEndedError."""
    _require_active(case)
    case.assignee = assignee
    ledger.note(tx, case, actor, "assigned", assignee)
    if case.state == CaseState.OPEN:
        await ledger.move_case(tx, case, CaseState.IN_PROGRESS, actor, f"taken by {assignee}")
    elif assignee == actor:
        await ledger.put_back_to_work(tx, case, actor, f"taken by {assignee}")
    case.next_action_by = assignee
    await _worked_on(tx, case)
    return case


async def skip(tx: Transaction, case: Case, reason: str, actor: str) -> Case:
    """Leave a case to somebody else, and say why; raises CaseEndedError."""
    _require_active(case)
    case.assignee = None
    ledger.note(tx, case, actor, "skipped", reason)
    if case.state == CaseState.IN_PROGRESS:
        await ledger.move_case(tx, case, CaseState.OPEN, actor, f"skipped: {reason}")
    case.next_action_by = "agent"
    ledger.tell(tx, case)
    return case


async def add_note(tx: Transaction, case: Case, text: str, actor: str) -> Case:
    """Add a note to a case, ended or not; raises CustomerErasedError."""
    # Facts lock the order before its case, so that who has the case does not wait for the order.
    refuse_unknown(await get_watch(tx, case.order_id), case.order_id)
    ledger.note(tx, case, actor, "noted", text)
    case.version += 1
    return case


def require_snooze(tx: Transaction, until: datetime | None) -> None:
    """Raise InvalidError when a case cannot be put aside until a moment: it is over, or too far away."""
    if until is not None and not tx.now < until <= tx.now + _LONGEST_SNOOZE:
        error = FieldError("/until", "out_of_range", f"choose a time within {_LONGEST_SNOOZE.days} days from now")
        raise InvalidError("a case cannot wait until then", errors=(error,))


async def wait_for(tx: Transaction, case: Case, wait: Wait, actor: str) -> Case:
    """Let a case wait for the customer, the carrier or the warehouse, as long as the state may last or until a moment.

    Raises CaseEndedError, IllegalMoveError, and InvalidError for a moment that is over or too far away.
    """
    _require_active(case)
    require_snooze(tx, wait.until)
    await ledger.move_case(tx, case, CaseState(wait.state), actor, wait.reason)
    case.snoozed_until = gathered(wait.until) if wait.until is not None else None
    case.dwell_due_at = case.snoozed_until or ledger.dwell_ends(tx, CaseState(case.state))
    case.next_action, case.next_action_by = wait.reason, wait.state.removeprefix("waiting_")
    await _worked_on(tx, case)
    return case


async def resolve(tx: Transaction, case: Case, how: Resolve, actor: str) -> Case:
    """End a case for a stated reason; raises CannotResolveError while a remedy is open or the customer unaware."""
    _require_active(case)
    if remedy_queries.are_pending(await remedy_queries.list_case_remedies(tx, case.id)):
        raise CannotResolveError("a remedy still waits for its approval or its execution")
    if how.false_positive:
        await _false_alarm(tx, case, how.reason, actor)
        return case
    if case.informed_at is None:
        if not how.customer_informed:
            raise CannotResolveError("the customer has not been told: say how they know (customer_informed)")
        case.informed_at, case.informed_how = tx.now, how.customer_informed
    await clockwork.move_clocks(tx, case, (ClockKind.NOTIFY,), ClockMove.FULFIL)
    await ledger.resolve_case(tx, case, actor, await _resolution(tx, case.id), how.reason)
    return case


async def _resolution(tx: Transaction, case_id: UUID) -> str:
    remedies = await remedy_queries.list_case_remedies(tx, case_id)
    executed = [remedy.kind for remedy in remedies if remedy.state == RemedyState.EXECUTED]
    return executed[-1] if executed else "reason"


async def _false_alarm(tx: Transaction, case: Case, reason: str, actor: str) -> None:
    case.resolution, case.resolution_reason = "false_positive", reason
    case.resolved_at, case.resolved_by = tx.now, actor
    await ledger.move_case(tx, case, CaseState.FALSE_POSITIVE, actor, reason)
    await clockwork.stop_all(tx, case)
    ledger.tell(tx, case)


async def reopen(tx: Transaction, case: Case, reason: str, actor: str) -> Case:
    """Take up a resolved case again; its clocks resume; raises ReopenTooLateError, CaseEndedError."""
    if case.state != CaseState.RESOLVED or case.resolved_at is None:
        raise CaseEndedError(f"case {case.number} is {case.state}: only a resolved case is reopened")
    if tx.now > case.resolved_at + queries.REOPEN_WITHIN:
        raise ReopenTooLateError("a case is reopened within 7 days; what is still wrong opens a new one")
    await ledger.take_up_again(tx, case, actor, reason)
    case.next_action, case.next_action_by = reason, case.assignee or "agent"
    ledger.tell(tx, case)
    return case


async def close(tx: Transaction, case: Case, reason: str, actor: str) -> Case:
    """Close a resolved case before its time; raises IllegalMoveError when it is not resolved."""
    await ledger.move_case(tx, case, CaseState.CLOSED, actor, reason)
    ledger.tell(tx, case)
    return case


async def report(tx: Transaction, wanted: Report, actor: str) -> WatchReport:
    """Keep what somebody reports about an order; the rules look at it at once.

    Raises OrderNotWatchedError, CustomerErasedError, NotDeliveredError (not received, never scanned as delivered) and
    InvalidError (a parcel of another order).
    """
    await require_customer(tx, wanted.order_id)
    row = WatchReport(
        id=new_id(),
        order_id=wanted.order_id,
        kind=wanted.kind,
        parcel_id=await _reported_parcel(tx, wanted),
        reported_by=actor,
        comment=wanted.comment,
        reported_at=tx.now,
    )
    await fold.put_report(tx, row)
    return row


async def _reported_parcel(tx: Transaction, wanted: Report) -> UUID | None:
    """Give the parcel a report is about: the named one, else the last that left; none before any has left."""
    known = await parcels.list_parcels(tx, wanted.order_id)
    if wanted.parcel_id is not None:
        known = [parcel for parcel in known if parcel["parcel_id"] == wanted.parcel_id]
        if not known:
            error = FieldError(
                "/parcel_id", "unknown_parcel", "the order has no such parcel: leave it out, or name one"
            )
            raise InvalidError("the report names a parcel that is none of the order's", errors=(error,))
    elif ExceptionKind(wanted.kind) is not ExceptionKind.NOT_RECEIVED:
        known = [parcel for parcel in known if parcel["handed_over_at"] is not None]
    if ExceptionKind(wanted.kind) is ExceptionKind.NOT_RECEIVED:
        known = [parcel for parcel in known if parcel["delivered_at"] is not None]
        if not known:
            raise NotDeliveredError("no parcel of it was scanned as delivered yet: see where it is instead")
    return known[-1]["parcel_id"] if known else None


def version_of(headers: Sequence[str]) -> int | None:
    """Read the version of an If-Match header's values; none when absent or `*`."""
    wanted = headers[0].removeprefix("W/").strip('"') if headers else "*"
    return int(wanted) if wanted.isdigit() else None
