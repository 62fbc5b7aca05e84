"""The first page after signing in: what this role works with."""

from fastapi import APIRouter, Request, Response

from services.console.api.guard import Anybody
from services.console.api.pages import page

router = APIRouter()


@router.get("/")
async def show_home(request: Request, _who: Anybody) -> Response:
    """Show where to go."""
    return page(request, "home.html")
