"""The leads' overview: orders by stage, backlog, exceptions, and how what was due went."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.console.actions import overview
from services.console.api.guard import Lead
from services.console.api.pages import page

router = APIRouter(prefix="/overview")


@router.get("")
async def show(request: Request, who: Lead, days: Annotated[int, Query(ge=1, le=366)] = 30) -> Response:
    """Show how things are and went."""
    known = await overview.learn_overview(who.caller, days)
    return page(request, "overview.html", known=known, windows=overview.WINDOWS, size=(overview.WIDTH, overview.HEIGHT))
