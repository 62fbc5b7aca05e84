"""The look-up: one box for whatever a caller has in hand; one match opens at once."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.console.api.guard import LookUp
from services.console.api.pages import page
from services.console.schemas import FoundOrder, FoundOrders

router = APIRouter(prefix="/look-up")

_LEAST = 2
_MOST = 50
"""So many orders does orders find at most."""
STATUSES = {
    "unfulfilled": "being reserved",
    "backordered": "waits for stock",
    "allocated": "in the warehouse",
    "packed": "waits for the carrier",
    "shipped": "on its way",
}


@router.get("")
async def look_up(request: Request, who: LookUp, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Find orders; open the only one."""
    asked = q.strip()
    found: list[FoundOrder] | None = None
    if len(asked) >= _LEAST:
        found = (await who.caller.get("orders", "/staff/look-up", FoundOrders, q=asked)).data
        if len(found) == 1:
            return RedirectResponse(f"/orders/{found[0].number}", status_code=303)
    return page(request, "look_up.html", asked=asked, found=found, most=_MOST, statuses=STATUSES)
