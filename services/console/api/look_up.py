"""The look-up: one box for whatever a caller has in hand."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.console.api.guard import LookUp
from services.console.api.pages import page
from services.console.schemas import FoundOrders

router = APIRouter(prefix="/look-up")

_LEAST = 2


@router.get("")
async def look_up(request: Request, who: LookUp, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Find orders."""
    asked = q.strip()
    found: FoundOrders | None = None
    if len(asked) >= _LEAST:
        found = await who.caller.get("orders", "/staff/look-up", FoundOrders, q=asked)
    return page(request, "look_up.html", asked=asked, found=found.data if found is not None else None)
