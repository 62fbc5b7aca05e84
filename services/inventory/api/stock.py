"""Doors to SKUs, locations, stock, its ledger and inbounds."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.inventory.actions import inbound, locations, releasing, skus, stock, stock_views
from services.inventory.queries.inbounds import InboundFilter
from services.inventory.schemas import stock as bodies
from services.inventory.schemas import stock_answers as answers
from services.inventory.schemas.paging import read_cursor
from services.inventory.states.stock import InboundState
from shared.auth import Picker, Principal, Scope, Warehouse, require
from shared.doors import Mutation, Tx, public_router

router = public_router(tags=["stock"])

Reader = Annotated[Principal, Depends(require(Scope.LOOK_UP, Scope.PICK, Scope.INTERNAL))]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=400)]


@router.post("/staff/skus", response_model=answers.Saved)
async def save_skus(body: bodies.SaveSkus, call: Mutation, who: Warehouse) -> Response:
    """Insert or replace up to 500 SKUs."""
    return await call.once(who, body, lambda tx: skus.save_skus(tx, body))


@router.get("/staff/skus")
async def list_skus(
    tx: Tx,
    _who: Reader,
    code: str | None = None,
    barcode: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> answers.SkuPage:
    """List SKUs with their barcodes and bins; `barcode` finds the one that a scan stands for."""
    if barcode is not None:
        return await stock_views.show_scanned(tx, barcode)
    return await stock_views.show_skus(tx, code=code, after=str(read_cursor(cursor, [""])[0]), limit=limit)


@router.get("/staff/skus/{code}")
async def read_sku(code: str, tx: Tx, _who: Reader) -> answers.SkuAnswer:
    """Read one SKU."""
    return await stock_views.show_sku(tx, code)


@router.post("/staff/locations", response_model=answers.Saved)
async def save_locations(body: bodies.SaveLocations, call: Mutation, who: Warehouse) -> Response:
    """Insert or replace up to 500 locations."""
    return await call.once(who, body, lambda tx: locations.save_locations(tx, body))


@router.get("/staff/locations")
async def list_locations(
    tx: Tx, _who: Reader, limit: Annotated[int, Query(ge=1, le=500)] = 100, cursor: Cursor = None
) -> answers.LocationPage:
    """List locations."""
    return await stock_views.show_locations(tx, after=str(read_cursor(cursor, [""])[0]), limit=limit)


@router.get("/internal/locations/{code}")
async def read_location(code: str, tx: Tx, _who: Reader) -> answers.LocationAnswer:
    """Read a location: the sender's address and its calendar."""
    return await stock_views.show_location(tx, code)


@router.post("/staff/stock/receive", response_model=answers.Received)
async def receive(body: bodies.Receive, call: Mutation, who: Warehouse) -> Response:
    """Book units in; who waits for them is served at once."""
    return await call.once(who, body, lambda tx: stock.receive_stock(tx, body, who.actor))


@router.post("/staff/stock/adjust", response_model=answers.Changed)
async def adjust(body: bodies.Adjust, call: Mutation, who: Warehouse) -> Response:
    """Correct buckets with a reason."""
    return await call.once(who, body, lambda tx: stock.adjust_stock(tx, body, who.actor))


@router.post("/staff/stock/count", response_model=answers.Changed)
async def count(body: bodies.Count, call: Mutation, who: Warehouse) -> Response:
    """Book a count."""
    return await call.once(who, body, lambda tx: stock.count_stock(tx, body, who.actor))


@router.post("/staff/stock/transfer", response_model=answers.InboundAnswer, status_code=201)
async def transfer(body: bodies.Transfer, call: Mutation, who: Warehouse) -> Response:
    """Send free units to another location."""
    return await call.once(who, body, lambda tx: stock.ship_transfer(tx, body, who.actor), status=201)


@router.post("/staff/stock/safety", response_model=answers.Changed)
async def set_safety(body: bodies.SetSafety, call: Mutation, who: Warehouse) -> Response:
    """Set how many units allocation leaves alone."""
    return await call.once(who, body, lambda tx: stock.set_safety_stock(tx, body, who.actor))


@router.get("/staff/stock")
async def list_stock(
    tx: Tx,
    _who: Reader,
    sku: str | None = None,
    location: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> answers.StockPage:
    """List stock by SKU and location."""
    after = read_cursor(cursor, ["", ""])
    return await stock_views.show_stock(
        tx, sku=sku, location=location, after=(str(after[0]), str(after[1])), limit=limit
    )


@router.get("/staff/ledger")
async def list_ledger(
    tx: Tx,
    _who: Reader,
    sku: str | None = None,
    location: str | None = None,
    document: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> answers.LedgerPage:
    """List effects on stock, oldest first; document is e.g. `order:<id>`."""
    after = int(read_cursor(cursor, [0])[0])
    return await stock_views.show_ledger(tx, sku=sku, location=location, document=document, page=(after, limit))


@router.get("/staff/count-tasks")
async def list_count_tasks(
    tx: Tx, _who: Picker, location: str | None = None, limit: Limit = 100
) -> answers.CountTaskList:
    """List what should be counted."""
    return await stock_views.show_count_tasks(tx, location=location, limit=limit)


@router.get("/staff/reservations")
async def list_reservations(tx: Tx, _who: Reader, order_id: UUID) -> answers.ReservationList:
    """List an order's reservations, ended ones too."""
    return await stock_views.show_reservations(tx, order_id)


@router.post("/staff/reservations/{reservation_id}/release", response_model=answers.ReservationAnswer)
async def release(reservation_id: UUID, body: bodies.Release, call: Mutation, who: Warehouse) -> Response:
    """Give back what a reservation holds, with a reason; what a live order still wants seeks stock again."""
    return await call.once(
        who, body, lambda tx: releasing.release_reservation(tx, reservation_id, body.reason, who.actor)
    )


@router.post("/staff/inbounds", response_model=answers.InboundAnswer, status_code=201)
async def announce(body: bodies.AnnounceInbound, call: Mutation, who: Warehouse) -> Response:
    """Announce a delivery."""
    return await call.once(who, body, lambda tx: inbound.announce_inbound(tx, body), status=201)


@router.get("/staff/inbounds")
async def list_inbounds(
    tx: Tx,
    _who: Reader,
    location: str | None = None,
    state: InboundState | None = None,
    expected: bool = False,
    limit: Limit = 100,
) -> answers.InboundList:
    """List inbounds, newest first; `expected` gives those that are not closed, the earliest first."""
    return await inbound.show_inbounds(tx, InboundFilter(None, location, state, limit, expected=expected))


@router.get("/staff/inbounds/{inbound_id}")
async def read_inbound(inbound_id: UUID, tx: Tx, _who: Reader) -> answers.InboundAnswer:
    """Read an inbound with what came over and short."""
    return await inbound.show_inbound(tx, inbound_id)


@router.post("/staff/inbounds/{inbound_id}/arrive", response_model=answers.InboundAnswer)
async def arrive(inbound_id: UUID, call: Mutation, who: Warehouse) -> Response:
    """Note that a delivery stands at the dock."""
    return await call.once(who, None, lambda tx: inbound.arrive(tx, inbound_id))


@router.post("/staff/inbounds/{inbound_id}/close", response_model=answers.InboundAnswer)
async def close(inbound_id: UUID, call: Mutation, who: Warehouse) -> Response:
    """Close an inbound: nothing more will come."""
    return await call.once(who, None, lambda tx: inbound.close(tx, inbound_id))


@router.post("/staff/inbounds/{inbound_id}/reschedule", response_model=answers.InboundAnswer)
async def reschedule(inbound_id: UUID, body: bodies.Reschedule, call: Mutation, who: Warehouse) -> Response:
    """Change when a delivery is expected."""
    return await call.once(who, body, lambda tx: inbound.reschedule(tx, inbound_id, body, who.actor))
