"""Rules on parcels between our dispatch scan and the doorstep."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.care.clocks import add_business_days
from services.care.quantiles import Stage
from services.care.rules.facts import (
    GOING_BACK,
    NOT_COMING,
    Basis,
    CarrierFeed,
    OrderFacts,
    ParcelFacts,
    Position,
    PromiseFacts,
)
from services.care.rules.finding import NOTHING, Look, Scalar, Seen, Subject, SubjectKind, combine, earliest
from services.care.rules.lateness import TransitOdds, after_hours, hours_between, level_of
from services.care.states import ExceptionKind, Level

_MOMENT = timedelta(seconds=1)
_SILENT = "feed_silent: the carrier's whole feed is silent"
_DELAYED = "delayed"
_AWAITS_PICKUP = frozenset({Position.AVAILABLE_FOR_PICKUP})


def _subject(parcel: ParcelFacts) -> Subject:
    return Subject(SubjectKind.PARCEL, parcel.parcel_id)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _silenced(parcel: ParcelFacts, basis: Basis) -> str:
    return _SILENT if parcel.carrier in basis.silent_carriers else ""


def _first_scan_due(parcel: ParcelFacts, basis: Basis) -> datetime:
    limits = basis.thresholds
    due_at = add_business_days(basis.carrier_days, parcel.handed_over_at, limits.first_scan_days)
    if parcel.siblings_scanned >= limits.siblings_scanned:
        return min(due_at, parcel.handed_over_at + limits.first_scan_with_siblings)
    return due_at


def _no_first_scan(parcel: ParcelFacts, now: datetime, basis: Basis) -> Look:
    if parcel.ended or parcel.last_scan_at is not None:
        return NOTHING
    due_at = _first_scan_due(parcel, basis)
    if now <= due_at:
        # A scan of a sibling makes nobody look at this parcel: it is looked at when that would first matter.
        siblings_at = parcel.handed_over_at + basis.thresholds.first_scan_with_siblings
        return Look(again_at=(min(due_at, siblings_at) if now <= siblings_at else due_at) + _MOMENT)
    evidence: dict[str, Scalar] = {
        "handed_over_at": parcel.handed_over_at.isoformat(),
        "scan_expected_by": due_at.isoformat(),
        "siblings_scanned": round(parcel.siblings_scanned, 3),
        "carrier": parcel.carrier,
    }
    return Look((Seen(_subject(parcel), Level.SUSPECTED, evidence, _silenced(parcel, basis)),))


def no_first_scan(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See a parcel that left our dock and never appeared at the carrier; left on the dock when its siblings did."""
    return combine((_no_first_scan(parcel, now, basis) for parcel in facts.parcels), now)


def _stalled_due(parcel: ParcelFacts, last_scan: datetime, basis: Basis, *, international: bool) -> datetime:
    limits = basis.thresholds
    days = limits.stalled_floor_days_international if international else limits.stalled_floor_days_domestic
    gaps = basis.history.look_up(
        Stage.SCAN_GAP, f"{parcel.carrier}/{parcel.service}/{parcel.position}", f"{parcel.carrier}/{parcel.service}"
    )
    floor = add_business_days(basis.carrier_days, last_scan, days)
    return max(floor, after_hours(last_scan, gaps.quantile(0.95)))


def _stalled(parcel: ParcelFacts, now: datetime, basis: Basis, *, international: bool) -> Look:
    if parcel.ended or parcel.last_scan_at is None or parcel.position in _AWAITS_PICKUP | GOING_BACK:
        return NOTHING
    due_at = _stalled_due(parcel, parcel.last_scan_at, basis, international=international)
    if now <= due_at:
        return Look(again_at=due_at + _MOMENT)
    evidence: dict[str, Scalar] = {
        "last_scan_at": parcel.last_scan_at.isoformat(),
        "position": parcel.position.value,
        "scan_expected_by": due_at.isoformat(),
        "carrier": parcel.carrier,
        "service": parcel.service,
    }
    return Look((Seen(_subject(parcel), Level.SUSPECTED, evidence, _silenced(parcel, basis)),))


def stalled(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See a parcel without a physical scan for longer than its carrier usually needs; the next scan clears it."""
    return combine((_stalled(parcel, now, basis, international=facts.international) for parcel in facts.parcels), now)


def _odds(parcel: ParcelFacts, facts: OrderFacts, promise: PromiseFacts, basis: Basis) -> TransitOdds:
    history, lane = basis.history, facts.lane(parcel)
    if parcel.out_for_delivery_at is not None:
        times = history.look_up(Stage.LAST_MILE, *lane)
        return TransitOdds(times, parcel.out_for_delivery_at, None, promise.deliver_by)
    slack = history.learned(Stage.PROMISE_SLACK, facts.country)
    if _DELAYED in parcel.flags and parcel.last_scan_at is not None:
        # A parcel its carrier calls delayed starts afresh: the time so far brought it nowhere.
        return TransitOdds(history.look_up(Stage.TRANSIT, *lane), parcel.last_scan_at, slack, promise.deliver_by)
    return TransitOdds(history.look_up(Stage.TRANSIT, *lane), parcel.handed_over_at, slack, promise.deliver_by)


def _transit_evidence(
    parcel: ParcelFacts, promise: PromiseFacts, odds: TransitOdds, now: datetime
) -> dict[str, Scalar]:
    elapsed = hours_between(odds.start, now)
    return {
        "chance": round(odds.chance(now), 3),
        "elapsed_hours": round(elapsed, 1),
        "remaining_p50_hours": round(odds.times.remaining(0.5, elapsed), 1),
        "remaining_p80_hours": round(odds.times.remaining(0.8, elapsed), 1),
        "position": parcel.position.value,
        "last_scan_at": _iso(parcel.last_scan_at),
        "carrier_estimate": _iso(parcel.carrier_estimate),
        "carrier_says_delayed": _DELAYED in parcel.flags,
        "promised_by": promise.deliver_by.isoformat(),
        "promise_revision": promise.revision,
        "learned": odds.times.learned,
        "samples": len(odds.times.hours) if odds.times.learned else 0,
    }


def _carrier_vouches(parcel: ParcelFacts, promise: PromiseFacts, now: datetime) -> bool:
    """Say whether the carrier has the parcel and expects to deliver it, later than now, within the promise."""
    if parcel.last_scan_at is None or parcel.carrier_estimate is None or _DELAYED in parcel.flags:
        return False
    return now <= parcel.carrier_estimate <= promise.deliver_by


def _transit_risk(parcel: ParcelFacts, facts: OrderFacts, promise: PromiseFacts, now: datetime, basis: Basis) -> Look:
    if parcel.ended or parcel.position in NOT_COMING or now >= promise.deliver_by:
        return NOTHING
    limits, odds = basis.thresholds, _odds(parcel, facts, promise, basis)
    if not odds.times.learned and parcel.carrier_estimate and _carrier_vouches(parcel, promise, now):
        # Without a history of our own the carrier knows its road better, as long as its day has not passed.
        return Look(again_at=parcel.carrier_estimate + _MOMENT)
    level = level_of(odds.chance(now), limits)
    # Before its first scan a carrier's estimate is only its time-table.
    if parcel.last_scan_at and parcel.carrier_estimate and parcel.carrier_estimate > promise.deliver_by:
        level = Level.PREDICTED
    crossings = (odds.exceeds_from(share) + _MOMENT for share in (limits.at_risk_chance, limits.predicted_chance))
    again_at = None if level is Level.PREDICTED else earliest(crossings, after=now)
    if level is None:
        return Look(again_at=again_at)
    return Look((Seen(_subject(parcel), level, _transit_evidence(parcel, promise, odds, now)),), again_at)


def transit_risk(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See that a parcel under way will probably miss the promise, or that its carrier already says so."""
    promise = facts.promise
    if promise is None:
        return NOTHING
    return combine((_transit_risk(parcel, facts, promise, now, basis) for parcel in facts.parcels), now)


def _failed_attempt(parcel: ParcelFacts, now: datetime, basis: Basis) -> Look:
    if parcel.ended or parcel.position in NOT_COMING:
        return NOTHING
    expires_at = parcel.pickup_expires_at if parcel.position is Position.AVAILABLE_FOR_PICKUP else None
    warn_at = expires_at - basis.thresholds.pickup_warning if expires_at is not None else None
    evidence: dict[str, Scalar] = {
        "attempts": parcel.attempts,
        "pickup_expires_at": _iso(expires_at),
        "carrier": parcel.carrier,
    }
    if parcel.attempts >= basis.thresholds.attempts_for_case or (warn_at is not None and now >= warn_at):
        return Look((Seen(_subject(parcel), Level.CONFIRMED, evidence),))
    seen = (Seen(_subject(parcel), Level.AT_RISK, evidence),) if parcel.attempts else ()
    return Look(seen, warn_at)


def failed_attempt(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See failed deliveries: the first is only worth a message, the second or an expiring pick-up is a case."""
    return combine((_failed_attempt(parcel, now, basis) for parcel in facts.parcels), now)


def _last_seen(parcel: ParcelFacts) -> dict[str, Scalar]:
    """Give where a parcel was seen last."""
    return {
        "position": parcel.position.value,
        "carrier": parcel.carrier,
        "last_scan_at": _iso(parcel.last_scan_at),
    }


def damage(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See a parcel that its carrier or a person reports as damaged, wherever it is by now."""
    return Look(
        tuple(
            Seen(_subject(parcel), Level.CONFIRMED, _last_seen(parcel))
            for parcel in facts.parcels
            if "damaged" in parcel.flags
        )
    )


def _reported(parcel: ParcelFacts) -> Iterator[Seen]:
    evidence: dict[str, Scalar] = {**_last_seen(parcel), "reported_by": "the customer"}
    for kind in (ExceptionKind.WRONG_ITEM, ExceptionKind.MISSING_ITEM, ExceptionKind.NOT_RECEIVED):
        if kind in parcel.flags and (kind is not ExceptionKind.NOT_RECEIVED or parcel.position is Position.DELIVERED):
            yield Seen(_subject(parcel), Level.CONFIRMED, evidence, kind=kind)


def reported(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See what customers say of a parcel's contents, and that one scanned as delivered did not arrive."""
    return Look(tuple(seen for parcel in facts.parcels for seen in _reported(parcel)))


def _loss_limits(parcel: ParcelFacts, basis: Basis, *, international: bool) -> tuple[datetime, datetime]:
    """Give from when a parcel is suspected lost, and from when it counts as lost."""
    limits = basis.thresholds
    last_seen = parcel.last_scan_at or parcel.handed_over_at
    suspected_at = last_seen + (
        limits.loss_suspected_international if international else limits.loss_suspected_domestic
    )
    if parcel.last_scan_at is not None and parcel.carrier_estimate is not None:
        silent_past_estimate = max(parcel.carrier_estimate, parcel.last_scan_at) + limits.loss_past_estimate
        suspected_at = min(suspected_at, silent_past_estimate)
    return suspected_at, last_seen + (limits.lost_international if international else limits.lost_domestic)


def _loss(parcel: ParcelFacts, now: datetime, basis: Basis, *, international: bool) -> Look:
    if parcel.ended and parcel.position is not Position.LOST:
        return NOTHING
    suspected_at, lost_at = _loss_limits(parcel, basis, international=international)
    evidence: dict[str, Scalar] = {
        "last_scan_at": _iso(parcel.last_scan_at),
        "handed_over_at": parcel.handed_over_at.isoformat(),
        "carrier_estimate": _iso(parcel.carrier_estimate),
        "carrier": parcel.carrier,
        "confirmed_by_carrier": parcel.position is Position.LOST,
    }
    if parcel.position is Position.LOST or now > lost_at:
        return Look((Seen(_subject(parcel), Level.CONFIRMED, evidence, kind=ExceptionKind.LOST),))
    if parcel.position in _AWAITS_PICKUP:
        return NOTHING
    if now > suspected_at or "loss_suspected" in parcel.flags:
        return Look((Seen(_subject(parcel), Level.SUSPECTED, evidence, _silenced(parcel, basis)),), lost_at + _MOMENT)
    return Look(again_at=suspected_at + _MOMENT)


def loss(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See a parcel nobody has seen for too long (suspected), then one its carrier or its silence calls lost."""
    return combine((_loss(parcel, now, basis, international=facts.international) for parcel in facts.parcels), now)


def returned(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See a parcel on its way back to us: refused or unclaimed."""
    return Look(
        tuple(
            Seen(_subject(parcel), Level.CONFIRMED, {"position": parcel.position.value, "carrier": parcel.carrier})
            for parcel in facts.parcels
            if parcel.position in GOING_BACK
        )
    )


def delivery_problem(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See a parcel its carrier cannot deliver, and that stays with it until somebody says what to do."""
    return Look(
        tuple(
            Seen(_subject(parcel), Level.CONFIRMED, {"attempts": parcel.attempts, "carrier": parcel.carrier})
            for parcel in facts.parcels
            if parcel.position is Position.UNDELIVERABLE
        )
    )


def carrier_hold(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See a parcel its carrier holds, e.g. at customs; one held for its address is a problem of the address."""
    return Look(
        tuple(
            Seen(_subject(parcel), Level.CONFIRMED, _last_seen(parcel))
            for parcel in facts.parcels
            if "on_hold" in parcel.flags and "address_problem" not in parcel.flags and not parcel.ended
        )
    )


def unknown_code(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See a parcel of which its carrier said last what nobody can read: a person finds out, no rule guesses."""
    return Look(
        tuple(
            Seen(_subject(parcel), Level.CONFIRMED, _last_seen(parcel))
            for parcel in facts.parcels
            if "unmapped" in parcel.flags and not parcel.ended
        )
    )


def voided_label_used(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See a parcel that travels on a label that was given back: the warehouse's books or the carrier's are wrong."""
    return Look(
        tuple(
            Seen(_subject(parcel), Level.CONFIRMED, _last_seen(parcel))
            for parcel in facts.parcels
            if "voided_label_used" in parcel.flags and not parcel.ended
        )
    )


def feed_silent(feed: CarrierFeed, now: datetime, basis: Basis) -> Look:
    """See that a carrier's whole feed says nothing for longer than its p99 gap."""
    if feed.parcels_underway < basis.thresholds.feed_silent_parcels:
        return NOTHING
    usual = basis.history.look_up(Stage.FEED_GAP, feed.carrier).quantile(0.99)
    silent_from = max(after_hours(feed.last_event_at, usual), feed.last_event_at + basis.thresholds.feed_silent_floor)
    if now <= silent_from:
        return Look(again_at=silent_from + _MOMENT)
    evidence: dict[str, Scalar] = {
        "last_event_at": feed.last_event_at.isoformat(),
        "usual_p99_hours": round(usual, 2),
        "parcels_underway": feed.parcels_underway,
    }
    return Look((Seen(Subject(SubjectKind.CARRIER, feed.carrier), Level.CONFIRMED, evidence),))
