"""The order's own states, its holds, releases and cancellations: legal moves, dwell and what unblocks them."""

from datetime import datetime, timedelta
from enum import StrEnum

from services.orders.states.buckets import Buckets
from shared.events.base import Progress
from shared.states import Rule, TransitionTable


class ServiceLevel(StrEnum):
    """What a customer may choose."""

    ECONOMY = "economy"
    STANDARD = "standard"
    EXPRESS = "express"


class OrderState(StrEnum):
    """What is stored; everything else that is shown is derived."""

    PLACED = "placed"
    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


ORDER = TransitionTable(
    OrderState,
    {
        OrderState.PLACED: Rule(
            to=frozenset({OrderState.OPEN, OrderState.CANCELLED, OrderState.REJECTED}),
            dwell=timedelta(hours=1),
            holder="inventory",
            unblock="inventory reserves stock; if it does not, look at its parked events",
        ),
        OrderState.OPEN: Rule(
            to=frozenset({OrderState.COMPLETED, OrderState.CANCELLED}),
            dwell=timedelta(days=45),
            holder="warehouse",
            unblock="every unit is delivered, cancelled, lost, returned or written off",
        ),
        OrderState.COMPLETED: Rule(to=frozenset()),
        OrderState.CANCELLED: Rule(to=frozenset()),
        OrderState.REJECTED: Rule(to=frozenset()),
    },
)


class ReleaseState(StrEnum):
    """A release on its way to the warehouse's plan."""

    RELEASED = "released"
    PLANNED = "planned"


RELEASE = TransitionTable(
    ReleaseState,
    {
        ReleaseState.RELEASED: Rule(
            to=frozenset({ReleaseState.PLANNED}),
            dwell=timedelta(hours=1),
            holder="inventory",
            unblock="inventory plans the pick; if it does not, look at its parked events",
        ),
        ReleaseState.PLANNED: Rule(to=frozenset()),
    },
)


class HoldReason(StrEnum):
    """Why an order must wait."""

    FRAUD = "fraud"
    ADDRESS = "address"
    PAYMENT = "payment"
    POSSIBLE_DUPLICATE = "possible_duplicate"
    MANUAL = "manual"
    CUSTOMER_REQUEST = "customer_request"


class HoldState(StrEnum):
    """A hold's life."""

    OPEN = "open"
    RELEASED = "released"


HOLD = TransitionTable(
    HoldState,
    {
        HoldState.OPEN: Rule(
            to=frozenset({HoldState.RELEASED}),
            dwell=timedelta(hours=72),
            holder="support",
            unblock="release the hold or cancel the order",
        ),
        HoldState.RELEASED: Rule(to=frozenset()),
    },
)

_HOLDS: dict[HoldReason, tuple[str, timedelta, str]] = {
    HoldReason.FRAUD: ("risk", timedelta(hours=24), "decide the fraud check: release the hold or reject the order"),
    HoldReason.ADDRESS: ("support", timedelta(hours=48), "correct the address, then release the hold"),
    HoldReason.PAYMENT: ("storefront", timedelta(hours=24), "the storefront reports the payment"),
    HoldReason.POSSIBLE_DUPLICATE: ("support", timedelta(hours=24), "ask the customer; release the hold or cancel"),
    HoldReason.MANUAL: ("support", timedelta(hours=72), "who set the hold releases it"),
    HoldReason.CUSTOMER_REQUEST: ("customer", timedelta(hours=72), "the customer says go on, or cancels"),
}


def hold_progress(reason: HoldReason, since: datetime, due_at: datetime | None = None) -> Progress:
    """Describe a hold: who must act, until when, and how."""
    holder, dwell, unblock = _HOLDS[reason]
    return Progress(step=f"hold_{reason}", holder=holder, since=since, due_at=due_at or since + dwell, unblock=unblock)


class CancellationState(StrEnum):
    """A request to cancel: asked, then answered exactly once."""

    PENDING = "pending"
    ANSWERED = "answered"


CANCELLATION = TransitionTable(
    CancellationState,
    {
        CancellationState.PENDING: Rule(
            to=frozenset({CancellationState.ANSWERED}),
            dwell=timedelta(hours=1),
            holder="inventory",
            unblock="inventory answers what can still be cancelled",
        ),
        CancellationState.ANSWERED: Rule(to=frozenset()),
    },
)


class FulfilmentStatus(StrEnum):
    """How far the units are, derived from the buckets."""

    UNFULFILLED = "unfulfilled"
    BACKORDERED = "backordered"
    ALLOCATED = "allocated"
    PICKING = "picking"
    PACKED = "packed"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    PARTIALLY_DELIVERED = "partially_delivered"
    DELIVERED = "delivered"


def fulfilment_status(units: Buckets, *, picking: bool) -> FulfilmentStatus:
    """Derive the status shown from all lines' units; cancelled and written-off units do not count."""
    inside = units.inside
    outside = units.in_transit + units.lost + units.returned_to_sender
    if units.delivered:
        return FulfilmentStatus.PARTIALLY_DELIVERED if inside or outside else FulfilmentStatus.DELIVERED
    if outside:
        return FulfilmentStatus.PARTIALLY_SHIPPED if inside else FulfilmentStatus.SHIPPED
    return _status_inside(units, picking=picking)


def _status_inside(units: Buckets, *, picking: bool) -> FulfilmentStatus:
    if units.packed and not (units.picked or units.before_pick):
        return FulfilmentStatus.PACKED
    if units.backordered and not units.reserved:
        return FulfilmentStatus.BACKORDERED  # the warehouse has done what it can
    if units.picked or units.packed or (picking and units.before_pick):
        return FulfilmentStatus.PICKING
    if units.backordered:
        return FulfilmentStatus.BACKORDERED
    if units.reserved and not units.open:
        return FulfilmentStatus.ALLOCATED
    return FulfilmentStatus.UNFULFILLED
