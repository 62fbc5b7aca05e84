"""Detection: watches that are due meet the rules; exceptions are raised, change level, or clear, each disposed once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter

from services.care.actions import casework, ledger
from services.care.actions.basis import current_basis, gathered
from services.care.actions.casework import Trouble
from services.care.actions.settling import settle_case
from services.care.models import DetectedException, Incident
from services.care.policy.dispositions import Disposition, disposition_of
from services.care.queries import cases as queries
from services.care.queries import facts as fact_queries
from services.care.queries import incidents
from services.care.rules import FEED_SILENT, evaluate
from services.care.rules.facts import Basis, CarrierFeed
from services.care.rules.finding import Finding, SubjectKind
from services.care.states import INCIDENTS, DispositionKind, IncidentState
from shared import clock, db
from shared.audit import audit
from shared.db import Transaction
from shared.events.care import ExceptionCleared, ExceptionRaised
from shared.ids import new_id

log = structlog.get_logger()

RAISED = Counter("doorstep_care_exceptions_raised", "Exceptions raised", ["kind", "level"])
CLEARED = Counter("doorstep_care_exceptions_cleared", "Exceptions cleared", ["kind"])

FAILED = Counter("doorstep_care_verdicts_failed", "Orders whose verdict could not be applied")

_AFTER_FAILURE = timedelta(minutes=10)
_LOOK_AGAIN_AT_FEED = timedelta(hours=1)
_IDLE_FEED = timedelta(hours=6)
_FEEDS = 50
# Whoever is busy with one of the orders waits for this transaction: what is left after so long is the next one's.
_MOST_SECONDS = 0.5


async def evaluate_due(tx: Transaction, limit: int) -> int:
    """Apply the rules to orders that are due for a look, as many as there is time for; give how many."""
    watches = await fact_queries.claim_due(tx, limit)
    if not watches:
        return 0
    basis = await current_basis(tx)
    known = await fact_queries.load_known(tx, watches)
    open_by_order: dict[UUID, list[DetectedException]] = defaultdict(list)
    for found in await queries.get_open_exceptions(tx, [watch["order_id"] for watch in watches]):
        if found.order_id is not None:
            open_by_order[found.order_id].append(found)
    looks = []
    ends = clock.monotonic() + _MOST_SECONDS
    for watch in watches:
        verdict = evaluate(fact_queries.facts_of(watch, known), tx.now, basis)
        done = await _apply_alone(tx, watch, verdict.findings, open_by_order[watch["order_id"]])
        again_at = verdict.next_check_at if done else tx.now + _AFTER_FAILURE
        looks.append((watch["order_id"], gathered(again_at) if again_at is not None else None))
        if clock.monotonic() > ends:
            break
    await fact_queries.set_next_checks(tx, looks)
    return len(looks)


async def _apply_alone(
    tx: Transaction, watch: asyncpg.Record, findings: Sequence[Finding], known: Sequence[DetectedException]
) -> bool:
    """Apply a verdict so that an order which fails is looked at again later and holds up no other."""
    if not findings and not known:
        return True
    published = len(tx.events)
    try:
        async with tx.savepoint():
            await _apply(tx, watch, findings, known)
    except Exception as error:
        if db.is_away(error) or db.is_transient(error):
            raise
        del tx.events[published:]
        FAILED.inc()
        log.exception("verdict cannot be applied", order_id=str(watch["order_id"]))
        return False
    return True


async def _apply(
    tx: Transaction, watch: asyncpg.Record, findings: Sequence[Finding], known: Sequence[DetectedException]
) -> None:
    """Compare what the rules see with what is known to be wrong."""
    by_key = {(found.kind, found.subject): found for found in known}
    for finding in findings:
        found = by_key.pop((finding.kind.value, str(finding.subject)), None)
        if found is None:
            await _raise(tx, watch, finding)
        else:
            await _follow(tx, watch, found, finding)
    touched = {case_id for found in by_key.values() if (case_id := _clear(tx, found)) is not None}
    for case_id in sorted(touched):
        await settle_case(tx, await queries.lock_case(tx, case_id))


async def _raise(tx: Transaction, watch: asyncpg.Record, finding: Finding) -> None:
    found = DetectedException(
        id=new_id(),
        order_id=watch["order_id"],
        kind=finding.kind.value,
        subject=str(finding.subject),
        rule=finding.rule,
        version=finding.version,
        level=finding.level.value,
        detected_at=tx.now,
        level_at=tx.now,
        disposition=DispositionKind.SUPPRESSED.value,
        disposition_reason="",
        promise_revision=watch["promise_revision"],
        promised_by=watch["deliver_by"],
        evidence=dict(finding.evidence),
    )
    await _dispose(tx, watch, found, disposition_of(finding.kind, finding.level, finding.suppressed_by))
    await queries.put_level(tx, found)
    RAISED.labels(found.kind, found.level).inc()
    _publish(tx, found, finding)


async def _follow(tx: Transaction, watch: asyncpg.Record, found: DetectedException, finding: Finding) -> None:
    """Let a known exception change level; one that was only watched may now need a case."""
    wanted = disposition_of(finding.kind, finding.level, finding.suppressed_by)
    new_level = found.level != finding.level
    unheard = queries.is_suppressed(found) and wanted.kind is not DispositionKind.SUPPRESSED
    upgraded = unheard or (found.disposition == DispositionKind.INFORMED and wanted.kind is DispositionKind.CASE)
    if not (new_level or upgraded):
        return
    found.level, found.evidence = finding.level.value, dict(finding.evidence)
    found.rule, found.version = finding.rule, finding.version
    if new_level:
        found.level_at = tx.now
    if upgraded:
        await _dispose(tx, watch, found, wanted)
    if new_level:
        await queries.put_level(tx, found)
        _publish(tx, found, finding)


async def _dispose(tx: Transaction, watch: asyncpg.Record, found: DetectedException, wanted: Disposition) -> None:
    """Give an exception its one disposition."""
    if wanted.kind is DispositionKind.CASE:
        await casework.bring_to_case(tx, Trouble(found, watch))
        return
    found.disposition, found.disposition_reason = wanted.kind.value, wanted.reason
    tx.session.add(found)
    if wanted.kind is DispositionKind.INFORMED:
        await casework.inform_first_attempt(tx, Trouble(found, watch))


def _publish(tx: Transaction, found: DetectedException, finding: Finding) -> None:
    if found.order_id is None:
        return
    subject = finding.subject
    tx.publish(
        ExceptionRaised(
            order_id=found.order_id,
            exception_id=found.id,
            kind=found.kind,
            level=found.level,
            rule=f"{found.rule}@{found.version}",
            parcel_id=UUID(subject.id) if subject.kind is SubjectKind.PARCEL else None,
            line_id=UUID(subject.id) if subject.kind is SubjectKind.LINE else None,
            detected_at=found.detected_at,
            disposition=found.disposition,
        )
    )


def _clear(tx: Transaction, found: DetectedException) -> UUID | None:
    """Note that the facts no longer show an exception; give the case that may end by it."""
    found.cleared_at = tx.now
    if queries.is_suppressed(found):
        found.disposition, found.disposition_reason = DispositionKind.CLEARED.value, found.disposition_reason
    CLEARED.labels(found.kind).inc()
    if found.order_id is not None:
        tx.publish(ExceptionCleared(order_id=found.order_id, exception_id=found.id, kind=found.kind))
    return found.case_id


async def watch_feeds(tx: Transaction) -> int:
    """Look at the carriers' feeds that are due: a silent one is one incident, not a case per parcel."""
    feeds = await incidents.lock_due_feeds(tx, _FEEDS)
    basis = await current_basis(tx) if feeds else None
    for feed in feeds:
        if basis is not None:
            await _watch_feed(tx, feed, basis)
    return len(feeds)


async def _watch_feed(tx: Transaction, feed: asyncpg.Record, basis: Basis) -> None:
    carrier: str = feed["carrier"]
    findings, again_at = FEED_SILENT.findings(
        CarrierFeed(carrier, feed["last_event_at"], feed["underway"]), tx.now, basis
    )
    was_silent = feed["silent_since"] is not None
    next_check_at = max(again_at or tx.now + _IDLE_FEED, tx.now + _LOOK_AGAIN_AT_FEED)
    silent_since = (feed["silent_since"] or tx.now) if findings else None
    await incidents.set_feed(tx, carrier, silent_since=silent_since, next_check_at=gathered(next_check_at))
    if findings and not was_silent:
        await _open_incident(tx, findings[0])
    elif was_silent and not findings:
        await _end_feed_incident(tx, carrier)
    if bool(findings) != was_silent:
        await incidents.recheck_carrier(tx, carrier)


async def _open_incident(tx: Transaction, finding: Finding) -> None:
    incident = Incident(
        id=new_id(),
        kind=finding.kind.value,
        scope=finding.subject.id,
        state=IncidentState.OPEN.value,
        opened_at=tx.now,
        evidence=dict(finding.evidence),
    )
    tx.session.add(incident)
    await tx.session.flush()
    found = DetectedException(
        id=new_id(),
        kind=finding.kind.value,
        subject=str(finding.subject),
        rule=finding.rule,
        version=finding.version,
        level=finding.level.value,
        detected_at=tx.now,
        level_at=tx.now,
        disposition=DispositionKind.INCIDENT.value,
        disposition_reason="",
        incident_id=incident.id,
        evidence=dict(finding.evidence),
    )
    tx.session.add(found)
    await queries.put_level(tx, found)
    RAISED.labels(found.kind, found.level).inc()


async def _end_feed_incident(tx: Transaction, carrier: str) -> None:
    incident = await incidents.get_open_incident(tx, FEED_SILENT.kind.value, carrier)
    if incident is not None:
        await end_incident(tx, incident, ledger.RULES, "the feed speaks again")


async def end_by_hand(tx: Transaction, incident: Incident, actor: str, reason: str) -> None:
    """End an incident on a person's word; what a feed's silence explained is looked at again."""
    await end_incident(tx, incident, actor, reason)
    if incident.kind == FEED_SILENT.kind:
        await incidents.hear_feed(tx, incident.scope, next_check_at=gathered(tx.now + _IDLE_FEED))
        await incidents.recheck_carrier(tx, incident.scope)


async def end_incident(tx: Transaction, incident: Incident, actor: str, reason: str) -> None:
    """End an incident and clear its exception; audited; raises IllegalMoveError when it has ended."""
    INCIDENTS.check(IncidentState(incident.state), IncidentState.ENDED)
    incident.state, incident.ended_at, incident.ended_by = IncidentState.ENDED.value, tx.now, actor
    await incidents.clear_incident_exceptions(tx, incident.id)
    await audit(tx, actor=actor, act="end_incident", subject=str(incident.id), reason=reason)
