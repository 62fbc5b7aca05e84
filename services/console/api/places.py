"""Where somebody works: asked once, kept in the browser, never a place that is not theirs."""

from dataclasses import dataclass

from fastapi import Request, Response

from services.console.actions.picking import read_places
from services.console.api import guard
from services.console.api.guard import Visitor
from services.console.schemas.warehouse import Place

_COOKIE = "doorstep_place"
_SHIFT_SECONDS = 30 * 24 * 3600
_NOWHERE = Place(code="", name="")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands, and where else they work."""

    here: Place
    places: list[Place]


async def stand(request: Request, who: Visitor) -> Standing:
    """Give where somebody works: as the address says, else as last time, else the first."""
    places = await read_places(who.caller, who.person.locations)
    by_code = {place.code: place for place in places}
    asked = request.query_params.get("location", "") or request.cookies.get(_COOKIE, "")
    return Standing(by_code.get(asked) or next(iter(places), _NOWHERE), places)


def keep(response: Response, standing: Standing) -> Response:
    """Remember the place for the next page."""
    guard.set_cookie(response, _COOKIE, standing.here.code, _SHIFT_SECONDS)
    return response
