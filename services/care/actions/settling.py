"""When a case ends by itself: a remedy took effect and the customer knows, or everything cleared untouched."""

from services.care.actions import ledger
from services.care.models import Case, Remedy
from services.care.queries import cases as case_queries
from services.care.queries import remedies as remedy_queries
from services.care.states import ACTIVE_STATES, CaseState, Level, RemedyKind, RemedyState
from shared.db import Transaction

_PROMISES = frozenset({RemedyKind.NEW_PROMISE.value})


async def settle_case(tx: Transaction, case: Case) -> None:
    """End a locked case if nothing is left to do: asked after every remedy's answer, message and clearing."""
    if CaseState(case.state) not in ACTIVE_STATES:
        return
    await tx.connection()
    remedies = await remedy_queries.list_case_remedies(tx, case.id)
    if remedy_queries.are_pending(remedies):
        return
    executed = [remedy for remedy in remedies if remedy.state == RemedyState.EXECUTED]
    exceptions = await case_queries.get_case_exceptions(tx, case.id)
    all_clear = all(found.cleared_at is not None or found.level == Level.AT_RISK for found in exceptions)
    if not executed:
        if all_clear:
            await ledger.heal_case(tx, case, "every exception cleared before a remedy was needed")
        return
    if case.informed_at is None:
        case.next_action, case.next_action_by = "inform the customer", "care"
        return
    if all_clear or _makes_good(executed, case):
        await ledger.resolve_case(tx, case, ledger.PLAYBOOK, executed[-1].kind, _summary(executed))


def _makes_good(executed: list[Remedy], case: Case) -> bool:
    """Say whether a remedy answers this trouble though its facts remain; a new date answers only once in force."""
    since_reopening = [remedy for remedy in executed if remedy.settled_at and remedy.settled_at >= case.opened_at]
    return any(remedy.kind not in _PROMISES for remedy in since_reopening)


def _summary(executed: list[Remedy]) -> str:
    kinds = sorted({remedy.kind for remedy in executed})
    return f"executed {', '.join(kinds)}, customer informed"
