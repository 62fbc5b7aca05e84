"""When a case ends by itself: a remedy took effect and the customer knows, or everything cleared untouched."""

from collections.abc import Sequence
from datetime import datetime

from services.care.actions import ledger
from services.care.models import Case, DetectedException, Remedy
from services.care.queries import cases as case_queries
from services.care.queries import remedies as remedy_queries
from services.care.queries.remedies import MAKES_WHOLE
from services.care.states import ACTIVE_STATES, CaseState, ExceptionKind, Level, RemedyKind, RemedyState
from shared.db import Transaction

MISSING = frozenset(
    {ExceptionKind.LOST, ExceptionKind.LOSS_SUSPECTED, ExceptionKind.STALLED, ExceptionKind.NO_FIRST_SCAN}
)
"""Kinds in which a parcel is missing: should it turn up, its reshipment may be needless."""

_GOODS_AT_STAKE = MISSING | {
    ExceptionKind.DAMAGE,
    ExceptionKind.WRONG_ITEM,
    ExceptionKind.MISSING_ITEM,
    ExceptionKind.NOT_RECEIVED,
    ExceptionKind.RETURNED_TO_SENDER,
    ExceptionKind.DELIVERY_PROBLEM,
    ExceptionKind.CARRIER_HOLD,
    ExceptionKind.SHORT_PICK,
}
"""Kinds that only goods or their price make good; money on top is an apology."""

_APOLOGIES = frozenset({RemedyKind.SHIPPING_REFUND.value, RemedyKind.GOODWILL_CREDIT.value})


async def settle_case(tx: Transaction, case: Case) -> None:
    """End a locked case if nothing is left to do: asked after every remedy's answer, message and clearing."""
    if CaseState(case.state) not in ACTIVE_STATES:
        return
    await tx.connection()
    remedies = await remedy_queries.list_case_remedies(tx, case.id)
    if remedy_queries.are_pending(remedies):
        return
    executed = [remedy for remedy in remedies if remedy.state == RemedyState.EXECUTED and _is_current(remedy, case)]
    exceptions = await case_queries.get_case_exceptions(tx, case.id)
    lasting = [found for found in exceptions if found.cleared_at is None and found.level != Level.AT_RISK]
    if not executed:
        if not lasting and _is_about_facts(exceptions, case):
            await ledger.heal_case(tx, case, "every exception cleared before a remedy was needed")
        return
    if case.informed_at is None:
        case.next_action, case.next_action_by = "inform the customer", "care"
        return
    if all(_is_made_good(found, exceptions, executed) for found in lasting):
        await ledger.resolve_case(tx, case, ledger.PLAYBOOK, executed[-1].kind, _summary(executed))


def _is_current(remedy: Remedy, case: Case) -> bool:
    """Say whether a remedy was asked for since the case was taken up again."""
    return case.reopened_at is None or remedy.asked_at >= case.reopened_at


def _is_about_facts(exceptions: Sequence[DetectedException], case: Case) -> bool:
    """Say whether facts alone may end a case: what a person took up again, for their own reason, a person ends."""
    return case.reopened_at is None or any(found.level_at >= case.reopened_at for found in exceptions)


def _is_made_good(
    found: DetectedException, exceptions: Sequence[DetectedException], executed: Sequence[Remedy]
) -> bool:
    """Say whether a remedy answers a trouble though its facts remain; a new date answers only once in force."""
    since = _began_at(found, exceptions)
    return any(remedy.asked_at >= since and remedy.kind in _answers(ExceptionKind(found.kind)) for remedy in executed)


def _began_at(found: DetectedException, exceptions: Sequence[DetectedException]) -> datetime:
    """Give since when a trouble lasts; a parcel that counts as lost was missing before."""
    alike = MISSING if found.kind in MISSING else {found.kind}
    return min(other.detected_at for other in exceptions if other.subject == found.subject and other.kind in alike)


def _answers(kind: ExceptionKind) -> frozenset[str]:
    makes_whole = frozenset(remedy.value for remedy in MAKES_WHOLE)
    return makes_whole if kind in _GOODS_AT_STAKE else makes_whole | _APOLOGIES


def _summary(executed: list[Remedy]) -> str:
    kinds = sorted({remedy.kind for remedy in executed})
    return f"executed {', '.join(kinds)}, customer informed"
