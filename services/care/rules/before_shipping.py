"""Rules on what is still in the house: no carrier event is needed to see a delay coming."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from services.care.clocks import next_open
from services.care.quantiles import Distribution, Stage
from services.care.rules.facts import Basis, FulfilmentFacts, LineFacts, OrderFacts, PromiseFacts
from services.care.rules.finding import NOTHING, Look, Scalar, Seen, Subject, SubjectKind, combine, earliest
from services.care.rules.lateness import (
    after_hours,
    chained_chance,
    hours_between,
    level_of,
    remaining_grid,
    slack_chance,
)
from services.care.states import Level

_DAY = timedelta(days=1)


def stage_of(fulfilment: FulfilmentFacts) -> tuple[Stage, datetime]:
    """Give the furthest stage the warehouse has reached, and since when."""
    if fulfilment.packed_at is not None:
        return Stage.PACKED, fulfilment.packed_at
    if fulfilment.started_at is not None:
        return Stage.PICKING, fulfilment.started_at
    return Stage.PLANNED, fulfilment.planned_at


def _cut_offs(fulfilment: FulfilmentFacts, ready: Iterable[datetime], basis: Basis) -> list[datetime]:
    """Give the truck that each of these times, which only grow, still reaches."""
    cut_offs, cut_off = [], fulfilment.cut_off_at
    for moment in ready:
        while cut_off < moment:
            cut_off = next_open(basis.carrier_days, cut_off + _DAY)
        cut_offs.append(cut_off)
    return cut_offs


def _work_left(fulfilment: FulfilmentFacts, basis: Basis) -> Distribution | None:
    """Give how long picking and packing take from here on; none once all is packed."""
    if fulfilment.packed_at is not None:
        return None
    stage = Stage.PACK if fulfilment.started_at is not None else Stage.PICK_AND_PACK
    return basis.history.look_up(stage, fulfilment.location)


def _fulfilment_hand_overs(fulfilment: FulfilmentFacts, now: datetime, basis: Basis) -> list[datetime]:
    """Give equally likely hand-over times; learned times already contain the wait for the truck."""
    stage, since = stage_of(fulfilment)
    queue = timedelta(seconds=fulfilment.queue_depth * basis.thresholds.seconds_per_queued_order)
    earliest_ready = now + queue if stage is Stage.PLANNED else now
    elapsed = hours_between(since, now)
    learned = basis.history.learned(stage, fulfilment.location)
    if learned is not None:
        return [max(earliest_ready, after_hours(now, hours)) for hours in remaining_grid(learned, elapsed)]
    work = _work_left(fulfilment, basis)
    hours_left = remaining_grid(work, elapsed) if work is not None else [0.0]
    return _cut_offs(fulfilment, (max(earliest_ready, after_hours(now, hours)) for hours in hours_left), basis)


def _unplanned_hand_overs(facts: OrderFacts, now: datetime, basis: Basis) -> list[datetime]:
    """Give equally likely hand-over times of units that no warehouse works on yet."""
    expected = [line.expected_at for line in facts.lines if line.backordered and line.expected_at is not None]
    start = max([facts.placed_at, *expected, *([facts.ship_after] if facts.ship_after else [])])
    history = basis.history.look_up(Stage.PLACED, facts.country)
    if start > now:
        return [after_hours(start, hours) for hours in remaining_grid(history, 0.0)]
    return [after_hours(now, hours) for hours in remaining_grid(history, hours_between(start, now))]


def _pieces(facts: OrderFacts, now: datetime, basis: Basis) -> list[list[datetime]]:
    waiting = [fulfilment for fulfilment in facts.fulfilments if fulfilment.handed_over_at is None]
    pieces = [_fulfilment_hand_overs(fulfilment, now, basis) for fulfilment in waiting]
    if not waiting or any(line.backordered for line in facts.lines):
        pieces.append(_unplanned_hand_overs(facts, now, basis))
    return pieces


def _preship_odds(
    facts: OrderFacts, promise: PromiseFacts, now: datetime, basis: Basis
) -> tuple[float, list[datetime]]:
    """Give the chance of a late arrival of the piece that stands worst, and its likely hand-over times."""
    transit = basis.history.look_up(Stage.TRANSIT, *facts.lane())
    chances = [(chained_chance(piece, transit, promise.deliver_by), piece) for piece in _pieces(facts, now, basis)]
    chance, hand_overs = max(chances, key=lambda found: found[0])
    slack = basis.history.learned(Stage.PROMISE_SLACK, facts.country)
    return chance if slack is None else min(chance, slack_chance(slack, now, promise.deliver_by)), hand_overs


def _preship_level(facts: OrderFacts, promise: PromiseFacts, now: datetime, basis: Basis) -> Level | None:
    return level_of(_preship_odds(facts, promise, now, basis)[0], basis.thresholds)


def _preship_evidence(facts: OrderFacts, promise: PromiseFacts, now: datetime, basis: Basis) -> dict[str, Scalar]:
    chance, hand_overs = _preship_odds(facts, promise, now, basis)
    transit = basis.history.look_up(Stage.TRANSIT, *facts.lane())
    return {
        "chance": round(chance, 3),
        "hand_over_p80": _p80(hand_overs).isoformat(),
        "transit_p80_hours": round(transit.quantile(0.8), 1),
        "promised_by": promise.deliver_by.isoformat(),
        "promise_revision": promise.revision,
        "learned": transit.learned,
        "samples": len(transit.hours) if transit.learned else 0,
    }


def _p80(moments: Sequence[datetime]) -> datetime:
    return sorted(moments)[int(0.8 * len(moments))]


def preship_risk(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See that units still in the house will miss the promise."""
    promise = facts.promise
    if promise is None or facts.units_in_house == 0 or now >= promise.deliver_by:
        return NOTHING
    level = _preship_level(facts, promise, now, basis)
    evidence = _preship_evidence(facts, promise, now, basis) if level else {}
    seen = (Seen(Subject(SubjectKind.ORDER, facts.order_id), level, evidence),) if level else ()
    if level is Level.PREDICTED:
        return Look(seen)
    return Look(seen, _next_preship_look(facts, promise, level, now, basis))


def _next_preship_look(
    facts: OrderFacts, promise: PromiseFacts, level: Level | None, now: datetime, basis: Basis
) -> datetime:
    """Find, to the half hour, when waiting alone changes the level; at the latest after the recheck time."""
    low, high = now, now + basis.thresholds.recheck
    if _preship_level(facts, promise, high, basis) == level:
        return high
    while high - low > timedelta(minutes=30):
        middle = low + (high - low) / 2
        changed = _preship_level(facts, promise, middle, basis) != level
        low, high = (low, middle) if changed else (middle, high)
    return high


def _p80_left(work: Distribution | None, elapsed: float) -> float:
    """Give the hours left; work that has waited longer than any before it still has to be done."""
    return (work.remaining(0.8, elapsed) or work.quantile(0.8)) if work is not None else 0.0


def _overdue(fulfilment: FulfilmentFacts, now: datetime, basis: Basis) -> Look:
    if fulfilment.handed_over_at is not None:
        return NOTHING
    stage, since = stage_of(fulfilment)
    remaining = _p80_left(_work_left(fulfilment, basis), hours_between(since, now))
    subject = Subject(SubjectKind.FULFILMENT, fulfilment.fulfilment_id)
    evidence: dict[str, Scalar] = {
        "location": fulfilment.location,
        "cut_off_at": fulfilment.cut_off_at.isoformat(),
        "stage": stage.value,
        "stage_since": since.isoformat(),
        "remaining_p80_hours": round(remaining, 2),
        "queue_depth": fulfilment.queue_depth,
    }
    if now > fulfilment.cut_off_at:
        return Look((Seen(subject, Level.BREACHED, evidence),))
    breach_at = fulfilment.cut_off_at + timedelta(seconds=1)
    risk_at = after_hours(fulfilment.cut_off_at, -remaining)
    if now > risk_at:
        return Look((Seen(subject, Level.AT_RISK, evidence),), breach_at)
    return Look((), min(breach_at, risk_at + timedelta(seconds=1)))


def fulfilment_overdue(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See that a location's cut-off is about to pass, or has passed, without the hand-over."""
    return combine((_overdue(fulfilment, now, basis) for fulfilment in facts.fulfilments), now)


def short_pick(facts: OrderFacts, _now: datetime, _basis: Basis) -> Look:
    """See units shorted at the shelf that no other bin or location serves; healed shorts are not in the facts."""
    return Look(
        tuple(
            Seen(
                Subject(SubjectKind.LINE, line.line_id),
                Level.CONFIRMED,
                {"short": line.short, "reason": line.short_reason, "expected_at": _iso(line.expected_at)},
            )
            for line in facts.lines
            if line.short
        )
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _slip(line: LineFacts, facts: OrderFacts, promise: PromiseFacts, basis: Basis) -> Seen | None:
    handling = basis.history.look_up(Stage.PLACED, facts.country)
    transit = basis.history.look_up(Stage.TRANSIT, *facts.lane())
    subject = Subject(SubjectKind.LINE, line.line_id)
    evidence: dict[str, Scalar] = {
        "backordered": line.backordered,
        "expected_at": _iso(line.expected_at),
        "promised_by": promise.deliver_by.isoformat(),
        "promise_revision": promise.revision,
    }
    if line.expected_at is None:
        return Seen(subject, Level.AT_RISK, {**evidence, "arrives_p50": None})
    arrives = {
        share: after_hours(line.expected_at, handling.quantile(share) + transit.quantile(share)) for share in (0.5, 0.8)
    }
    evidence |= {"arrives_p50": arrives[0.5].isoformat(), "arrives_p80": arrives[0.8].isoformat()}
    if arrives[0.5] > promise.deliver_by:
        return Seen(subject, Level.PREDICTED, evidence)
    return Seen(subject, Level.AT_RISK, evidence) if arrives[0.8] > promise.deliver_by else None


def backorder_slip(facts: OrderFacts, now: datetime, basis: Basis) -> Look:
    """See that the goods a line waits for come too late for the promise, or that nobody has announced any."""
    promise = facts.promise
    if promise is None or now >= promise.deliver_by:
        return NOTHING
    slips = (_slip(line, facts, promise, basis) for line in facts.lines if line.backordered)
    return Look(tuple(slip for slip in slips if slip is not None), earliest([promise.deliver_by], after=now))
