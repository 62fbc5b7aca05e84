"""Remedies: suggested by playbooks, granted within authority, executed once by orders, answered."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

import asyncpg

from services.care.actions import ledger
from services.care.actions.basis import current_basis, gathered, limits
from services.care.actions.settling import MISSING, settle_case
from services.care.errors import (
    AlreadyMadeWholeError,
    CaseEndedError,
    NoAuthorityError,
    OwnRemedyError,
    RemedyDecidedError,
)
from services.care.models import Case, Remedy
from services.care.models.columns import Units
from services.care.policy.authority import Authority, authority_of
from services.care.policy.playbooks import COST_OF, CostBasis, Stake, Suggestion, cost_of, suggest
from services.care.quantiles import Stage
from services.care.queries import cases as case_queries
from services.care.queries import remedies as queries
from services.care.queries.facts import facts_of, get_latest_known, get_watch, load_known
from services.care.schemas import GrantRemedy, RemedyView
from services.care.settings import settings
from services.care.states import ACTIVE_STATES, REMEDIES, CaseState, ExceptionKind, RemedyKind, RemedyState
from shared.auth import Principal, Role
from shared.db import Transaction
from shared.errors import FieldError, InvalidError
from shared.events.base import LineCount, Money
from shared.events.care import RemedyGranted
from shared.ids import new_id

_WITH_UNITS = frozenset({RemedyKind.RESHIP, RemedyKind.REFUND, RemedyKind.CANCEL_LINE})
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Decision:
    """Who asks for a remedy, with which authority."""

    person: str
    authority: Authority
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """A remedy somebody wants: kind, units (none: those the case is about), amount and date if not the usual."""

    kind: RemedyKind
    reason: str
    lines: Sequence[Units] = field(default=())
    amount: int | None = None
    deliver_by: datetime | None = None
    dedupe: str = ""


async def touched_units(tx: Transaction, case: Case) -> list[Units]:
    """Give the units a case is about, less those a live remedy already makes whole."""
    settled = await queries.get_settled_units(tx, case.order_id)
    lines = {str(row["line_id"]): row for row in await queries.get_lines(tx, case.order_id)}
    exceptions = await case_queries.get_case_exceptions(tx, case.id)
    lasting = [found for found in exceptions if found.cleared_at is None]
    # What leads the case decides: a parcel that is merely late is not sent again beside a lost one.
    wanted: Mapping[str, int] = {}
    for looked_at in ([found for found in lasting if found.kind == case.kind], lasting, exceptions):
        wanted = wanted or await _units_about(tx, {found.subject for found in looked_at}, lines)
    if not wanted:
        wanted = {line_id: row["ordered"] - row["cancelled"] for line_id, row in lines.items()}
    return [
        {"line_id": line_id, "sku": lines[line_id]["sku"], "quantity": left}
        for line_id, quantity in sorted(wanted.items())
        if line_id in lines
        and (left := min(quantity, lines[line_id]["ordered"] - lines[line_id]["cancelled"] - settled.get(line_id, 0)))
        > 0
    ]


async def _units_about(
    tx: Transaction, subjects: Collection[str], lines: Mapping[str, asyncpg.Record]
) -> Mapping[str, int]:
    """Give the units in parcels and on lines, by line; each parcel counts once."""
    wanted: dict[str, int] = defaultdict(int)
    for subject in sorted(subjects):
        about, _, identity = subject.partition(":")
        if about == "parcel":
            for unit in await queries.get_parcel_contents(tx, UUID(identity)):
                wanted[str(unit["line_id"])] += int(str(unit["quantity"]))
        elif about == "line" and identity in lines:
            wanted[identity] += max(lines[identity]["short"], lines[identity]["backordered"], 1)
    return wanted


async def stake_of(tx: Transaction, case: Case, units: Sequence[Units]) -> Stake:
    """Value the units a remedy would touch."""
    lines = await queries.get_lines(tx, case.order_id)
    return Stake(
        order_value=case.value_amount,
        units=sum(unit["quantity"] for unit in units),
        all_units=sum(row["ordered"] for row in lines),
        shipping=settings().shipping_refund_estimate,
        currency=case.currency,
    )


async def suggestions(tx: Transaction, case: Case) -> list[Suggestion]:
    """Give a case's ranked remedies with cost and authority."""
    stake = await stake_of(tx, case, await touched_units(tx, case))
    return suggest(ExceptionKind(case.kind), stake, limits())


async def _new_date(tx: Transaction, watch: asyncpg.Record) -> datetime:
    """Give the middle of the day to promise instead: what four of five such orders keep from here on.

    Orders lets a promise end with its local day; the middle of a day is that day wherever it is read.
    """
    history = (await current_basis(tx)).history
    lane = facts_of(watch, await load_known(tx, [watch])).lane()
    transit = timedelta(hours=history.look_up(Stage.TRANSIT, *lane).quantile(0.8))
    known = await get_latest_known(tx, watch["order_id"])
    arrives = max(tx.now + transit, known or tx.now)
    deliver_by: datetime = watch["deliver_by"]
    return deliver_by + max(1, ceil((arrives - deliver_by) / _DAY)) * _DAY - _DAY / 2


async def grant(tx: Transaction, case: Case, wish: Wish, decision: Decision) -> Remedy | None:
    """Ask for a remedy on a locked case: granted within authority, else it waits for another person.

    Gives none when the same cause asked before. Raises AlreadyMadeWholeError, CaseEndedError, InvalidError, and
    NoAuthorityError when it costs more than anybody may grant.
    """
    if CaseState(case.state) not in ACTIVE_STATES:
        raise CaseEndedError(f"case {case.number} is {case.state}: reopen it first")
    watch = await get_watch(tx, case.order_id)
    if watch is None:
        raise CaseEndedError("the order is not watched any more")
    dedupe = wish.dedupe or str(new_id())
    if await queries.find_by_dedupe(tx, dedupe) is not None:
        return None
    remedy = await _draft(tx, case, wish, watch, dedupe)
    if decision.automatic and remedy.lines and await queries.claim_remembered(tx, remedy):
        await settle_case(tx, case)
        return None
    remedy.automatic, remedy.asked_by = decision.automatic, decision.person
    tx.session.add(remedy)
    if decision.automatic and settings().automatic_remedies == "observe":
        remedy.state = RemedyState.OBSERVED.value
        ledger.note(tx, case, decision.person, "would have granted", f"{wish.kind}: {wish.reason}")
        return remedy
    needed = limits().smallest_for(remedy.cost, remedy.currency)
    if needed is None:
        most = f"{limits().most(remedy.currency)} {remedy.currency} (minor units)"
        raise NoAuthorityError(
            f"{remedy.cost} is over {most}, the most anybody may grant in one action (CARE_LIMITS_PER_ACTION): "
            "make fewer units whole at a time"
        )
    if await _within_authority(tx, remedy, decision):
        await _give(tx, case, remedy, decision.person)
    else:
        await _wait_for_approval(tx, case, remedy, decision, needed)
    return remedy


async def _draft(tx: Transaction, case: Case, wish: Wish, watch: asyncpg.Record, dedupe: str) -> Remedy:
    units = await _units_for(tx, case, wish)
    stake = await stake_of(tx, case, units)
    is_money = COST_OF[wish.kind] is not CostBasis.NOTHING
    cost = wish.amount if wish.amount is not None and is_money else cost_of(wish.kind, stake)
    deliver_by = wish.deliver_by or (await _new_date(tx, watch) if wish.kind is RemedyKind.NEW_PROMISE else None)
    return Remedy(
        id=await queries.next_automatic_id(tx, case.order_id, wish.kind) if wish.dedupe else new_id(),
        case_id=case.id,
        order_id=case.order_id,
        kind=wish.kind.value,
        state=RemedyState.WAITING_APPROVAL.value,
        dedupe=dedupe,
        cost=cost,
        # Orders knows what was captured for units and shipping; only goodwill and a stated amount are ours to say.
        amount=cost if wish.amount is not None or wish.kind is RemedyKind.GOODWILL_CREDIT else None,
        currency=case.currency,
        lines=list(units),
        deliver_by=deliver_by,
        parcel_id=await _missing_parcel(tx, case) if wish.kind is RemedyKind.RESHIP else None,
        reason=wish.reason,
        automatic=False,
        asked_by="",
        asked_at=tx.now,
    )


async def _missing_parcel(tx: Transaction, case: Case) -> UUID | None:
    """Give the one parcel that is missing; none when goods are damaged, or several parcels are away."""
    missing = {
        found.subject.partition(":")[2]
        for found in await case_queries.get_case_exceptions(tx, case.id)
        if ExceptionKind(found.kind) in MISSING and found.cleared_at is None
    }
    return UUID(missing.pop()) if len(missing) == 1 else None


async def _units_for(tx: Transaction, case: Case, wish: Wish) -> Sequence[Units]:
    if wish.kind not in _WITH_UNITS:
        return ()
    left = {unit["line_id"]: unit for unit in await touched_units(tx, case)}
    if not wish.lines:
        if not left:
            raise AlreadyMadeWholeError("every unit this case is about is already made whole")
        return list(left.values())
    settled = await queries.get_settled_units(tx, case.order_id)
    rows = {str(row["line_id"]): row for row in await queries.get_lines(tx, case.order_id)}
    errors = []
    for index, unit in enumerate(wish.lines):
        row = rows.get(unit["line_id"])
        free = row["ordered"] - row["cancelled"] - settled.get(unit["line_id"], 0) if row is not None else 0
        if unit["quantity"] > free:
            detail = f"{free} units of this line are not made whole yet"
            errors.append(FieldError(f"/lines/{index}/quantity", "already_made_whole", detail))
    if errors:
        raise InvalidError("some units cannot be made whole", errors=tuple(errors))
    return [{**unit, "sku": rows[unit["line_id"]]["sku"]} for unit in wish.lines]


async def _within_authority(tx: Transaction, remedy: Remedy, decision: Decision) -> bool:
    limit = limits().of(decision.authority, remedy.currency)
    if remedy.cost > limit.per_action:
        return False
    remedy.authority = decision.authority.value
    return await queries.spend(tx, decision.person, remedy.authority, remedy.currency, remedy.cost, limit.per_day)


async def _give(tx: Transaction, case: Case, remedy: Remedy, person: str) -> None:
    remedy.state, remedy.granted_at, remedy.decided_by = RemedyState.GRANTED.value, tx.now, person
    remedy.dwell_due_at = _dwell_ends(tx, RemedyState.GRANTED)
    ledger.note(tx, case, person, "granted", f"{remedy.kind}: {remedy.reason}")
    case.next_action, case.next_action_by = f"orders executes {remedy.kind}", "orders"
    tx.publish(
        RemedyGranted(
            order_id=remedy.order_id,
            remedy_id=remedy.id,
            case_id=case.id,
            kind=remedy.kind,
            reason=remedy.reason,
            granted_by=person,
            lines=tuple(LineCount.model_validate(unit) for unit in remedy.lines),
            amount=Money(amount=remedy.amount, currency=remedy.currency) if remedy.amount is not None else None,
            deliver_by_latest=remedy.deliver_by,
            parcel_id=remedy.parcel_id,
        )
    )
    ledger.tell(tx, case)


async def _wait_for_approval(
    tx: Transaction, case: Case, remedy: Remedy, decision: Decision, needed: Authority
) -> None:
    remedy.state = RemedyState.WAITING_APPROVAL.value
    remedy.dwell_due_at = _dwell_ends(tx, RemedyState.WAITING_APPROVAL)
    named = remedy.kind.replace("_", " ")
    ledger.note(tx, case, decision.person, "asked for approval", f"{named} over {decision.authority}'s limit")
    await ledger.move_case(tx, case, CaseState.WAITING_APPROVAL, decision.person, f"{named} needs {needed}")
    case.next_action, case.next_action_by = f"approve or deny the {named}", str(needed)
    ledger.tell(tx, case)


def _dwell_ends(tx: Transaction, state: RemedyState) -> datetime | None:
    due_at = REMEDIES.due_at(state, tx.now)
    return gathered(due_at) if due_at is not None else None


def is_same_person(one: str, other: str) -> bool:
    """Compare people whatever role they act in: nobody approves their own wish by changing it."""
    return one.partition(":")[2] == other.partition(":")[2]


async def approve(tx: Transaction, remedy_id: UUID, decision: Decision) -> Remedy:
    """Approve a waiting remedy; raises RemedyDecidedError, OwnRemedyError, NoAuthorityError."""
    remedy, case = await _lock_waiting(tx, remedy_id)
    if is_same_person(remedy.asked_by, decision.person):
        raise OwnRemedyError("another person than the one who asked approves")
    if not await _within_authority(tx, remedy, decision):
        raise NoAuthorityError(f"{remedy.cost} {remedy.currency} is over the limit of {decision.authority}")
    await ledger.move_case(tx, case, CaseState.IN_PROGRESS, decision.person, f"approved {remedy.kind}")
    await _give(tx, case, remedy, decision.person)
    return remedy


async def deny(tx: Transaction, remedy_id: UUID, person: str, reason: str) -> Remedy:
    """Deny a waiting remedy; raises RemedyDecidedError, OwnRemedyError."""
    remedy, case = await _lock_waiting(tx, remedy_id)
    if is_same_person(remedy.asked_by, person):
        raise OwnRemedyError("another person than the one who asked decides")
    remedy.state, remedy.decided_by, remedy.settled_at = RemedyState.DENIED.value, person, tx.now
    remedy.dwell_due_at = None
    await ledger.move_case(tx, case, CaseState.IN_PROGRESS, person, f"denied {remedy.kind}: {reason}")
    case.next_action, case.next_action_by = "choose another remedy", "agent"
    ledger.tell(tx, case)
    return remedy


async def _lock_waiting(tx: Transaction, remedy_id: UUID) -> tuple[Remedy, Case]:
    seen = await queries.lock_remedy(tx, remedy_id)
    case = await case_queries.lock_case(tx, seen.case_id)
    if seen.state != RemedyState.WAITING_APPROVAL:
        raise RemedyDecidedError(f"the remedy is {seen.state} already")
    return seen, case


def decision_of(who: Principal) -> Decision:
    """Give what a member of staff may decide; raises NoAuthorityError."""
    authority = rank_of(who)
    if authority is None:
        raise NoAuthorityError(f"the role {who.role} grants no remedies")
    return Decision(who.actor, authority)


def rank_of(who: Principal) -> Authority | None:
    """Give the rank in which somebody decides; none when they grant nothing."""
    if who.role is Role.CARE and who.subject in settings().seniors:
        return Authority.SENIOR
    return authority_of(frozenset({str(who.role)}))


async def grant_by_person(tx: Transaction, case: Case, wanted: GrantRemedy, who: Principal) -> RemedyView:
    """Grant what a member of staff asks for on a locked case, or let it wait for another's approval."""
    lines: list[Units] = [{"line_id": str(line.line_id), "sku": "", "quantity": line.quantity} for line in wanted.lines]
    wish = Wish(wanted.kind, wanted.reason, lines, wanted.amount, wanted.deliver_by)
    remedy = await grant(tx, case, wish, decision_of(who))
    if remedy is None:
        raise AlreadyMadeWholeError("the same remedy was asked for before")
    return RemedyView.model_validate(remedy)


async def approve_by_person(tx: Transaction, remedy_id: UUID, who: Principal) -> RemedyView:
    """Approve for a member of staff."""
    return RemedyView.model_validate(await approve(tx, remedy_id, decision_of(who)))


async def deny_by_person(tx: Transaction, remedy_id: UUID, who: Principal, reason: str) -> RemedyView:
    """Deny for a member of staff."""
    return RemedyView.model_validate(await deny(tx, remedy_id, decision_of(who).person, reason))
