"""Cases by rule: opened, joined, reopened and served by their playbook, one per order and family."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.care.actions import clockwork, ledger, remedies
from services.care.actions.answers import CALLED_OFF
from services.care.actions.consents import standing_of
from services.care.actions.messages import Tidings, plan
from services.care.actions.remedies import Decision, Wish
from services.care.errors import AlreadyMadeWholeError
from services.care.models import Case, DetectedException, Remedy
from services.care.policy.authority import Authority
from services.care.policy.dispositions import joins
from services.care.policy.messages import NOT_TOLD, TOPIC_OF, Topic
from services.care.policy.playbooks import PLAYBOOKS, Playbook
from services.care.policy.priority import IMPACT, Circumstances, Priority, because, priority_of
from services.care.queries import cases as queries
from services.care.queries import remedies as remedy_queries
from services.care.queries.facts import get_watch
from services.care.states import (
    ACTIVE_STATES,
    CaseState,
    ClockKind,
    Consent,
    DispositionKind,
    ExceptionKind,
    Family,
    Level,
    RemedyKind,
    RemedyState,
)
from shared.db import Transaction
from shared.switches import is_paused

_AUTOMATIC = Decision(ledger.PLAYBOOK, Authority.AUTOMATIC, automatic=True)
_ORDER = tuple(Priority)


@dataclass(frozen=True, slots=True)
class Trouble:
    """An exception that needs a case, and the order it is about."""

    found: DetectedException
    watch: asyncpg.Record

    @property
    def kind(self) -> ExceptionKind:
        """Give what is wrong."""
        return ExceptionKind(self.found.kind)


async def bring_to_case(tx: Transaction, trouble: Trouble) -> Case:
    """Attach an exception to the open case of its cause, else reopen the last one, else open one."""
    order_id: UUID = trouble.watch["order_id"]
    family = joins(trouble.kind, await queries.get_open_families(tx, order_id))
    case = last = await queries.lock_last_case(tx, order_id, family)
    if case is not None and _is_open(case):
        await _join(tx, case, trouble)
    elif case is not None and _is_fresh(tx, case):
        await _reopen(tx, case, trouble)
    else:
        case = await _open(tx, family, last, trouble)
    trouble.found.case_id = case.id
    trouble.found.disposition, trouble.found.disposition_reason = DispositionKind.CASE.value, ""
    # The playbook asks what its case is about: this exception has to be one of the case's by then.
    tx.session.add(trouble.found)
    await tx.connection()
    await _serve(tx, case, trouble)
    return case


def _is_open(case: Case) -> bool:
    return CaseState(case.state) in ACTIVE_STATES


def _is_fresh(tx: Transaction, case: Case) -> bool:
    is_resolved = case.state == CaseState.RESOLVED and case.resolved_at is not None
    return is_resolved and case.resolved_at is not None and tx.now <= case.resolved_at + queries.REOPEN_WITHIN


async def _priority(tx: Transaction, trouble: Trouble) -> tuple[Priority, str]:
    """Rank a case by an exception, and say why so."""
    watch = trouble.watch
    failed_before = watch["reship_of"] is not None or await queries.has_failed_before(
        tx, watch["order_id"], watch["customer"]
    )
    deadline = min(filter(None, (watch["deliver_by"], _pickup_ends(trouble.found))))
    circumstances = Circumstances(failed_before, watch["perishable"], watch["safety"], watch["gift_due_at"])
    known = (trouble.kind, Level(trouble.found.level), deadline, tx.now, circumstances)
    return priority_of(*known), because(*known)


def _pickup_ends(found: DetectedException) -> datetime | None:
    """Give until when a pick-up point keeps the parcel, if that is what the exception is about."""
    ends_at = found.evidence.get("pickup_expires_at")
    return datetime.fromisoformat(ends_at) if isinstance(ends_at, str) else None


async def _open(tx: Transaction, family: Family, last: Case | None, trouble: Trouble) -> Case:
    priority, why = await _priority(tx, trouble)
    cause = ledger.Cause(family, trouble.kind, Level(trouble.found.level), priority, why, last)
    return await ledger.open_case(tx, trouble.watch, cause)


async def _join(tx: Transaction, case: Case, trouble: Trouble) -> None:
    ledger.note(tx, case, ledger.RULES, "joined", f"{trouble.kind} {trouble.found.level}")
    led_by = case.kind
    await _lead(tx, case, trouble)
    if case.kind != led_by and _waits_for_nothing(case, PLAYBOOKS[trouble.kind]):
        await ledger.put_back_to_work(tx, case, ledger.RULES, f"{trouble.kind} leads now, after {led_by}")
    if ledger.needs(trouble.kind, ClockKind.NOTIFY):
        await clockwork.start_missing(tx, case, ClockKind.NOTIFY)
    ledger.tell(tx, case)


def _waits_for_nothing(case: Case, playbook: Playbook) -> bool:
    """Say whether a new lead makes vain what a case waits for: somebody acts now, or another party has to."""
    others = {CaseState.WAITING_CARRIER, CaseState.WAITING_WAREHOUSE} - {playbook.waits_in}
    return playbook.waits_in is CaseState.OPEN or CaseState(case.state) in others


async def _lead(tx: Transaction, case: Case, trouble: Trouble) -> None:
    """Let the worse exception lead: its kind sets the playbook, and the priority only rises."""
    if IMPACT[trouble.kind] >= IMPACT[ExceptionKind(case.kind)]:
        case.kind, case.level = trouble.kind.value, trouble.found.level
        case.next_action, case.next_action_by = PLAYBOOKS[trouble.kind].next_action, "agent"
    priority, why = await _priority(tx, trouble)
    if _ORDER.index(priority) < _ORDER.index(Priority(case.priority)):
        case.priority = priority.value
        ledger.note_priority(tx, case, why)
        await clockwork.hasten(tx, case)


async def _reopen(tx: Transaction, case: Case, trouble: Trouble) -> None:
    # Only a clock that runs can be hastened: they go on before the worse trouble leads.
    await ledger.take_up_again(tx, case, ledger.RULES, f"{trouble.kind} came up again")
    await _lead(tx, case, trouble)
    ledger.tell(tx, case)


async def _serve(tx: Transaction, case: Case, trouble: Trouble) -> None:
    """Let the playbook act where it may, tell the customer what is certain, and put the case where it waits."""
    playbook = PLAYBOOKS[trouble.kind]
    acted = await _act(tx, case, trouble, playbook)
    await _inform(tx, case, trouble, acted)
    leads = case.kind == trouble.kind
    if acted is None and leads and case.state == CaseState.OPEN and playbook.waits_in is not CaseState.OPEN:
        await ledger.move_case(tx, case, playbook.waits_in, ledger.PLAYBOOK, playbook.next_action)


async def _act(tx: Transaction, case: Case, trouble: Trouble, playbook: Playbook) -> Remedy | None:
    """Grant the first remedy that may act by itself; a cause is answered once per promise revision."""
    automatic = [step for step in playbook.steps if step.automatic]
    if not automatic or remedy_queries.are_pending(await remedy_queries.list_case_remedies(tx, case.id)):
        return None
    within = {offer.remedy for offer in await remedies.suggestions(tx, case) if offer.automatic}
    step = next((step for step in automatic if step.remedy in within), None)
    if step is None:
        return None
    if await _is_held(tx, case, trouble.watch, step.remedy):
        return None
    wish = Wish(step.remedy, step.because, dedupe=_cause_key(case, trouble, step.remedy))
    try:
        return await remedies.grant(tx, case, wish, _AUTOMATIC)
    except AlreadyMadeWholeError:
        return None


async def _is_held(tx: Transaction, case: Case, watch: asyncpg.Record, remedy: RemedyKind) -> bool:
    """Say whether an operator's pause holds a remedy; the case remembers it and is served when the pause is over."""
    if not await is_paused(tx, queries.AUTOMATIC_SWITCH, str(watch["storefront_id"])):
        return False
    if case.held_since is None:
        case.held_since = tx.now
        ledger.note(tx, case, ledger.PLAYBOOK, "held", f"{remedy}: automatic remedies are paused")
    return True


def _cause_key(case: Case, trouble: Trouble, remedy: RemedyKind) -> str:
    return f"{case.id}:{remedy}:{trouble.found.kind}:{trouble.found.subject}:{trouble.watch['promise_revision']}"


async def _inform(tx: Transaction, case: Case, trouble: Trouble, acted: Remedy | None) -> None:
    """Tell at once what is certain; a mere delay is told with its new date, once orders has revised the promise."""
    topic = TOPIC_OF[trouble.kind]
    date_follows = acted is not None and acted.kind == RemedyKind.NEW_PROMISE and acted.state == RemedyState.GRANTED
    if (topic is Topic.DELAY and (date_follows or case.held_since is not None)) or trouble.kind in NOT_TOLD:
        return
    facts = {"kind": trouble.kind.value, "remedy": acted.kind if acted is not None else ""}
    await plan(tx, trouble.watch, case, Tidings(topic, trouble.kind.value, facts, Priority(case.priority)))


_HELD_BATCH = 50


async def serve_held(tx: Transaction) -> int:
    """Do what a pause held, by the facts as they are now; give how many cases were served."""
    held = await queries.lock_held_cases(tx, _HELD_BATCH)
    for case in held:
        case.held_since = None
        watch = await get_watch(tx, case.order_id)
        if watch is None or not _is_open(case):
            continue
        exceptions = await queries.get_case_exceptions(tx, case.id)
        for found in sorted(exceptions, key=lambda one: one.kind != case.kind):
            if found.cleared_at is None:
                await _serve(tx, case, Trouble(found, watch))
        await _instead_of_refused(tx, case)
    return len(held)


async def _instead_of_refused(tx: Transaction, case: Case) -> None:
    refused = [one for one in await remedy_queries.list_case_remedies(tx, case.id) if one.state == RemedyState.REFUSED]
    if refused:
        await try_next_remedy(tx, refused[-1])


_DATE_FAMILIES = (Family.DELIVERY, Family.STOCK, Family.FLOW, Family.CONDITION)
"""Whose case a new date most likely answers."""


async def try_next_remedy(tx: Transaction, refused: Remedy) -> None:
    """After a refusal let the playbook try its next automatic remedy, once."""
    case = await queries.lock_case(tx, refused.case_id)
    if not refused.automatic or not _is_open(case) or refused.refusal_code == CALLED_OFF:
        return
    if remedy_queries.are_pending(await remedy_queries.list_case_remedies(tx, case.id)):
        return
    steps = PLAYBOOKS[ExceptionKind(case.kind)].steps
    ranks = [step.remedy for step in steps]
    after = ranks[ranks.index(RemedyKind(refused.kind)) + 1 :] if RemedyKind(refused.kind) in ranks else []
    offers = {offer.remedy: offer for offer in await remedies.suggestions(tx, case)}
    fallback = next((kind for kind in after if kind is RemedyKind.REFUND), None)
    if fallback is None or offers[fallback].authority is not Authority.AUTOMATIC:
        return
    watch = await get_watch(tx, case.order_id)
    if watch is None or await _is_held(tx, case, watch, fallback):
        return
    why = f"{refused.kind} was refused: {refused.refusal_code}"
    with suppress(AlreadyMadeWholeError):
        await remedies.grant(tx, case, Wish(fallback, why, dedupe=f"{refused.id}:instead"), _AUTOMATIC)


async def inform_first_attempt(tx: Transaction, trouble: Trouble) -> None:
    """Tell the customer of a first failed attempt; nobody has to act."""
    facts = {"kind": trouble.kind.value, "remedy": ""}
    await plan(tx, trouble.watch, None, Tidings(TOPIC_OF[trouble.kind], trouble.found.level, facts))


async def tell_new_date(tx: Transaction, order_id: UUID, reason: str, slip_minutes: int) -> None:
    """Tell the customer of a revised promise, whoever revised it."""
    watch = await get_watch(tx, order_id)
    if watch is None or watch["ended_at"] is not None:
        return
    families = await queries.get_open_families(tx, order_id)
    last = [await queries.lock_last_case(tx, order_id, family) for family in _DATE_FAMILIES if family in families]
    case = next((case for case in last if case is not None and _is_open(case)), None)
    facts: dict[str, object] = {
        "kind": case.kind if case is not None else "", "reason": reason, "slip_minutes": slip_minutes,
    }  # fmt: skip
    standing = await standing_of(tx, watch)
    if standing.consent is Consent.AWAITED and standing.answer_by is not None:
        facts["answer_by"] = standing.answer_by.isoformat()
    priority = Priority(case.priority) if case is not None else Priority.P3
    await plan(tx, watch, case, Tidings(Topic.DELAY, "new_date", facts, priority))
