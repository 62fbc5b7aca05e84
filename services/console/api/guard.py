"""Who is in front of a page, what they may open, and that a form is one of ours."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request, Response

from services.console import wording
from services.console.actions import sessions
from services.console.errors import SignInNeededError, StaleFormError
from services.console.neighbours import Caller, Neighbours
from services.console.queries.staff import SignedIn
from services.console.settings import settings
from shared.auth import SCOPES, Public, Role, Scope, same
from shared.db import Database
from shared.doors import request_id
from shared.errors import ForbiddenError
from shared.languages import accepted
from shared.settings import platform

__all__ = ["Public"]

CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_VISIT_SECONDS = 12 * 3600
_LANGUAGE = "doorstep_language"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in, the role they act in, and their way to the services."""

    person: SignedIn
    role: Role
    token: str
    caller: Caller

    @property
    def actor(self) -> str:
        """How the services name this person in this role."""
        return f"{self.role}:{self.person.login}"

    def may(self, scope: Scope) -> bool:
        """Say whether the services will accept what needs this scope."""
        return scope in SCOPES[self.role]


def is_local() -> bool:
    """Say whether this is one machine's own stack, which speaks plain HTTP."""
    return platform().environment == "local"


def session_cookie() -> str:
    """Name the session's cookie; outside the local stack browsers tie it to this host and to TLS."""
    return "doorstep_session" if is_local() else "__Host-doorstep_session"


def _visit_cookie() -> str:
    return "doorstep_visit" if is_local() else "__Host-doorstep_visit"


def set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that scripts cannot read and other sites' forms do not bring along."""
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=not is_local(), path="/")


def drop_cookie(response: Response, name: str) -> None:
    """Delete a cookie."""
    response.delete_cookie(name, httponly=True, samesite="lax", secure=not is_local(), path="/")


def address_of(request: Request) -> str:
    """Give the caller's network address."""
    forwarded = request.headers.get("x-forwarded-for", "") if settings().behind_proxy else ""
    direct = request.client.host if request.client is not None else ""
    return forwarded.rsplit(",", 1)[-1].strip() or direct


def language_of(request: Request) -> str:
    """Give the language of a customer's pages: of the order seen last, else what the browser asks for."""
    return wording.language_of(request.cookies.get(_LANGUAGE, ""), accepted(request.headers.get("accept-language", "")))


def keep_language(request: Request, response: Response, language: str) -> None:
    """Let what a browser is told next be in the language of the order it was shown."""
    if request.cookies.get(_LANGUAGE) != language:
        set_cookie(response, _LANGUAGE, language, _VISIT_SECONDS)


def csrf_of(request: Request) -> str:
    """Give the token that forms of this session (or, before it, of this visit) carry."""
    seed = request.cookies.get(session_cookie()) or visit_of(request)
    return hmac.new(settings().secret.get_secret_value().encode(), f"csrf {seed}".encode(), sha256).hexdigest()


def visit_of(request: Request) -> str:
    """Give what ties forms to a browser in which nobody has signed in, made at its first page."""
    if not hasattr(request.state, "visit"):
        request.state.visit = request.cookies.get(_visit_cookie()) or secrets.token_urlsafe(16)
    return str(request.state.visit)


def keep_visit(request: Request, response: Response) -> None:
    """Let the browser bring the visit back with its forms."""
    made = getattr(request.state, "visit", None)
    if made is not None and request.cookies.get(_visit_cookie()) != made:
        set_cookie(response, _visit_cookie(), made, _VISIT_SECONDS)


async def refuse_foreign_forms(request: Request) -> None:
    """Raise StaleFormError for a form that is not of this session."""
    if request.method in _SAFE_METHODS:
        return
    sent = request.headers.get(CSRF_HEADER) or (await request.form()).get(CSRF_FIELD)
    if not isinstance(sent, str) or not same(sent, csrf_of(request)):
        raise StaleFormError("this form is no longer valid; reload the page and try again")


async def recognise(request: Request) -> Visitor:
    """Give who is signed in; raises SignInNeededError."""
    token = request.cookies.get(session_cookie(), "")
    database: Database = request.app.state.database
    async with database.transaction("page") as tx:
        person = await sessions.recognise(tx, token, settings()) if token else None
    if person is None:
        raise SignInNeededError("sign in to go on")
    role = Role(person.role)
    neighbours: Neighbours = request.app.state.neighbours
    visitor = Visitor(person, role, token, neighbours.caller(person.login, role, request_id(request)))
    request.state.visitor = visitor
    request.state.paused = request.app.state.pauses.current()
    return visitor


def staff(*scopes: Scope) -> Callable[[Request], Awaitable[Visitor]]:
    """Make the dependency of a page that any of `scopes` opens; who is in front of it is the value."""

    async def allowed(request: Request) -> Visitor:
        visitor = await recognise(request)
        if not SCOPES[visitor.role].intersection(scopes):
            raise ForbiddenError("this page belongs to other roles than yours")
        return visitor

    allowed.scopes = scopes  # type: ignore[attr-defined]  # a test walks all routes and reads it
    return allowed


Anybody = Annotated[Visitor, Depends(staff(*Scope))]
Picker = Annotated[Visitor, Depends(staff(Scope.PICK))]
Warehouse = Annotated[Visitor, Depends(staff(Scope.WAREHOUSE))]
LookUp = Annotated[Visitor, Depends(staff(Scope.LOOK_UP))]
OrderEditor = Annotated[Visitor, Depends(staff(Scope.ORDER_EDIT))]
Care = Annotated[Visitor, Depends(staff(Scope.CASE))]
CareLead = Annotated[Visitor, Depends(staff(Scope.CASE_LEAD))]
Operator = Annotated[Visitor, Depends(staff(Scope.OPERATE))]
Admin = Annotated[Visitor, Depends(staff(Scope.ADMINISTER))]
Lead = Annotated[Visitor, Depends(staff(Scope.WAREHOUSE, Scope.CASE_LEAD))]
