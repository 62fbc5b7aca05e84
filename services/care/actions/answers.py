"""What orders answers to remedies: executed, refused, or one that this database has forgotten since it was restored."""

from uuid import UUID

from services.care.actions import ledger
from services.care.actions.messages import Tidings, plan
from services.care.actions.remedies import stake_of
from services.care.actions.settling import settle_case
from services.care.models import Case, Remedy
from services.care.models.columns import Units
from services.care.policy.messages import Topic
from services.care.policy.playbooks import cost_of
from services.care.policy.priority import Priority
from services.care.queries import cases as case_queries
from services.care.queries import remedies as queries
from services.care.queries.facts import get_watch
from services.care.states import (
    ACTIVE_STATES,
    REMEDIES,
    CaseState,
    ExceptionKind,
    Family,
    Level,
    RemedyKind,
    RemedyState,
)
from shared.db import Transaction
from shared.events.base import LineCount
from shared.events.orders import KnownGrant, RemedyExecuted, RemedyRefused

CALLED_OFF = "reship_called_off"
"""By which code orders takes an executed reshipment back: it was cancelled before it left. A person decides then."""
_FORGOTTEN = "granted before the restore, as orders knows"
# An order has one open case of each; the likeliest to be free comes first.
_FAMILIES = (Family.FLOW, Family.OPERATIONS, Family.STOCK, Family.CONDITION, Family.DELIVERY)


async def record_executed(tx: Transaction, fact: RemedyExecuted) -> None:
    """Note that orders executed a remedy; told twice it is noted once."""
    remedy = await _known(tx, fact)
    if remedy is None or remedy.state != RemedyState.GRANTED:
        return
    remedy.state, remedy.settled_at, remedy.dwell_due_at = RemedyState.EXECUTED.value, tx.now, None
    remedy.reship_order_id, remedy.refund_id = fact.reship_order_id, fact.refund_id
    if fact.amount is not None:
        remedy.amount = fact.amount.amount
    if RemedyKind(remedy.kind) in {RemedyKind.RESHIP, RemedyKind.REFUND}:
        await queries.add_made_whole(tx, remedy)
    case = await case_queries.lock_case(tx, remedy.case_id)
    ledger.note(tx, case, "orders", "executed", remedy.kind)
    watch = await get_watch(tx, remedy.order_id)
    if watch is not None and RemedyKind(remedy.kind) is not RemedyKind.NEW_PROMISE:
        facts = {"remedy": remedy.kind, "amount": remedy.amount, "currency": remedy.currency, "cause": case.kind}
        tidings = Tidings(Topic.REMEDY, f"{remedy.kind}:{remedy.id}", facts, Priority(case.priority))
        await plan(tx, watch, case, tidings)
    await settle_case(tx, case)


async def record_refused(tx: Transaction, fact: RemedyRefused) -> Remedy | None:
    """Note that orders refused a remedy and give its money back to the day; gives it so that the next may be tried."""
    remedy = await _known(tx, fact)
    may_be_refused = {RemedyState.GRANTED, RemedyState.EXECUTED} if fact.code == CALLED_OFF else {RemedyState.GRANTED}
    if remedy is None or remedy.state not in may_be_refused:
        return None
    if remedy.state == RemedyState.EXECUTED:
        await queries.take_made_whole_back(tx, remedy)
    REMEDIES.check(RemedyState(remedy.state), RemedyState.REFUSED)
    remedy.state, remedy.settled_at, remedy.dwell_due_at = RemedyState.REFUSED.value, tx.now, None
    remedy.refusal_code, remedy.refusal_detail = fact.code, fact.detail
    await queries.give_back(tx, remedy)
    case = await case_queries.lock_case(tx, remedy.case_id)
    ledger.note(tx, case, "orders", "refused", f"{remedy.kind}: {fact.code} {fact.detail}")
    if CaseState(case.state) in ACTIVE_STATES:
        named, why = remedy.kind.replace("_", " "), fact.code.replace("_", " ")
        wrong = f"{named} was refused ({why}): choose another remedy"
        case.next_action, case.next_action_by = wrong, "agent"
    ledger.tell(tx, case)
    return remedy


async def _known(tx: Transaction, fact: RemedyExecuted | RemedyRefused) -> Remedy | None:
    """Lock the remedy that is answered; what this database has forgotten of it is entered again."""
    remedy = await queries.find_remedy(tx, fact.remedy_id)
    if fact.grant is None:
        return remedy
    if remedy is None:
        case = await _case_for(tx, fact.order_id, fact.grant)
        return await _remember(tx, case, fact, fact.grant) if case is not None else None
    if remedy.state == RemedyState.WAITING_APPROVAL:
        await _approved(tx, remedy, fact.grant)
    return remedy


async def _case_for(tx: Transaction, order_id: UUID, grant: KnownGrant) -> Case | None:
    """Lock the case that was meant; if it is forgotten as well, enter it again as one that has ended.

    What the order's other cases are about, its remedies do not answer. None when the order is watched no more.
    """
    if await case_queries.has_case(tx, order_id, grant.case_id):
        return await case_queries.lock_case(tx, grant.case_id)
    watch, taken = await get_watch(tx, order_id), await case_queries.get_open_families(tx, order_id)
    family = next((one for one in _FAMILIES if one not in taken), None)
    if watch is None or family is None:
        return None
    cause = ledger.Cause(
        family, ExceptionKind.STUCK_FLOW, Level.CONFIRMED, Priority.P4, _FORGOTTEN, case_id=grant.case_id
    )
    case = await ledger.open_case(tx, watch, cause)
    ledger.note(tx, case, ledger.RULES, "remembered", f"{grant.granted_by}: {grant.reason}")
    await ledger.resolve_case(tx, case, ledger.RULES, "remembered", _FORGOTTEN)
    return case


async def _approved(tx: Transaction, remedy: Remedy, grant: KnownGrant) -> None:
    """Approve what was approved before: orders has answered it."""
    REMEDIES.check(RemedyState(remedy.state), RemedyState.GRANTED)
    remedy.state, remedy.decided_by, remedy.dwell_due_at = RemedyState.GRANTED.value, grant.granted_by, None
    case = await case_queries.lock_case(tx, remedy.case_id)
    ledger.note(tx, case, grant.granted_by, "approved", f"{remedy.kind}; {_FORGOTTEN}")
    if case.state == CaseState.WAITING_APPROVAL:
        await ledger.move_case(tx, case, CaseState.IN_PROGRESS, grant.granted_by, f"approved {remedy.kind}")


async def _remember(tx: Transaction, case: Case, fact: RemedyExecuted | RemedyRefused, grant: KnownGrant) -> Remedy:
    kind, units = RemedyKind(fact.kind), [_units(line) for line in grant.lines]
    amount = fact.amount.amount if isinstance(fact, RemedyExecuted) and fact.amount is not None else None
    remedy = Remedy(
        id=fact.remedy_id,
        case_id=case.id,
        order_id=fact.order_id,
        kind=kind.value,
        state=RemedyState.GRANTED.value,
        dedupe=str(fact.remedy_id),
        cost=amount if amount is not None else cost_of(kind, await stake_of(tx, case, units)),
        amount=amount,
        currency=case.currency,
        lines=units,
        parcel_id=grant.parcel_id,
        reason=grant.reason,
        automatic=grant.granted_by == ledger.PLAYBOOK,
        asked_by=grant.granted_by,
        asked_at=grant.answered_at or tx.now,
        decided_by=grant.granted_by,
    )
    tx.session.add(remedy)
    await tx.session.flush()
    ledger.note(tx, case, grant.granted_by, "granted", f"{kind}: {grant.reason}; {_FORGOTTEN}")
    return remedy


def _units(line: LineCount) -> Units:
    return {"line_id": str(line.line_id), "sku": line.sku, "quantity": line.quantity}
