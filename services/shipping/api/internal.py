"""What the other services ask of shipping."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.shipping import schemas
from services.shipping.actions import bench, journeys, shipments
from services.shipping.api import views
from shared.auth import Internal
from shared.db import Transaction
from shared.doors import Mutation, Tx

router = APIRouter(prefix="/internal", tags=["internal"])

Wait = Annotated[float, Query(ge=0, le=schemas.MAX_WAIT_SECONDS, description="seconds to wait for the carrier")]


@router.post("/parcels/{parcel_id}/label")
async def label_parcel(parcel_id: UUID, request: Request, _who: Internal, wait: Wait = 10) -> schemas.PrintedLabel:
    """Book a closed parcel's label at once and wait for it; the same parcel again gives the same label."""
    return views.printed(await bench.label_at_once(request.app.state.database, parcel_id, wait))


@router.post("/parcels/{parcel_id}/void", response_model=schemas.ShipmentShown)
async def void_parcel(parcel_id: UUID, body: schemas.Reasoned, call: Mutation, who: Internal) -> Response:
    """Give a parcel's label back, which must come before the parcel is opened again."""

    async def act(tx: Transaction) -> schemas.ShipmentShown:
        shipment = await shipments.void_parcel(tx, parcel_id, actor=who.actor, reason=body.reason)
        return await views.show(tx, shipment)

    return await call.once(who, body, act)


@router.get("/shipments")
async def list_shipments(tx: Tx, _who: Internal, order_id: UUID) -> schemas.ShipmentList:
    """List an order's shipments."""
    return await views.show_page(tx, 100, order_id=order_id)


@router.get("/orders/{order_id}/shipments")
async def list_of_order(order_id: UUID, tx: Tx, _who: Internal) -> schemas.ShipmentList:
    """List an order's shipments."""
    return await views.show_page(tx, 100, order_id=order_id)


@router.get("/shipments/{shipment_id}")
async def get_shipment(shipment_id: UUID, tx: Tx, _who: Internal) -> schemas.ShipmentDetail:
    """Show a shipment with its labels and all tracking events."""
    return await views.show_detail(tx, shipment_id)


@router.post("/test/shipments/{shipment_id}/advance", response_model=schemas.ShipmentShown)
async def advance_test(shipment_id: UUID, body: schemas.AdvanceTest, call: Mutation, who: Internal) -> Response:
    """Move a test order's parcel along; orders has checked whose it is."""

    async def act(tx: Transaction) -> schemas.ShipmentShown:
        return await views.show(tx, await journeys.advance_test(tx, shipment_id, body.position))

    return await call.once(who, body, act)
