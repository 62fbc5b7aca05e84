"""States of reservations and inbounds, how long each may last, and what unblocks it."""

from datetime import timedelta
from enum import StrEnum

from shared.states import Rule, TransitionTable


class ReservationState(StrEnum):
    """Where units of an order line stand in stock."""

    REQUESTED = "requested"
    SOFT_RESERVED = "soft_reserved"
    ALLOCATED = "allocated"
    BACKORDERED = "backordered"
    REALLOCATING = "reallocating"
    CONSUMED = "consumed"
    EXPIRED = "expired"
    RELEASED = "released"


class InboundState(StrEnum):
    """Where an expected delivery to a location stands."""

    ANNOUNCED = "announced"
    ARRIVED = "arrived"
    RECEIVING = "receiving"
    CLOSED = "closed"


R = ReservationState
I = InboundState  # noqa: E741 - the table below reads like the design's

RESERVATIONS = TransitionTable(
    ReservationState,
    {
        R.REQUESTED: Rule(
            to=frozenset({R.SOFT_RESERVED, R.ALLOCATED, R.BACKORDERED, R.RELEASED}),
            dwell=timedelta(minutes=15),
            holder="inventory",
            unblock="inventory reserves the order",
        ),
        R.SOFT_RESERVED: Rule(
            to=frozenset({R.ALLOCATED, R.EXPIRED, R.RELEASED, R.REALLOCATING}),
            dwell=timedelta(days=14),
            holder="storefront",
            unblock="the storefront reports the payment; else the reservation expires",
        ),
        R.ALLOCATED: Rule(
            to=frozenset({R.CONSUMED, R.RELEASED, R.REALLOCATING}),
            dwell=timedelta(days=14),
            holder="orders",
            unblock="orders releases the units to the warehouse, which hands them over",
        ),
        R.BACKORDERED: Rule(
            to=frozenset({R.SOFT_RESERVED, R.ALLOCATED, R.RELEASED, R.EXPIRED}),
            dwell=timedelta(days=30),
            holder="stock",
            unblock="stock is received, or the units are cancelled",
        ),
        R.REALLOCATING: Rule(
            to=frozenset({R.SOFT_RESERVED, R.ALLOCATED, R.BACKORDERED, R.RELEASED}),
            dwell=timedelta(minutes=15),
            holder="inventory",
            unblock="inventory finds other stock",
        ),
        R.CONSUMED: Rule(to=frozenset()),
        R.EXPIRED: Rule(
            to=frozenset({R.REQUESTED, R.RELEASED}),
            dwell=timedelta(days=2),
            holder="orders",
            unblock="orders cancels the unpaid order, or its payment arrives after all and stock is sought again",
        ),
        R.RELEASED: Rule(to=frozenset()),
    },
)

INBOUNDS = TransitionTable(
    InboundState,
    {
        I.ANNOUNCED: Rule(
            to=frozenset({I.ARRIVED, I.RECEIVING, I.CLOSED}),
            dwell=timedelta(days=90),
            holder="supplier",
            unblock="the delivery arrives; else reschedule or close it",
        ),
        I.ARRIVED: Rule(
            to=frozenset({I.RECEIVING, I.CLOSED}),
            dwell=timedelta(days=1),
            holder="warehouse",
            unblock="receive its units",
        ),
        I.RECEIVING: Rule(
            to=frozenset({I.CLOSED}),
            dwell=timedelta(days=2),
            holder="warehouse",
            unblock="close the inbound; over and short are recorded",
        ),
        I.CLOSED: Rule(to=frozenset()),
    },
)

HOLDING_STOCK = frozenset({R.SOFT_RESERVED, R.ALLOCATED})
"""States whose units are counted in stock's `reserved`."""

WAITING = frozenset({R.REQUESTED, R.BACKORDERED, R.REALLOCATING})
"""States whose units still need stock."""

ENDED = frozenset({R.EXPIRED, R.RELEASED})
"""States whose units were given back."""
