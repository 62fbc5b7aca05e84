"""Signing in through the identity provider: there with a question, back with an answer that belongs to it."""

from datetime import timedelta
from hashlib import sha256
from typing import Annotated

import jwt
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.console.actions import sessions
from services.console.api import guard
from services.console.api.guard import Public
from services.console.api.pages import local_path
from services.console.api.sign_in import show_form
from services.console.errors import ProviderRefusedError, ServiceAwayError
from services.console.identity import Journey, Provider, Returned
from services.console.rendering import say
from services.console.settings import settings
from shared import clock
from shared.db import Database
from shared.errors import NotFoundError
from shared.signing import CLOCKS_APART, TIMES_ARE_OURS, check_times

router = APIRouter(prefix="/sign-in", dependencies=[Public])

_LASTS = timedelta(minutes=10)
_AUDIENCE = "sign-in"

Text = Annotated[str, Query(max_length=4000)]


@router.get("/provider")
async def go_there(request: Request, next: Text = "/") -> Response:  # noqa: A002 - the address's own word
    """Send the browser to the provider."""
    try:
        address, journey = await _provider(request).begin(local_path(next))
    except ServiceAwayError as error:
        return show_form(request, next, error)
    response = RedirectResponse(address, status_code=303)
    guard.set_cookie(response, _cookie(), _sealed(journey), int(_LASTS.total_seconds()))
    return response


@router.get("/callback")
async def come_back(request: Request, code: Text = "", state: Text = "", iss: Text = "", error: Text = "") -> Response:
    """Let in whom the provider vouches for; the page says why not."""
    provider = _provider(request)
    database: Database = request.app.state.database
    try:
        journey = _opened(request.cookies.get(_cookie(), ""))
        if error or not code:
            raise ProviderRefusedError(say("you were not signed in there ({error})", error=error[:60] or "no code"))
        identity = await provider.finish(journey, Returned(code, state, iss))
        token = await sessions.sign_in_by_provider(database, identity, guard.address_of(request), settings())
    except (ProviderRefusedError, ServiceAwayError) as refused:
        response = show_form(request, "/", refused)
    else:
        response = RedirectResponse(local_path(journey.next), status_code=303)
        guard.set_cookie(response, guard.session_cookie(), token, int(settings().session_hours * 3600))
    guard.drop_cookie(response, _cookie())
    return response


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotFoundError("nobody signs in here through a provider")
    return provider


def _cookie() -> str:
    return "doorstep_journey" if guard.is_local() else "__Host-doorstep_journey"


def _seal() -> bytes:
    return sha256(f"journey {settings().secret.get_secret_value()}".encode()).digest()


def _sealed(journey: Journey) -> str:
    claims = {**journey.model_dump(), "aud": _AUDIENCE, "exp": clock.real() + _LASTS}
    return jwt.encode(claims, _seal(), algorithm="HS256")


def _opened(cookie: str) -> Journey:
    try:
        claims = jwt.decode(cookie, _seal(), algorithms=["HS256"], audience=_AUDIENCE, options=TIMES_ARE_OURS)
        check_times(claims, CLOCKS_APART)
        return Journey.model_validate(claims)
    except (jwt.PyJWTError, ValueError) as error:
        raise ProviderRefusedError("this sign-in was begun elsewhere or too long ago: begin again") from error
