"""Rules on the order as a whole: its promise, and that something keeps happening."""

from datetime import datetime, timedelta

from services.care.policy.consent import Revised, consent_to
from services.care.rules.facts import Basis, OrderFacts, Position, StepFacts
from services.care.rules.finding import NOTHING, Look, Scalar, Seen, Subject, SubjectKind, combine
from services.care.states import Consent, Level

_MOMENT = timedelta(seconds=1)
_ADDRESS_STEPS = frozenset({"hold_address", "address_refused"})
_ON_ITS_WAY = frozenset(Position) | {"delivery_corrected"}
"""Where a carrier moves a parcel, scans and quantiles judge it, not a maximum dwell."""


def promise_breached(facts: OrderFacts, now: datetime, _basis: Basis) -> Look:
    """See that the promise's local day is over and something is not delivered."""
    promise = facts.promise
    if promise is None or facts.undelivered_units == 0:
        return NOTHING
    if now < promise.deliver_by:
        return Look(again_at=promise.deliver_by)
    evidence: dict[str, Scalar] = {
        "promised_by": promise.deliver_by.isoformat(),
        "promise_revision": promise.revision,
        "undelivered_units": facts.undelivered_units,
        "in_house_units": facts.units_in_house,
    }
    return Look((Seen(Subject(SubjectKind.ORDER, facts.order_id), Level.BREACHED, evidence),))


def no_consent(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See that a later date needed the customer's yes, that none came in time, and that nothing has left."""
    promise = facts.promise
    if promise is None or promise.first_deliver_by is None:
        return NOTHING
    revised = Revised(
        promise.revision, promise.revised_at, promise.first_deliver_by, promise.deliver_by, promise.agreed_revision
    )
    standing = consent_to(revised, basis.consent_packs.get(facts.country), now, unsent=facts.unsent)
    if standing.consent is not Consent.EXPIRED or standing.answer_by is None:
        return Look(again_at=standing.answer_by)
    evidence: dict[str, Scalar] = {
        "promise_revision": promise.revision,
        "first_promised_by": promise.first_deliver_by.isoformat(),
        "promised_by": promise.deliver_by.isoformat(),
        "answer_due": standing.answer_by.isoformat(),
    }
    return Look((Seen(Subject(SubjectKind.ORDER, facts.order_id), Level.CONFIRMED, evidence),))


def address_problem(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See an address that intake, staff or the carrier cannot deliver to."""
    held = [
        Seen(
            Subject(SubjectKind.STEP, step.step), Level.CONFIRMED, {"step": step.step, "since": step.since.isoformat()}
        )
        for step in facts.steps
        if step.step.rpartition("/")[2] in _ADDRESS_STEPS
    ]
    stopped = [
        Seen(
            Subject(SubjectKind.PARCEL, parcel.parcel_id),
            Level.CONFIRMED,
            {"position": parcel.position.value, "carrier": parcel.carrier},
        )
        for parcel in facts.parcels
        if "address_problem" in parcel.flags and not parcel.ended
    ]
    return Look((*held, *stopped))


def _stuck(step: StepFacts, now: datetime) -> Look:
    is_moving = step.holder == "carrier" and step.step.rpartition("/")[2] in _ON_ITS_WAY
    if step.due_at is None or is_moving:
        return NOTHING
    if now <= step.due_at:
        return Look(again_at=step.due_at + _MOMENT)
    evidence: dict[str, Scalar] = {
        "step": step.step,
        "holder": step.holder,
        "since": step.since.isoformat(),
        "due_at": step.due_at.isoformat(),
        "unblock": step.unblock,
    }
    return Look((Seen(Subject(SubjectKind.STEP, step.step), Level.BREACHED, evidence),))


def stuck_flow(facts: OrderFacts, now: datetime, _basis: Basis) -> Look:
    """See a step whose next event is absent for longer than its state may last."""
    return combine((_stuck(step, now) for step in facts.steps), now)
