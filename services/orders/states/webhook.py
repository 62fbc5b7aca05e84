"""A storefront's webhook endpoint and each delivery to it."""

from datetime import timedelta
from enum import StrEnum

from shared.states import Rule, TransitionTable


class EndpointState(StrEnum):
    """Whether we deliver there."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    """One event on its way to one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


DELIVERY = TransitionTable(
    DeliveryState,
    {
        DeliveryState.PENDING: Rule(
            to=frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED}),
            dwell=timedelta(days=1),
            holder="storefront",
            unblock="the endpoint answers 2xx; the feed under /v1/events has the event as well",
        ),
        DeliveryState.DELIVERED: Rule(to=frozenset()),
        DeliveryState.FAILED: Rule(to=frozenset()),  # sending it again is a delivery of its own
    },
)
