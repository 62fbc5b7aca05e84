"""The leads' overview: orders by stage, backlog, exceptions, and how what was due went."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.console.actions import overview
from services.console.api.guard import Lead
from services.console.api.pages import page
from shared.auth import Scope

router = APIRouter(prefix="/overview")


Place = Annotated[str, Query(max_length=40)]


@router.get("")
async def show(
    request: Request,
    who: Lead,
    days: Annotated[int, Query(ge=1, le=366)] = 30,
    location: Place = "",
    carrier: Place = "",
) -> Response:
    """Show how things are and went, of all or of one warehouse or carrier."""
    known = await overview.learn_overview(who.caller, days, location, carrier)
    may_work = who.may(Scope.CASE)
    return page(request, "overview.html", known=known, windows=overview.WINDOWS, may_work=may_work)
