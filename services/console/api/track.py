"""The customer's page, without sign-in: number and postcode show an order, the signed link of a message also acts."""

from dataclasses import dataclass
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse

from services.console.actions import status
from services.console.api import apologies
from services.console.api.guard import Public, address_of, keep_language
from services.console.api.pages import done, page, wants_part
from services.console.errors import RefusedError
from services.console.neighbours import Caller, Neighbours
from services.console.rendering import say
from services.console.schemas.customer import TrackedOrder
from services.console.settings import ConsoleSettings
from services.console.wording import speaking
from shared.auth import Link, TokenVerifier
from shared.errors import ForbiddenError, InvalidError, RateLimitedError, UnauthenticatedError
from shared.fields import plain
from shared.rates import RateLimit

router = APIRouter(prefix="/track", dependencies=[Public])

MOST_PHOTO_BYTES = 15 * 1024 * 1024
MOST_REPORT_BYTES = MOST_PHOTO_BYTES + 64 * 1024
_NOT_FOUND = 404

Short = Annotated[str, Form(max_length=40)]
Token = Annotated[str, Form(max_length=600)]
Key = Annotated[str, Form(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class TrackLimits:
    """How often one address may look, and how often postcodes are tried for one number, in this process."""

    by_address: RateLimit
    by_number: RateLimit

    @classmethod
    def of(cls, settings: ConsoleSettings) -> Self:
        """Make the limits that the settings name."""
        seconds = settings.track_minutes * 60
        return cls(
            RateLimit(settings.track_burst / seconds, settings.track_burst),
            RateLimit(settings.track_guesses / seconds, settings.track_guesses),
        )


@router.get("")
async def show_form(request: Request, number: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Ask for order number and postcode."""
    return _form(request, number=number)


@router.post("")
async def find(request: Request, number: Short = "", postal_code: Short = "") -> Response:
    """Find an order; a wrong pair gets one and the same answer, whichever of them is wrong."""
    typed = {"number": number, "postal_code": postal_code}
    try:
        _spend(request, number)
        answer = await _neighbours(request).customer("nobody").read("orders", "/customer/find", **typed)
    except RateLimitedError as error:
        return _told_to_wait(request, error, typed)
    except RefusedError:
        words = say("No order has this number and this postcode. Both are in the e-mail that confirmed your order.")
        return _form(request, status_code=_NOT_FOUND, problem=words, **typed)
    found = TrackedOrder.model_validate(answer)
    link = _neighbours(request).view_of(found.order_id)
    return RedirectResponse(f"/track/orders/{link}", status_code=303)


@router.get("/orders/{link}")
async def show_status(request: Request, link: str) -> Response:
    """Show an order to who has a link to it; a page that is open asks for what may have changed."""
    live = wants_part(request)
    try:
        lead, caller = _lead(request, link)
        known = await status.learn_status(caller)
    except (UnauthenticatedError, RefusedError) as error:
        closed = UnauthenticatedError("this link opens nothing")
        if live:
            raise closed from error
        return _form(request, status_code=_NOT_FOUND, problem=apologies.words_of(closed))
    template = "parts/status_live.html" if live else "status.html"
    with speaking(known.language):
        shown = page(request, template, live=live, known=known, order=known.order, link=link, may_act=lead.may_act)
    keep_language(request, shown, known.language)
    return shown


@router.post("/cancellation")
async def cancel(request: Request, link: Token, key: Key) -> Response:
    """Ask for everything to be cancelled that still can be."""
    caller = _acting(request, link)
    await caller.act("orders", "/customer/order/cancellations", {}, key=key)
    return _back(request, link, say("We have your wish to cancel. What becomes of it appears here in a moment."))


@router.post("/words")
async def choose(request: Request, link: Token, key: Key, kind: Short, value: Short = "") -> Response:
    """Wait for the new date, choose how to be told, or rate once the page asks for it."""
    caller = _acting(request, link)
    if kind == "rating":
        await status.require_asked(caller)
    await caller.act("care", "/customer/words", {"kind": kind, "value": value}, key=key)
    return _back(request, link, say(_THANKS.get(kind, "Thank you.")))


_THANKS = {
    "wait": "Thank you for waiting. We keep an eye on it.",
    "notices": "Your choice is kept.",
    "rating": "Thank you, that helps us.",
}


@router.post("/reports")
async def report(
    request: Request,
    link: Token,
    key: Key,
    kind: Short,
    parcel_id: Annotated[UUID | str, Form()] = "",
    comment: Annotated[str, Form(max_length=1000)] = "",
    photo: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Report damage or something missing; a photo helps and is never needed."""
    caller = _acting(request, link)
    raw = await photo.read() if photo is not None else b""
    if len(raw) > MOST_PHOTO_BYTES:
        raise InvalidError(say("The photo is too large: at most 15 MB."))
    said: dict[str, object] = {"kind": kind, "parcel_id": str(parcel_id) or None, "comment": comment}
    kept = await status.report(caller, said, raw, key)
    told = say("Thank you. Our customer care looks at it now.")
    if not kept:
        told = say("Your report is with our customer care. The photo could not be read and was left out.")
    return _back(request, link, told)


def _neighbours(request: Request) -> Neighbours:
    found: Neighbours = request.app.state.neighbours
    return found


def _lead(request: Request, link: str) -> tuple[Link, Caller]:
    """Give what a link leads to; raises UnauthenticatedError."""
    verifier: TokenVerifier = request.app.state.links
    lead = verifier.verify_link(link)
    return lead, _neighbours(request).customer(str(lead.order_id))


def _acting(request: Request, link: str) -> Caller:
    """Give the customer's way to act; raises UnauthenticatedError, ForbiddenError and RateLimitedError."""
    _spend(request)
    lead, caller = _lead(request, link)
    if not lead.may_act:
        raise ForbiddenError(say("open the link in one of our messages to do this"))
    return caller


def _spend(request: Request, number: str = "") -> None:
    limits: TrackLimits = request.app.state.track_limits
    limits.by_address.spend(address_of(request), "track")
    if sought := plain(number):
        limits.by_number.spend(sought, "track")


def _form(
    request: Request, *, status_code: int = 200, number: str = "", postal_code: str = "", problem: str = ""
) -> Response:
    typed = {"number": number, "postal_code": postal_code, "problem": problem}
    return page(request, "status_find.html", status=status_code, **typed)


def _told_to_wait(request: Request, error: RateLimitedError, typed: dict[str, str]) -> Response:
    response = _form(request, status_code=error.status, problem=apologies.words_of(error), **typed)
    response.headers.update(error.headers)
    return response


def _back(request: Request, link: str, word: str) -> Response:
    return done(request, f"/track/orders/{link}", word)
