"""Dispatch: a scan per parcel, a loud no for what must not leave."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from services.console.actions import dispatch
from services.console.actions.refusals import title_of
from services.console.actions.verdicts import Tone, Verdict, is_verdict
from services.console.api.guard import Picker
from services.console.api.judging import refusal
from services.console.api.pages import page, wants_part
from services.console.api.places import keep, stand
from services.console.errors import RefusedError
from services.console.rendering import say

router = APIRouter(prefix="/dispatch")

Code = Annotated[str, Form(max_length=200)]
Key = Annotated[str, Form(min_length=1, max_length=100)]
Tally = Annotated[int, Form(ge=0, le=100_000)]


@router.get("")
async def show_dock(request: Request, who: Picker, carrier: Annotated[str, Query(max_length=64)] = "") -> Response:
    """Show what waits for the trucks."""
    standing = await stand(request, who)
    dock = await dispatch.read_dock(who.caller, standing.here.code, carrier)
    if wants_part(request):
        return page(request, "parts/dock.html", dock=dock, verdict=None, loaded=0)
    shown = page(request, "dispatch.html", standing=standing, dock=dock, verdict=None, loaded=0)
    return keep(shown, standing)


@router.post("/hand-overs")
async def hand_over(
    request: Request, who: Picker, location: Code, carrier: Code, code: Code, key: Key, loaded: Tally = 0
) -> Response:
    """Let a parcel leave, or say loudly why it stays."""
    verdict, left = await _load(who, (location, carrier), code, key)
    dock = await dispatch.read_dock(who.caller, location, carrier)
    if wants_part(request):
        return page(request, "parts/dock.html", dock=dock, verdict=verdict, loaded=loaded + left)
    standing = await stand(request, who)
    return page(request, "dispatch.html", standing=standing, dock=dock, verdict=verdict, loaded=loaded + left)


async def _load(who: Picker, dock: tuple[str, str], code: str, key: str) -> tuple[Verdict, int]:
    """Give the verdict and how many parcels left."""
    try:
        done = await dispatch.load(who.caller, dock, code, key)
    except RefusedError as error:
        if not is_verdict(error):
            raise
        why = dispatch.reason_of(error)
        if why is None:
            return refusal(error), 0
        return Verdict(Tone.WRONG, title_of(why.code), f"{why.detail[:1].upper()}{why.detail[1:]}."), 0
    numbers = ", ".join(parcel.tracking_number for parcel in done.accepted)
    return Verdict(
        Tone.RIGHT, say("Load it"), say("{numbers} goes with {carrier}.", numbers=numbers, carrier=dock[1])
    ), 1
