"""One act for many cases, each on its own; a preview does the same and takes it back."""

from collections.abc import Awaitable, Callable, Mapping

from services.care.actions import staff
from services.care.models import Case
from services.care.schemas import Bulk, BulkCase, BulkOutcome, BulkResult, Resolve, Wait
from services.care.states import CaseState
from shared.auth import Principal, Scope
from shared.db import Transaction
from shared.errors import DomainError, FieldError, ForbiddenError, InvalidError

_LEAST_REASON = 3
_Act = Callable[[Transaction, Case, Bulk, str], Awaitable[Case]]


async def _wait(tx: Transaction, case: Case, wanted: Bulk, actor: str) -> Case:
    state = wanted.state or CaseState.WAITING_CUSTOMER
    return await staff.wait_for(tx, case, Wait(state=state, reason=wanted.reason), actor)


async def _resolve(tx: Transaction, case: Case, wanted: Bulk, actor: str) -> Case:
    how = Resolve(reason=wanted.reason, customer_informed=wanted.customer_informed)
    return await staff.resolve(tx, case, how, actor)


_ACTS: Mapping[str, _Act] = {
    "take": lambda tx, case, _wanted, actor: staff.assign(tx, case, actor, actor),
    "assign": lambda tx, case, wanted, actor: staff.assign(tx, case, wanted.assignee or actor, actor),
    "skip": lambda tx, case, wanted, actor: staff.skip(tx, case, wanted.reason, actor),
    "note": lambda tx, case, wanted, actor: staff.add_note(tx, case, wanted.reason, actor),
    "wait": _wait,
    "resolve": _resolve,
    "close": lambda tx, case, wanted, actor: staff.close(tx, case, wanted.reason, actor),
}


async def change_many(tx: Transaction, wanted: Bulk, who: Principal) -> BulkResult:
    """Do one act to each case, or say what it would do; raises InvalidError, ForbiddenError for the act itself."""
    _check(wanted, who)
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
    before: tuple[str | None, str | None, str | None] = (None, None, None)
    try:
        async with tx.savepoint() as savepoint:
            case = await staff.lock_for(tx, one.id, None)
            before = (case.number, case.state, case.assignee)
            staff.require_version(case, one.version)
            await _ACTS[wanted.act](tx, case, wanted, actor)
            await tx.connection()
            outcome = _outcome(one, before, after=(case.state, case.assignee))
            if wanted.preview:
                await savepoint.rollback()
    except DomainError as error:
        del tx.events[published:]
        return _outcome(one, before, refused=error)
    if wanted.preview:
        del tx.events[published:]
    return outcome


def _outcome(
    one: BulkCase,
    before: tuple[str | None, str | None, str | None],
    *,
    after: tuple[str | None, str | None] = (None, None),
    refused: DomainError | None = None,
) -> BulkOutcome:
    number, state, assignee = before
    return BulkOutcome(
        id=one.id,
        number=number,
        state=state,
        state_after=after[0],
        assignee=assignee,
        assignee_after=after[1],
        refused_code=refused.code if refused is not None else None,
        refused=refused.detail if refused is not None else None,
    )
