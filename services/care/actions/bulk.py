"""One act for many cases, each on its own; a preview does the same and takes it back."""

from collections.abc import Awaitable, Callable, Mapping

from services.care.actions import staff
from services.care.models import Case
from services.care.schemas import Resolve, Wait
from services.care.schemas.bulk import Bulk, BulkCase, BulkOutcome, BulkResult
from services.care.states import CaseState
from shared.auth import Principal, Scope
from shared.db import Transaction
from shared.errors import DomainError, FieldError, ForbiddenError, InvalidError

_LEAST_REASON = 3
_Act = Callable[[Transaction, Case, Bulk, str], Awaitable[Case]]


async def _wait(tx: Transaction, case: Case, wanted: Bulk, actor: str) -> Case:
    state = wanted.state or CaseState.WAITING_CUSTOMER
    return await staff.wait_for(tx, case, Wait(state=state, reason=wanted.reason, until=wanted.until), actor)


async def _resolve(tx: Transaction, case: Case, wanted: Bulk, actor: str) -> Case:
    how = Resolve(
        reason=wanted.reason, customer_informed=wanted.customer_informed, false_positive=wanted.false_positive
    )
    return await staff.resolve(tx, case, how, actor)


_ACTS: Mapping[str, _Act] = {
    "take": lambda tx, case, _wanted, actor: staff.assign(tx, case, actor, actor),
    "assign": lambda tx, case, wanted, actor: staff.assign(tx, case, wanted.assignee or actor, actor),
    "skip": lambda tx, case, wanted, actor: staff.skip(tx, case, wanted.reason, actor),
    "note": lambda tx, case, wanted, actor: staff.add_note(tx, case, wanted.reason, actor),
    "wait": _wait,
    "resolve": _resolve,
    "reopen": lambda tx, case, wanted, actor: staff.reopen(tx, case, wanted.reason, actor),
    "close": lambda tx, case, wanted, actor: staff.close(tx, case, wanted.reason, actor),
}


async def change_many(tx: Transaction, wanted: Bulk, who: Principal) -> BulkResult:
    """Do one act to each case, or say what it would do; raises InvalidError, ForbiddenError for the act itself."""
    _check(wanted, who)
    staff.require_snooze(tx, wanted.until)
    # Rows are locked in one order, whatever order a caller names them in.
    outcomes = {one.id: await _change(tx, wanted, one, who.actor) for one in sorted(wanted.cases, key=lambda c: c.id)}
    return BulkResult(preview=wanted.preview, data=[outcomes[one.id] for one in wanted.cases])


def _check(wanted: Bulk, who: Principal) -> None:
    if wanted.act == "assign" and Scope.CASE_LEAD not in who.scopes:
        raise ForbiddenError("only a lead puts another person on a case")
    errors = []
    if wanted.act != "take" and len(wanted.reason.strip()) < _LEAST_REASON:
        errors.append(FieldError("/reason", "required", "say why, in three characters or more"))
    if wanted.act == "assign" and wanted.assignee is None:
        errors.append(FieldError("/assignee", "required", "name who shall work on them"))
    if wanted.act == "wait" and wanted.state is None:
        errors.append(FieldError("/state", "required", "say whom they wait for"))
    if errors:
        raise InvalidError("; ".join(f"{one.pointer[1:]}: {one.detail}" for one in errors), errors=tuple(errors))


async def _change(tx: Transaction, wanted: Bulk, one: BulkCase, actor: str) -> BulkOutcome:
    """Change a case inside a savepoint, so that a refusal or a preview leaves nothing of it behind."""
    published = len(tx.events)
    outcome = BulkOutcome(id=one.id)
    try:
        async with tx.savepoint() as savepoint:
            case = await staff.lock_for(tx, one.id, None)
            outcome = BulkOutcome(id=one.id, number=case.number, state=case.state, assignee=case.assignee)
            staff.require_version(case, one.version)
            await _ACTS[wanted.act](tx, case, wanted, actor)
            await tx.connection()
            became = {
                "state_after": case.state, "assignee_after": case.assignee, "snoozed_until": case.snoozed_until,
            }  # fmt: skip
            if wanted.preview:
                await savepoint.rollback()
    except DomainError as error:
        del tx.events[published:]
        return outcome.model_copy(update={"refused_code": error.code, "refused": error.detail})
    if wanted.preview:
        del tx.events[published:]
    return outcome.model_copy(update=became)
