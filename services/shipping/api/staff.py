"""What staff see and do: find shipments, print, void, retry and repair them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.shipping import schemas
from services.shipping.actions import bench, formats, reconciling, shipments
from services.shipping.api import views
from services.shipping.carriers.base import LabelFormat
from services.shipping.states import ShipmentStatus
from shared.auth import LookUp, Operator, Principal, Scope, require
from shared.db import Transaction
from shared.doors import Mutation, Tx

router = APIRouter(prefix="/staff", tags=["shipments"])

AtTheBench = Annotated[Principal, Depends(require(Scope.PICK, Scope.WAREHOUSE))]
Warehouse = Annotated[Principal, Depends(require(Scope.WAREHOUSE, Scope.OPERATE))]
Reader = Annotated[Principal, Depends(require(Scope.LOOK_UP, Scope.PICK))]
Wait = Annotated[float, Query(ge=0, le=schemas.MAX_WAIT_SECONDS, description="seconds to wait for the carrier")]


@router.get("/shipments")
async def list_shipments(  # noqa: PLR0913, PLR0917 - one query parameter each
    tx: Tx,
    _who: LookUp,
    order_id: UUID | None = None,
    status: ShipmentStatus | None = None,
    tracking_number: Annotated[str | None, Query(max_length=100)] = None,
    overdue: bool = False,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> schemas.ShipmentList:
    """Find shipments by order, state or tracking number, or those past the longest stay of their state."""
    filters = {"order_id": order_id, "status": status, "tracking_number": tracking_number, "after": cursor}
    return await views.show_page(tx, limit, overdue=overdue, **filters)


@router.get("/shipments/{shipment_id}")
async def get_shipment(shipment_id: UUID, tx: Tx, _who: Reader) -> schemas.ShipmentDetail:
    """Show a shipment with its labels and all tracking events."""
    return await views.show_detail(tx, shipment_id)


@router.get("/shipments/{shipment_id}/label", response_class=Response)
async def get_label(
    shipment_id: UUID,
    request: Request,
    _who: AtTheBench,
    wanted: Annotated[LabelFormat | None, Query(alias="format", description="else as the bench prints it")] = None,
) -> Response:
    """Give the label's bytes as the bench prints them, or in another format that the carrier gives."""
    file = await formats.label_as(request.app.state.database, shipment_id, wanted)
    return Response(file.content, media_type=file.media_type)


@router.post("/parcels/{parcel_id}/label")
async def label_parcel(parcel_id: UUID, request: Request, _who: AtTheBench, wait: Wait = 10) -> schemas.PrintedLabel:
    """Book a closed parcel's label at once and wait for it; the same parcel again gives the same label."""
    return views.printed(await bench.label_at_once(request.app.state.database, parcel_id, wait))


@router.post("/carrier-labels/reconcile")
async def reconcile(body: schemas.Reconcile, request: Request, who: Operator) -> schemas.ReconciledList:
    """After a restore, take over the labels that the carrier has sold since, and give back those of no parcel."""
    wish = reconciling.Wish(body.since, body.give_back, who.actor, body.reason)
    return views.reconciled(await reconciling.reconcile(request.app.state.database, wish))


@router.post("/shipments/{shipment_id}/void", response_model=schemas.ShipmentShown)
async def void(shipment_id: UUID, body: schemas.Reasoned, call: Mutation, who: Warehouse) -> Response:
    """Give the label back, or see to it that none is bought."""

    async def act(tx: Transaction) -> schemas.ShipmentShown:
        shipment = await shipments.void_shipment(tx, shipment_id, actor=who.actor, reason=body.reason)
        return await views.show(tx, shipment)

    return await call.once(who, body, act)


@router.post("/shipments/{shipment_id}/retry-booking", response_model=schemas.ShipmentShown)
async def retry_booking(shipment_id: UUID, body: schemas.Reasoned, call: Mutation, who: Warehouse) -> Response:
    """Book again what the carrier refused."""

    async def act(tx: Transaction) -> schemas.ShipmentShown:
        shipment = await shipments.retry_booking(tx, shipment_id, actor=who.actor, reason=body.reason)
        return await views.show(tx, shipment)

    return await call.once(who, body, act)


@router.post("/shipments/{shipment_id}/set-status", response_model=schemas.ShipmentShown)
async def set_status(shipment_id: UUID, body: schemas.SetStatus, call: Mutation, who: Operator) -> Response:
    """Repair where a parcel is; audited, published, and later scans lead on from it."""

    async def act(tx: Transaction) -> schemas.ShipmentShown:
        shipment = await shipments.set_status(tx, shipment_id, body.status, actor=who.actor, reason=body.reason)
        return await views.show(tx, shipment)

    return await call.once(who, body, act)
