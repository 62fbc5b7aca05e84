"""Doors to pick lists: taken, scanned, shorted, given back."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from services.inventory.actions import pick_lists, picking, shorts
from services.inventory.queries.pick_lists import ListFilter
from services.inventory.schemas import picking as bodies
from services.inventory.states.warehouse import ListState
from shared.auth import Picker, Principal, Scope, Warehouse, require
from shared.doors import Mutation, Tx, public_router

router = public_router(tags=["warehouse"])

Reader = Annotated[Principal, Depends(require(Scope.PICK, Scope.LOOK_UP))]
Limit = Annotated[int, Query(ge=1, le=200)]
Code = Annotated[str | None, Query(max_length=64)]


@router.post("/staff/pick-lists/next", response_model=bodies.ListAnswer, responses={204: {"description": "nothing"}})
async def take_next_list(body: bodies.PlanList, call: Mutation, who: Picker) -> Response:
    """Take the next list for the calling picker: an unfinished one, a planned one, or the most urgent orders."""
    return await call.once(who, body, lambda tx: pick_lists.take_next_list(tx, body, who.subject))


@router.post("/staff/pick-lists", response_model=bodies.ListAnswer, status_code=201)
async def plan_list(body: bodies.PlanList, call: Mutation, who: Warehouse) -> Response:
    """Plan a list that is nobody's yet."""
    return await call.once(who, body, lambda tx: pick_lists.plan_list(tx, body), status=201)


@router.get("/staff/pick-lists")
async def list_lists(
    tx: Tx,
    _who: Reader,
    location: Code = None,
    state: ListState | None = None,
    picker: Code = None,
    limit: Limit = 50,
    cursor: UUID | None = None,
) -> bodies.ListsAnswer:
    """List pick lists in the order in which they were planned."""
    return await pick_lists.read_lists(tx, ListFilter(location, state, picker, cursor, limit))


@router.get("/staff/pick-lists/{list_id}")
async def read_list(list_id: UUID, tx: Tx, _who: Reader) -> bodies.ListAnswer:
    """Read a list in walking order, with what to pick next."""
    return await pick_lists.read_list(tx, list_id)


@router.post("/staff/pick-lists/{list_id}/assign", response_model=bodies.ListAnswer)
async def assign_list(list_id: UUID, body: bodies.AssignList, call: Mutation, who: Warehouse) -> Response:
    """Give a list to a picker."""
    return await call.once(who, body, lambda tx: pick_lists.assign_list(tx, list_id, body.picker, who.actor))


@router.post("/staff/pick-lists/{list_id}/unassign", response_model=bodies.ListAnswer)
async def unassign_list(list_id: UUID, body: bodies.NoDetails, call: Mutation, who: Picker) -> Response:
    """Give a list back, or take it from its picker as a lead."""
    return await call.once(who, body, lambda tx: pick_lists.unassign_list(tx, list_id, who))


@router.post("/staff/pick-lists/{list_id}/scans", response_model=bodies.ScanAnswer)
async def confirm_pick(list_id: UUID, body: bodies.Scan, call: Mutation, who: Picker) -> Response:
    """Confirm a pick by scan; the Idempotency-Key is the scan's id."""
    return await call.once(who, body, lambda tx: picking.confirm_pick(tx, list_id, body, who.subject))


@router.post("/staff/pick-lists/{list_id}/undo", response_model=bodies.ScanAnswer)
async def undo_last_scan(list_id: UUID, body: bodies.NoDetails, call: Mutation, who: Picker) -> Response:
    """Take the last scan back."""
    return await call.once(who, body, lambda tx: picking.undo_last_scan(tx, list_id, who.subject))


@router.post("/staff/pick-lists/{list_id}/shorts", response_model=bodies.ShortAnswer)
async def short_pick(list_id: UUID, body: bodies.Short, call: Mutation, who: Picker) -> Response:
    """Report units that are not on the shelf as they should be."""
    return await call.once(who, body, lambda tx: shorts.short_pick(tx, list_id, body, who))
