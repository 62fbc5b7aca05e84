"""Signing in and out, and which role one acts in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from services.console.actions import sessions
from services.console.actions.sessions import Attempt
from services.console.api import guard
from services.console.api.guard import Anybody, Public
from services.console.api.pages import THEME, THEMES, came_from, done, local_path, page, words_of
from services.console.errors import LockedOutError, WrongPasswordError
from services.console.queries.staff import set_single_keys as set_keys
from services.console.rendering import say
from services.console.settings import settings
from shared.db import Database
from shared.errors import DomainError, ForbiddenError

router = APIRouter()

_YEAR_SECONDS = 365 * 24 * 3600

Text = Annotated[str, Form(max_length=200)]


def show_form(
    request: Request, then: str, error: DomainError | None = None, login: str = "", *, unsaved: bool = False
) -> Response:
    """Ask somebody to sign in, and say what was wrong with the last try, or that an act came after the session."""
    own = settings()
    response = page(
        request,
        "sign_in.html",
        status=error.status if error is not None else 200,
        next=local_path(then),
        login=login,
        unsaved=unsaved,
        problem=words_of(error) if error is not None else "",
        provider=own.oidc_name if own.oidc_issuer else "",
        passwords=own.passwords,
    )
    response.headers.update(error.headers if error is not None else {})
    return response


@router.get("/sign-in", dependencies=[Public])
async def show_sign_in(
    request: Request,
    next: str = "/",  # noqa: A002 - the address's own word
    unsaved: bool = False,
) -> Response:
    """Ask for login and password."""
    return show_form(request, next, unsaved=unsaved)


@router.post("/sign-in", dependencies=[Public])
async def sign_in(request: Request, login: Text, password: Text, next: Text = "/") -> Response:  # noqa: A002
    """Sign in."""
    if not settings().passwords:
        raise ForbiddenError(say("people sign in through {provider} only", provider=settings().oidc_name))
    database: Database = request.app.state.database
    try:
        token = await sessions.sign_in(database, Attempt(login, password, guard.address_of(request)), settings())
    except (WrongPasswordError, LockedOutError) as error:
        return show_form(request, next, error, login)
    response = RedirectResponse(local_path(next), status_code=303)
    guard.set_cookie(response, guard.session_cookie(), token, int(settings().session_hours * 3600))
    return response


@router.post("/sign-out")
async def sign_out(request: Request, who: Anybody) -> Response:
    """End the session."""
    async with request.app.state.database.transaction("sign out") as tx:
        await sessions.sign_out(tx, who.token, who.person, guard.address_of(request))
    response = done(request, "/sign-in", say("You are signed out."))
    guard.drop_cookie(response, guard.session_cookie())
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@router.post("/role")
async def change_role(request: Request, who: Anybody, role: Text) -> Response:
    """Act in another of one's roles."""
    async with request.app.state.database.transaction("change role") as tx:
        await sessions.change_role(tx, who.token, who.person, role, guard.address_of(request))
    return done(request, "/", say("You now act as {role}.", role=role.replace("_", " ")))


@router.post("/keys")
async def set_single_keys(request: Request, who: Anybody, act: Annotated[bool, Form()] = False) -> Response:
    """Remember whether single keys act for this person."""
    async with request.app.state.database.transaction("keys") as tx:
        await set_keys(tx, who.person.id, act=act)
    return done(request, came_from(request))


@router.post("/theme", dependencies=[Public])
async def set_theme(request: Request, theme: Text) -> Response:
    """Remember light, dark, or whatever the device says."""
    response = done(request, came_from(request))
    guard.set_cookie(response, THEME, theme if theme in THEMES else THEMES[0], _YEAR_SECONDS)
    return response
