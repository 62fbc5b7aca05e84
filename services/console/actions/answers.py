"""What an agent answers, in plain words: where it is, whether in time, why, what happens next. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.console.actions.orders import Known
from services.console.schemas import Order, Shipment, Trouble
from services.console.wording import say

_POSITIONS: Mapping[str, str] = {
    "handed_over": "handed to {carrier}, which has not scanned it yet",
    "picked_up": "with {carrier}",
    "in_transit": "on its way with {carrier}",
    "out_for_delivery": "out for delivery with {carrier}",
    "available_for_pickup": "waiting at the pick-up point of {carrier}",
    "delivery_attempted": "back at {carrier} after an attempt to deliver it",
    "returning_to_sender": "on its way back to us",
    "returned_to_sender": "back with us",
    "lost": "lost: {carrier} cannot find it",
    "undeliverable": "held by {carrier}, which cannot deliver it",
    "delivered": "delivered",
}
INSIDE: Mapping[str, str] = {
    "unfulfilled": "We have the order and are reserving its items.",
    "backordered": "It waits for stock.",
    "allocated": "It is in the warehouse, next to be picked.",
    "picking": "It is being picked and packed.",
    "packed": "It is packed and waits for the carrier.",
    "partially_shipped": "A part of it has left us.",
    "shipped": "It has left us.",
    "partially_delivered": "A part of it is delivered.",
    "delivered": "It is delivered.",
}
_ENDS: Mapping[str, str] = {
    "cancelled": "The order is cancelled.",
    "rejected": "The order was refused.",
}
_ENDED: Mapping[str, str] = {"cancelled": "Cancelled", "rejected": "Refused"}
# What is worst comes first: it is the reason that is told.
REASONS: Mapping[str, str] = {
    "lost": "The carrier has lost the parcel.",
    "damage": "The parcel was damaged on its way.",
    "not_received": "It was scanned as delivered, but the customer did not receive it.",
    "wrong_item": "Something else arrived than was ordered.",
    "missing_item": "Something was missing in the parcel.",
    "returned_to_sender": "The parcel came back to us.",
    "delivery_problem": "The carrier cannot deliver the parcel.",
    "carrier_hold": "The carrier holds the parcel, as customs do, until something is settled.",
    "address_problem": "The address needs a correction.",
    "loss_suspected": "The parcel may be lost; the carrier is searching.",
    "short_pick": "An item was missing at its shelf.",
    "backorder_slip": "Goods we wait for come later than announced.",
    "promise_breached": "It did not arrive on the promised day.",
    "failed_attempt": "The carrier could not hand the parcel over at the door.",
    "stalled": "The carrier has not scanned the parcel for days.",
    "no_first_scan": "The carrier has not scanned the parcel since we handed it over.",
    "transit_risk": "The carrier is slower than planned.",
    "fulfilment_overdue": "It did not leave our warehouse in time.",
    "preship_risk": "Our warehouse needs longer than planned.",
    "voided_label_used": "A label that we gave back is in use: we find out which parcel travels on it.",
    "no_consent": "Nobody agreed to the new date in time.",
    "unknown_code": "The carrier reported something that we cannot read yet: a person finds out what it means.",
    "feed_silent": "The carrier sends no news of any parcel at the moment.",
    "stuck_flow": "One of our steps takes longer than it should.",
}
# Why the date in force is later than the first one, where no trouble says so: by whose part of the way it slipped.
_SLIPPED: Mapping[str, str] = {
    "stock": "Some of its goods come later than planned.",
    "warehouse": "Our warehouse needs longer than planned.",
    "carrier": "The carrier needs longer than planned.",
    "customer": "The date was changed as the customer asked.",
}
# What a customer is told in other words than staff, who read of them as somebody else.
TOLD: Mapping[str, str] = {
    "not_received": "You told us that you did not receive it.",
    "voided_label_used": "We are finding out with the carrier where the parcel is.",
    "unknown_code": "The carrier has news that we do not understand yet; we are asking what it means.",
    "no_consent": "We have not heard from you about the new date in time.",
}
# Why an order is held, to its customer: what we suspect is not theirs to read.
TOLD_HOLDS: Mapping[str, str] = {
    "fraud": "We are checking the order before we send it.",
    "manual": "We are checking the order before we send it.",
    "address": "We are checking the address before we send it.",
    "payment": "We wait for the payment.",
    "possible_duplicate": "We are checking whether it was ordered twice by mistake.",
    "customer_request": "It waits, as you asked.",
}
_REPAIRS: Mapping[tuple[str, str], str] = {
    ("reship", "executed"): "A replacement was sent.",
    ("reship", "waiting"): "A replacement is being prepared.",
    ("refund", "executed"): "The money was paid back.",
    ("refund", "waiting"): "The money is being paid back.",
    ("shipping_refund", "executed"): "The shipping costs were paid back.",
    ("goodwill_credit", "executed"): "A credit was granted.",
}
RISKS: Mapping[str, tuple[str, str]] = {
    "at_risk": ("May be late", "warn"),
    "suspected": ("May be late", "warn"),
    "predicted": ("Will be late", "warn"),
    "breached": ("Late", "bad"),
    "confirmed": ("Needs a remedy", "bad"),
}
_NAMED: Mapping[str, str] = {
    "lost": "Lost",
    "damage": "Damaged",
    "not_received": "Not received",
    "missing_item": "Something is missing",
    "returned_to_sender": "Came back",
}
_LEVELS = ("confirmed", "breached", "predicted", "suspected", "at_risk")
_HOLDERS: Mapping[str, str] = {
    "agent": "Customer care", "customer": "The customer", "carrier": "The carrier", "warehouse": "The warehouse",
    "inventory": "The warehouse", "orders": "We", "shipping": "We", "storefront": "The shop",
    "care_lead": "A care lead", "operator": "An operator",
}  # fmt: skip


OUTCOMES: Mapping[str, str] = {
    "pending": "asked for; not answered yet",
    "cancelled": "cancelled",
    "put_back_pending": "cancelled, and goes back to its shelf",
    "intercept_requested": "asked back from the carrier",
    "refused_shipped": "too late: it has left, and can be sent back",
}
_BY_CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Units that somebody asked to cancel, and what became of them."""

    quantity: int
    article: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The strip at the top of an order: short sentences, each of one thing."""

    where: str
    told_where: str
    """Where it is, as the customer is told it."""
    seen_at: datetime | None
    risk: str
    tone: str
    reason: str
    told_reason: str
    """The reason as the customer is told it."""
    repair: str
    next_who: str
    next_what: str
    next_by: datetime | None
    first_promise: datetime
    promise: datetime
    is_over: bool
    delivered_at: datetime | None
    is_doubted: bool
    """Whether the customer says that what the carrier calls delivered is not there."""
    is_overdue: bool
    """Whether the promised day is over, so that it is promised no more."""
    heard_by: datetime | None
    """By when the customer hears a new date, where a case says so."""
    cancelled: list[Cancelled]
    told_next: str
    """What happens next by itself, as the customer is told it; empty where something else is said of it."""
    leaves_by: datetime | None
    """By when it is to leave the house, while it lies there and that is to come."""

    @property
    def is_revised(self) -> bool:
        """Whether the customer was told another date than at first."""
        return self.first_promise != self.promise

    @property
    def is_later(self) -> bool:
        """Whether the date is later than the first one."""
        return self.promise > self.first_promise


def answer(known: Known) -> Answer:
    """Say in a few sentences what a caller wants to know."""
    order, trouble = known.order, leading(known.troubles)
    where, seen_at = _where(order)
    cancelling, is_doubted = _cancelling(order), trouble is not None and trouble.kind == "not_received"
    risk, tone = _risk(known, trouble)
    who, what, by = _next(known)
    return Answer(
        where=say(cancelling[0]) if cancelling else where,
        told_where=say(cancelling[1]) if cancelling else say(_DOUBTED) if is_doubted else where,
        seen_at=seen_at,
        risk=risk,
        tone=tone,
        reason=_reason(known, trouble),
        told_reason=_told_reason(known, trouble),
        repair=next(filter(None, (_REPAIRS.get((one.kind, one.state)) for one in reversed(order.remedies))), ""),
        next_who=who,
        next_what=what,
        next_by=by,
        first_promise=known.promises[0].deliver_by_latest if known.promises else order.promise.deliver_by_latest,
        promise=order.promise.deliver_by_latest,
        is_over=known.is_ended,
        delivered_at=seen_at if known.is_delivered else None,
        is_doubted=is_doubted,
        is_overdue=known.is_overdue,
        heard_by=known.heard_by,
        cancelled=_cancelled(order),
        told_next=_told_next(known),
        leaves_by=_leaves_by(known),
    )


_DOUBTED = "The carrier says it was delivered."
_CANCELLING: Mapping[bool, tuple[str, str]] = {
    True: (
        "The customer asked to cancel it; what becomes of each item is not known yet.",
        "You asked to cancel it; we tell you here what becomes of it.",
    ),
    False: (
        "It is being cancelled; what becomes of each item is not known yet.",
        "It is being cancelled; we tell you here what becomes of it.",
    ),
}


def _cancelling(order: Order) -> tuple[str, str] | None:
    """Say to staff and to the customer that all that is still with us was asked to be cancelled; else None."""
    asked = [wish for wish in order.cancellations if wish.status == "pending"]
    units = Counter[UUID]()
    for wish in asked:
        units.update({unit.line_id: unit.quantity for unit in wish.lines})
    left = [line for line in order.lines if line.inside]
    if not asked or not left or any(line.inside > units[line.id] for line in left):
        return None
    return _CANCELLING[any(wish.reason == _BY_CUSTOMER for wish in asked)]


def _cancelled(order: Order) -> list[Cancelled]:
    names, units = {line.id: line.name for line in order.lines}, Counter[tuple[UUID, str]]()
    for wish in order.cancellations:
        units.update({(unit.line_id, unit.outcome): unit.quantity for unit in wish.lines})
    return [
        Cancelled(count, names.get(line_id, ""), say(OUTCOMES.get(outcome, outcome.replace("_", " "))))
        for (line_id, outcome), count in units.items()
    ]


def leading(troubles: Sequence[Trouble]) -> Trouble | None:
    """Give the trouble that is told: the worst kind, then the surest."""
    kinds = list(REASONS)
    return min(
        (one for one in troubles if one.cleared_at is None),
        key=lambda one: (
            kinds.index(one.kind) if one.kind in kinds else len(kinds),
            _LEVELS.index(one.level) if one.level in _LEVELS else len(_LEVELS),
        ),
        default=None,
    )


def _where(order: Order) -> tuple[str, datetime | None]:
    if order.status in _ENDS:
        return say(_ENDS[order.status]), None
    shipped = [one for one in order.shipments if one.status in _POSITIONS]
    if not shipped:
        return say(INSIDE[order.fulfilment_status]), None
    undelivered = [one for one in shipped if one.status != "delivered"]
    one = max(undelivered or shipped, key=lambda each: each.last_scan_at or each.handed_over_at or order.placed_at)
    subject = _subject(len(order.shipments), len(shipped), len(undelivered))
    return say("{parcels} {position}.", parcels=subject, position=_position(one)), one.delivered_at or one.last_scan_at


def _subject(all_parcels: int, shipped: int, undelivered: int) -> str:
    if all_parcels == 1:
        return say("It is")
    if undelivered == 0:
        return say("All {count} parcels are", count=all_parcels) if shipped == all_parcels else say("The first part is")
    if shipped == undelivered:
        return say("The parcel is")
    counts = {"delivered": shipped - undelivered, "count": all_parcels}
    return say("{delivered} of {count} parcels are delivered; the next one is", **counts)


def _position(parcel: Shipment) -> str:
    said = say(_POSITIONS[parcel.status], carrier=parcel.carrier or say("the carrier"))
    seen = parcel.last_place.city and parcel.status not in {"handed_over", "delivered", "lost", "returned_to_sender"}
    return say("{position}, last seen in {town}", position=said, town=_town(parcel.last_place.city)) if seen else said


def _town(city: str) -> str:
    return city.title() if city.isupper() else city


def _risk(known: Known, trouble: Trouble | None) -> tuple[str, str]:
    order = known.order
    if order.status in _ENDS:
        return _ENDED[order.status], ""
    if order.status == "completed" and order.fulfilment_status == "delivered" and trouble is None:
        return ("Delivered late", "warn") if order.promise.outcome == "broken" else ("Delivered on time", "ok")
    if trouble is not None:
        said, tone = RISKS.get(trouble.level, ("Has trouble", "warn"))
        return (_NAMED[trouble.kind], "bad") if trouble.kind in _NAMED else (said, tone)
    return _standing(known)


def _standing(known: Known) -> tuple[str, str]:
    """Say how an order without trouble stands."""
    order = known.order
    if _cancelling(order) is not None:
        return "Being cancelled", "warn"
    if known.is_overdue:
        return "Late", "bad"
    if order.holds:
        return "On hold", "warn"
    return ("New date", "warn") if _slipped(known) is not None else ("On track", "ok")


def _reason(known: Known, trouble: Trouble | None) -> str:
    if trouble is not None and trouble.kind in {parcel.status for parcel in known.order.shipments}:
        return ""  # where it is has said so
    if trouble is not None:
        return REASONS.get(trouble.kind, trouble.kind.replace("_", " "))
    if known.order.holds:
        return say("It is on hold: {reason}.", reason=known.order.holds[0].reason.replace("_", " "))
    blocking = known.explanation.blocking
    if blocking is not None and blocking.overdue:
        return REASONS["stuck_flow"]
    return _SLIPPED.get(_slipped(known) or "", "")


def _told_reason(known: Known, trouble: Trouble | None) -> str:
    if trouble is not None and trouble.kind in TOLD:
        return TOLD[trouble.kind]
    if trouble is None and known.order.holds:
        return TOLD_HOLDS[known.order.holds[0].reason]
    return _reason(known, trouble)


def _slipped(known: Known) -> str | None:
    """Say by whose part the date of an order on its way moved to a later one; None when it did not."""
    if known.is_ended or not known.promises:
        return None
    first, last = known.promises[0], known.promises[-1]
    return last.attributed_to if last.deliver_by_latest > first.deliver_by_latest else None


def _next(known: Known) -> tuple[str, str, datetime | None]:
    cases = sorted(known.open_cases, key=lambda case: case.priority)
    case = next((case for case in cases if case.next_action), None)
    if case is not None:
        return _holder(case.next_action_by), case.next_action, case.next_action_due
    blocking = known.explanation.blocking
    if known.is_ended or blocking is None:
        step = known.order.next_step
        return "", say("nothing more to do") if known.is_ended else step.what, None if known.is_ended else step.by
    if blocking.stage == "cancellation":
        return _holder(blocking.holder), blocking.unblock, blocking.due_at
    return _holder(blocking.holder), known.order.next_step.what, blocking.due_at or known.order.next_step.by


def _told_next(known: Known) -> str:
    """Say what happens next by itself, to the customer; nothing where something else is said of it."""
    is_said = known.is_ended or known.is_delivered or known.is_overdue or bool(known.order.holds)
    if is_said or known.open_cases or known.troubles or _cancelling(known.order) is not None:
        return ""
    return say(known.order.next_step.what)


def _leaves_by(known: Known) -> datetime | None:
    by = known.order.promise.ship_by
    is_inside = any(line.inside for line in known.order.lines)
    return by if is_inside and by > known.at and not known.is_ended else None


def _holder(named: str) -> str:
    if named in _HOLDERS:
        return say(_HOLDERS[named])
    return (named.partition(":")[2] or named.replace("_", " ")).capitalize()
