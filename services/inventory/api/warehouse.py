"""Doors to the warehouse's work: what is late and why, all about one order, parcels as other services see them."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from services.inventory.actions import parcel_views, work_views, workload
from services.inventory.queries.orders import WorkFilter
from services.inventory.queries.parcels import ParcelFilter
from services.inventory.schemas.packing import ParcelAnswer
from services.inventory.schemas.warehouse import FulfilmentsAnswer, OrderWorkAnswer, ParcelsAnswer, WorkloadAnswer
from services.inventory.states.warehouse import FulfilmentState, ParcelState, WorkStage
from shared.auth import Internal, Principal, Scope, require
from shared.doors import Tx, public_router

router = public_router(tags=["warehouse"])

Reader = Annotated[Principal, Depends(require(Scope.PICK, Scope.LOOK_UP, Scope.INTERNAL))]
Limit = Annotated[int, Query(ge=1, le=200)]

Cursor = Annotated[str | None, Query(max_length=400)]
Code = Annotated[str | None, Query(max_length=64)]
States = Annotated[list[ParcelState] | None, Query(max_length=len(ParcelState))]


@router.get("/staff/fulfilments")
async def list_fulfilments(  # noqa: PLR0913, PLR0917 - one query parameter each
    tx: Tx,
    _who: Reader,
    location: Code = None,
    state: FulfilmentState | None = None,
    late: bool = False,
    named: Code = None,
    stage: WorkStage | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> FulfilmentsAnswer:
    """List fulfilment orders by cut-off, the latest first, each with why it is where it is.

    `named` is an order's number or reference, or a tote; `stage` gives those in progress that are so far.
    """
    wanted = WorkFilter(location, state, late, work_views.read_place(cursor), limit, named, stage)
    return await work_views.read_fulfilments(tx, wanted)


@router.get("/staff/workload")
async def read_workload(tx: Tx, _who: Reader, location: Annotated[str, Query(max_length=64)]) -> WorkloadAnswer:
    """Count the work of each kind that waits at a location, however long its lists are."""
    return await workload.read_workload(tx, location)


@router.get("/staff/orders/{order_id}")
async def read_order(order_id: UUID, tx: Tx, _who: Reader) -> OrderWorkAnswer:
    """Read all the warehouse has about one order."""
    return await work_views.read_order_work(tx, order_id)


@router.get("/staff/parcels")
async def list_parcels(
    tx: Tx,
    _who: Reader,
    location: Code = None,
    state: States = None,
    carrier: Code = None,
    tracking_number: Code = None,
    limit: Limit = 100,
) -> ParcelsAnswer:
    """List parcels that have not left, the earliest cut-off first; by tracking number one that has left too.

    `state` may be given several times.
    """
    wanted = ParcelFilter(location, state or [], tracking_number, limit, carrier)
    return ParcelsAnswer(data=await parcel_views.read_parcels(tx, wanted))


@router.get("/staff/parcels/{parcel_id}")
async def read_parcel(parcel_id: UUID, tx: Tx, _who: Reader) -> ParcelAnswer:
    """Read a parcel with its contents and label."""
    return await parcel_views.read_parcel(tx, parcel_id)


@router.get("/internal/parcels/{parcel_id}")
async def read_parcel_for_services(parcel_id: UUID, tx: Tx, _who: Internal) -> ParcelAnswer:
    """Read a parcel as shipping declares it to the carrier."""
    return await parcel_views.read_parcel(tx, parcel_id)
