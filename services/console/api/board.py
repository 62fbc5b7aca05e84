"""The lead's board: who picks what, what is late and why."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response

from services.console.actions import board
from services.console.api.guard import Warehouse
from services.console.api.pages import done, page, wants_part
from services.console.api.places import Standing, keep, stand
from services.console.queries import staff
from services.console.rendering import say
from services.console.schemas.warehouse import PickList
from shared.auth import Role
from shared.db import Database

router = APIRouter(prefix="/floor")

Code = Annotated[str, Form(max_length=64)]
Key = Annotated[str, Form(min_length=1, max_length=100)]
Count = Annotated[int, Form(ge=1, le=60)]
_PICKING_ROLES = [Role.PICKER.value, Role.WAREHOUSE_LEAD.value]


@router.get("")
async def show_board(request: Request, who: Warehouse) -> Response:
    """Show the board, or what of it changes by itself."""
    standing = await stand(request, who)
    shown = await _show(request, who, standing)
    return shown if wants_part(request) else keep(shown, standing)


@router.post("/lists")
async def plan_list(
    request: Request, who: Warehouse, location: Code, key: Key, mode: Code = "multi_order_cart", orders: Count = 8
) -> Response:
    """Plan a list that is nobody's yet."""
    wanted = {"location": location, "mode": mode, "max_orders": orders}
    answer = await who.caller.act("inventory", "/staff/pick-lists", wanted, key=key)
    if answer is None:
        return done(request, "/floor", say("Nothing is to be planned: no order waits."))
    planned = PickList.model_validate(answer)
    told = say("Planned. Units: {count}, totes: {totes}.", count=planned.remaining, totes=len(planned.totes))
    return done(request, "/floor", told)


@router.post("/lists/{list_id}/assign")
async def assign(request: Request, list_id: UUID, who: Warehouse, picker: Code, key: Key) -> Response:
    """Give a list to a picker."""
    await who.caller.act("inventory", f"/staff/pick-lists/{list_id}/assign", {"picker": picker}, key=key)
    return done(request, "/floor", say("The list is {picker}'s now.", picker=picker))


@router.post("/lists/{list_id}/unassign")
async def unassign(request: Request, list_id: UUID, who: Warehouse, key: Key) -> Response:
    """Take a list from its picker."""
    await who.caller.act("inventory", f"/staff/pick-lists/{list_id}/unassign", {}, key=key)
    return done(request, "/floor", say("The list is free: the next picker who asks gets it."))


async def _show(request: Request, who: Warehouse, standing: Standing) -> Response:
    database: Database = request.app.state.database
    async with database.transaction("board") as tx:
        pickers = await staff.list_pickers(tx, standing.here.code, _PICKING_ROLES)
    return page(
        request,
        "parts/board.html" if wants_part(request) else "board.html",
        standing=standing,
        board=await board.read_board(who.caller, standing.here.code),
        pickers=pickers,
        names=dict(pickers),
    )
