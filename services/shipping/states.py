"""Shipment states: one table of moves, dwell and remedies, and the pure fold of a carrier's facts over it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.events.base import Progress


class ShipmentStatus(StrEnum):
    """Where a shipment stands, from planning to its end."""

    PENDING = "pending"
    BOOKING = "booking"
    BOOKING_UNKNOWN = "booking_unknown"
    BOOKING_FAILED = "booking_failed"
    LABEL_PURCHASED = "label_purchased"
    VOID_REQUESTED = "void_requested"
    VOIDED = "voided"
    VOID_REFUSED = "void_refused"
    HANDED_OVER = "handed_over"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_ATTEMPTED = "delivery_attempted"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERED = "delivered"
    DELIVERY_CORRECTED = "delivery_corrected"
    UNDELIVERABLE = "undeliverable"
    RETURNING_TO_SENDER = "returning_to_sender"
    RETURNED_TO_SENDER = "returned_to_sender"
    LOST = "lost"


class Flag(StrEnum):
    """What is true of a parcel beside its position, since it keeps moving meanwhile."""

    DELAYED = "delayed"
    ON_HOLD = "on_hold"
    DAMAGED = "damaged"
    VOIDED_LABEL_USED = "voided_label_used"


class CarrierException(StrEnum):
    """What a carrier's own code says went wrong."""

    DELAY = "delay"
    HOLD = "hold"
    ADDRESS_PROBLEM = "address_problem"
    FAILED_ATTEMPT = "failed_attempt"
    REFUSED = "refused"
    DAMAGE = "damage"
    LOST = "lost"
    LOSS_SUSPECTED = "loss_suspected"
    DELIVERY_PROBLEM = "delivery_problem"
    RETURNED = "returned"
    UNMAPPED = "unmapped"


S = ShipmentStatus

# In the order of a parcel's usual way; it also breaks ties between scans of the same second.
POSITIONS: tuple[ShipmentStatus, ...] = (
    S.PICKED_UP,
    S.IN_TRANSIT,
    S.OUT_FOR_DELIVERY,
    S.DELIVERY_ATTEMPTED,
    S.AVAILABLE_FOR_PICKUP,
    S.UNDELIVERABLE,
    S.LOST,
    S.DELIVERED,
    S.RETURNING_TO_SENDER,
    S.RETURNED_TO_SENDER,
)
_ON_THE_WAY = frozenset(POSITIONS)
_AT_THE_DOOR = frozenset({S.OUT_FOR_DELIVERY, S.DELIVERY_ATTEMPTED, S.AVAILABLE_FOR_PICKUP})
_ENDINGS = frozenset({S.DELIVERED, S.UNDELIVERABLE, S.LOST, S.RETURNING_TO_SENDER, S.RETURNED_TO_SENDER})


@dataclass(frozen=True, slots=True)
class StateRule:
    """One row of the table: who may move it where, how long it may stay, and what unblocks it."""

    own: frozenset[ShipmentStatus]
    """Legal moves of our own services and people."""
    carrier: frozenset[ShipmentStatus]
    """Positions that lead forward from here when a carrier reports them, missing steps not invented."""
    dwell: timedelta | None
    """Longest stay in business time; None where the shipment rests."""
    holder: str
    unblock: str


def _rule(
    own: Iterable[ShipmentStatus] = (),
    carrier: Iterable[ShipmentStatus] = (),
    *,
    dwell: timedelta | None = None,
    holder: str = "",
    unblock: str = "",
) -> StateRule:
    return StateRule(frozenset(own), frozenset(carrier), dwell, holder, unblock)


_REPAIRS = _ON_THE_WAY - {S.PICKED_UP}

STATES: dict[ShipmentStatus, StateRule] = {
    S.PENDING: _rule(
        {S.BOOKING, S.VOIDED},
        dwell=timedelta(minutes=30),
        holder="shipping",
        unblock="the booking job buys the label; resume booking or retry it",
    ),
    S.BOOKING: _rule(
        {S.PENDING, S.LABEL_PURCHASED, S.BOOKING_UNKNOWN, S.BOOKING_FAILED},
        dwell=timedelta(minutes=15),
        holder="shipping",
        unblock="the carrier answers, or the booking job asks it",
    ),
    S.BOOKING_UNKNOWN: _rule(
        {S.PENDING, S.BOOKING, S.LABEL_PURCHASED, S.BOOKING_FAILED},
        dwell=timedelta(minutes=30),
        holder="carrier",
        unblock="the booking job asks the carrier whether it sold the label",
    ),
    S.BOOKING_FAILED: _rule(
        {S.PENDING, S.VOIDED},
        dwell=timedelta(hours=4),
        holder="staff",
        unblock="correct what the carrier refused, then retry the booking",
    ),
    S.LABEL_PURCHASED: _rule(
        {S.HANDED_OVER, S.VOID_REQUESTED},
        _ON_THE_WAY | {S.VOIDED},
        dwell=timedelta(days=2),
        holder="warehouse",
        unblock="scan the parcel at hand-over, or void the label",
    ),
    S.VOID_REQUESTED: _rule(
        {S.VOIDED, S.VOID_REFUSED, S.PENDING, S.HANDED_OVER},
        _ON_THE_WAY | {S.VOIDED},
        dwell=timedelta(days=30),
        holder="carrier",
        unblock="the carrier settles the refund",
    ),
    # A parcel may leave under a label that was given back: it is followed, and flagged.
    S.VOIDED: _rule({S.PENDING, S.HANDED_OVER}, _ON_THE_WAY),
    S.VOID_REFUSED: _rule(
        {S.PENDING, S.VOID_REQUESTED, S.HANDED_OVER},
        _ON_THE_WAY | {S.VOIDED},
        dwell=timedelta(days=2),
        holder="staff",
        unblock="ask for the void again, or close the parcel again for a new label",
    ),
    S.HANDED_OVER: _rule(
        _REPAIRS | {S.PICKED_UP},
        _ON_THE_WAY,
        dwell=timedelta(days=2),
        holder="carrier",
        unblock="the carrier's first scan; ask the carrier or count the dock",
    ),
    S.PICKED_UP: _rule(
        _REPAIRS,
        _ON_THE_WAY - {S.PICKED_UP},
        dwell=timedelta(days=5),
        holder="carrier",
        unblock="the next scan; ask the carrier to trace",
    ),
    S.IN_TRANSIT: _rule(
        _REPAIRS - {S.IN_TRANSIT},
        _AT_THE_DOOR | _ENDINGS,
        dwell=timedelta(days=21),
        holder="carrier",
        unblock="the next scan; ask the carrier to trace",
    ),
    S.OUT_FOR_DELIVERY: _rule(
        _REPAIRS - {S.OUT_FOR_DELIVERY},
        (_AT_THE_DOOR | _ENDINGS) - {S.OUT_FOR_DELIVERY},
        dwell=timedelta(days=3),
        holder="carrier",
        unblock="the delivery scan; ask the carrier",
    ),
    S.DELIVERY_ATTEMPTED: _rule(
        _REPAIRS - {S.DELIVERY_ATTEMPTED},
        (_AT_THE_DOOR | _ENDINGS) - {S.DELIVERY_ATTEMPTED},
        dwell=timedelta(days=5),
        holder="carrier",
        unblock="the next attempt, or the recipient arranges one",
    ),
    S.AVAILABLE_FOR_PICKUP: _rule(
        _REPAIRS - {S.AVAILABLE_FOR_PICKUP},
        (_AT_THE_DOOR | _ENDINGS) - {S.AVAILABLE_FOR_PICKUP},
        dwell=timedelta(days=14),
        holder="recipient",
        unblock="the recipient collects the parcel, or it goes back",
    ),
    S.DELIVERED: _rule({S.DELIVERY_CORRECTED, S.RETURNING_TO_SENDER}, {S.RETURNING_TO_SENDER}),
    S.DELIVERY_CORRECTED: _rule(
        _REPAIRS,
        _ON_THE_WAY - {S.PICKED_UP},
        dwell=timedelta(days=5),
        holder="carrier",
        unblock="the next scan; ask the carrier where the parcel is",
    ),
    S.UNDELIVERABLE: _rule(
        _REPAIRS - {S.UNDELIVERABLE},
        _ON_THE_WAY - {S.PICKED_UP, S.UNDELIVERABLE},
        dwell=timedelta(days=7),
        holder="carrier",
        unblock="ask the carrier: another attempt, a corrected address, or a return",
    ),
    S.RETURNING_TO_SENDER: _rule(
        {S.RETURNED_TO_SENDER, S.LOST, S.DELIVERED, S.IN_TRANSIT},
        {S.RETURNED_TO_SENDER, S.LOST},
        dwell=timedelta(days=30),
        holder="carrier",
        unblock="our receiving scan of the returned parcel",
    ),
    S.RETURNED_TO_SENDER: _rule({S.DELIVERY_CORRECTED}),
    # A lost parcel may come back to life: care settles what that means for the customer.
    S.LOST: _rule(_REPAIRS - {S.LOST}, _ON_THE_WAY - {S.PICKED_UP, S.LOST}),
}

RESTING: frozenset[ShipmentStatus] = frozenset(status for status, rule in STATES.items() if rule.dwell is None)
LABEL_LIVE: frozenset[ShipmentStatus] = frozenset(STATES) - {
    S.PENDING,
    S.BOOKING,
    S.BOOKING_UNKNOWN,
    S.BOOKING_FAILED,
    S.VOID_REQUESTED,
    S.VOIDED,
    S.VOID_REFUSED,
}
ON_ITS_WAY: frozenset[ShipmentStatus] = (_ON_THE_WAY | {S.HANDED_OVER, S.DELIVERY_CORRECTED}) - RESTING


def may_move(current: ShipmentStatus, target: ShipmentStatus) -> bool:
    """Say whether our own services or people may move a shipment from `current` to `target`."""
    return target in STATES[current].own


def forward(current: ShipmentStatus, reported: ShipmentStatus) -> ShipmentStatus | None:
    """Give the position a carrier's report leads to, or None when it belongs on the timeline only."""
    # The carrier has one word for both doors: a parcel on its way back is delivered to the sender.
    if current is S.RETURNING_TO_SENDER and reported is S.DELIVERED:
        reported = S.RETURNED_TO_SENDER
    return reported if reported in STATES[current].carrier else None


def due_at(status: ShipmentStatus, since: datetime) -> datetime | None:
    """Say when the longest stay in a state ends; None where the shipment rests."""
    dwell = STATES[status].dwell
    return since + dwell if dwell is not None else None


def progress_of(status: ShipmentStatus, since: datetime) -> Progress:
    """Describe a state for explain and for the stuck-flow rule."""
    rule = STATES[status]
    return Progress(
        step=status.value, holder=rule.holder, since=since, due_at=due_at(status, since), unblock=rule.unblock
    )


@dataclass(frozen=True, slots=True)
class CarrierFact:
    """One scan of a carrier in our words, or a repair by our staff, which is taken at its word."""

    occurred_at: datetime
    content: str
    """Digest of what was said: equal facts are one fact."""
    position: ShipmentStatus | None = None
    flags: frozenset[Flag] = frozenset()
    exception: CarrierException | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a set of facts says about a parcel, whatever the order they came in."""

    position: ShipmentStatus
    position_at: datetime | None = None
    flags: frozenset[Flag] = frozenset()
    failed_attempts: int = 0
    last_scan_at: datetime | None = None
    applied: frozenset[str] = field(default=frozenset())
    """Digests of the facts that moved the position; the others are on the timeline only."""


_DELAY_ENDS_AT = _AT_THE_DOOR | {S.DELIVERED, S.RETURNED_TO_SENDER}


def _flags_after(before: Standing, fact: CarrierFact, position: ShipmentStatus) -> frozenset[Flag]:
    flags = before.flags | fact.flags
    if fact.position is not None and Flag.ON_HOLD not in fact.flags:
        flags -= {Flag.ON_HOLD}
    if position in _DELAY_ENDS_AT and Flag.DELAYED not in fact.flags:
        flags -= {Flag.DELAYED}
    return flags


def advance(before: Standing, fact: CarrierFact) -> Standing:
    """Apply one fact: forward over any number of steps, else nothing but the timeline; never raises."""
    target = fact.position if fact.forced else None
    if target is None and fact.position is not None:
        target = forward(before.position, fact.position)
    position = target if target is not None else before.position
    attempted = fact.exception is CarrierException.FAILED_ATTEMPT
    return replace(
        before,
        position=position,
        position_at=fact.occurred_at if target is not None else before.position_at,
        flags=_flags_after(before, fact, position),
        failed_attempts=before.failed_attempts + attempted,
        last_scan_at=fact.occurred_at if fact.position in _ON_THE_WAY and not fact.forced else before.last_scan_at,
        applied=before.applied | {fact.content} if target is not None else before.applied,
    )


def _sort_key(fact: CarrierFact) -> tuple[datetime, bool, int, str]:
    rank = POSITIONS.index(fact.position) if fact.position in _ON_THE_WAY else -1
    return fact.occurred_at, fact.forced, rank, fact.content


def standing_after(start: ShipmentStatus, facts: Iterable[CarrierFact]) -> Standing:
    """Fold all facts known of a parcel in the order they occurred, each counted once.

    `start` is where our own acts left it: `label_purchased`, `handed_over` or a void. Ordering by
    occurrence here is what makes the answer independent of arrival (a shuffled or repeated webhook).
    """
    standing = Standing(start)
    unique = {fact.content: fact for fact in facts}
    for fact in sorted(unique.values(), key=_sort_key):
        standing = advance(standing, fact)
    return standing
