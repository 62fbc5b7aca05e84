"""The storefront's feed and its webhooks."""

from datetime import datetime
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field

from shared.doors import Answer, Body

EventType = Literal[
    "order.placed", "order.on_hold", "order.backordered", "order.amended", "order.cancelled",
    "order.promise_revised", "order.completed", "shipment.created", "shipment.handed_over", "shipment.in_transit",
    "shipment.out_for_delivery", "shipment.available_for_pickup", "shipment.delivered", "shipment.exception",
    "shipment.returned", "refund.requested", "availability.changed",
]  # fmt: skip
EVENT_TYPES: frozenset[str] = frozenset(get_args(EventType))
Wanted = EventType | Literal["*"]


def _everything() -> list[Wanted]:
    return ["*"]


def _callable(url: str) -> str:
    parts = urlsplit(url)  # raises ValueError for a broken host
    if not parts.hostname or parts.port == 0:  # raises ValueError for a port beyond the last
        raise ValueError("names no host and port")
    return url


WebhookUrl = Annotated[
    str, Field(min_length=10, max_length=500, pattern=r"^https?://[^\s/?#@]+(/[^\s#]*)?$"), AfterValidator(_callable)
]


class CreateEndpoint(Body):
    """Where to send which events; `*` is every event but availability.changed, which is asked for by name."""

    url: WebhookUrl
    events: Annotated[list[Wanted], Field(min_length=1, max_length=20)] = Field(default_factory=_everything)


class EndpointView(Answer):
    """A webhook endpoint."""

    id: UUID
    url: str
    events: list[str]
    test: bool
    state: str
    disabled_reason: str | None
    created_at: datetime


class NewEndpointView(EndpointView):
    """A webhook endpoint with its secret, which is shown this once."""

    secret: str | None


class EndpointList(Answer):
    """A storefront's webhook endpoints."""

    data: list[EndpointView]


class DeliveryView(Answer):
    """One event on its way to an endpoint."""

    id: UUID
    event_id: UUID
    type: str
    state: str
    attempts: int
    created_at: datetime
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None


class DeliveryList(Answer):
    """An endpoint's delivery log, newest first."""

    data: list[DeliveryView]


class PublicEventView(Answer):
    """An event, the same object in the feed and in a webhook's body."""

    id: UUID
    type: str
    created_at: datetime
    order_id: UUID | None
    reference: str | None
    epoch: int
    sequence: int
    test: bool
    data: dict[str, object]


class EventPage(Answer):
    """Events in order; ask on with `after=next_after`."""

    data: list[PublicEventView]
    next_after: int


class AdvancedShipment(Answer):
    """Where a test parcel is now."""

    id: UUID
    order_id: UUID
    status: str
    tracking_number: str | None
    last_scan_at: datetime | None
    delivered_at: datetime | None


class AdvanceShipment(Body):
    """Where a test parcel shall be next; nothing means the next step of its way."""

    to: Annotated[str, Field(max_length=40)] | None = None
