"""A storefront's events: by feed and by webhook; and moving test parcels along."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.orders.actions import parcel_trials, webhooks
from services.orders.api.credentials import shown_once
from services.orders.schemas.feed import (
    AdvancedShipment,
    AdvanceShipment,
    CreateEndpoint,
    DeliveryList,
    EndpointList,
    EndpointView,
    EventPage,
    NewEndpointView,
)
from shared.auth import Storefront
from shared.doors import Mutation, Tx, public_router, send
from shared.fields import Serial

router = public_router(prefix="/v1", tags=["events"])

Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/events")
async def read_events(tx: Tx, who: Storefront, after: Serial = 0, limit: Limit = 100) -> EventPage:
    """Read events in order, from the number after `after`."""
    return await webhooks.read_events(tx, who, after, limit)


@router.post("/webhook-endpoints", response_model=NewEndpointView, status_code=201)
async def create_endpoint(body: CreateEndpoint, call: Mutation, who: Storefront) -> Response:
    """Register an endpoint; its secret is shown this once."""
    return await shown_once(call, who, body, lambda tx: webhooks.create_endpoint(tx, who, body))


@router.get("/webhook-endpoints")
async def list_endpoints(tx: Tx, who: Storefront) -> EndpointList:
    """List the endpoints."""
    return await webhooks.list_endpoints(tx, who)


@router.delete("/webhook-endpoints/{endpoint_id}", response_model=EndpointView)
async def disable_endpoint(endpoint_id: UUID, call: Mutation, who: Storefront) -> Response:
    """Stop sending to an endpoint."""
    return await call.once(who, None, lambda tx: webhooks.disable_endpoint(tx, who, endpoint_id))


@router.post("/webhook-endpoints/{endpoint_id}/rotate", response_model=NewEndpointView, status_code=201)
async def rotate_secret(endpoint_id: UUID, call: Mutation, who: Storefront) -> Response:
    """Make a new secret; for a day both sign."""
    return await shown_once(call, who, None, lambda tx: webhooks.rotate_secret(tx, who, endpoint_id))


@router.get("/webhook-endpoints/{endpoint_id}/deliveries")
async def list_deliveries(endpoint_id: UUID, tx: Tx, who: Storefront, limit: Limit = 100) -> DeliveryList:
    """Show the delivery log."""
    return await webhooks.list_deliveries(tx, who, endpoint_id, limit)


@router.post("/webhook-endpoints/{endpoint_id}/events/{event_id}/resend", response_model=DeliveryList, status_code=202)
async def send_again(endpoint_id: UUID, event_id: UUID, call: Mutation, who: Storefront) -> Response:
    """Deliver an event once more."""
    return await call.once(who, None, lambda tx: webhooks.send_again(tx, who, endpoint_id, event_id), status=202)


@router.post("/test/shipments/{shipment_id}/advance", response_model=AdvancedShipment)
async def advance_shipment(shipment_id: UUID, body: AdvanceShipment, call: Mutation, who: Storefront) -> Response:
    """Move a test order's parcel along; shipping answers, and knows the key."""
    key = call.claim(who, body).key
    return send(await parcel_trials.advance_shipment(call.request.app.state.database, who, shipment_id, body, key))
