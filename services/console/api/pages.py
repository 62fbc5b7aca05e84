"""Answers of the pages: a whole page or a part of one, back to somewhere with a word, and what went wrong."""

from urllib.parse import quote, unquote, urlsplit

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from services.console.actions import refusals
from services.console.api import apologies, guard
from services.console.api.guard import Visitor
from services.console.errors import RefusedError, ServiceAwayError, SignInNeededError
from services.console.navigation import entries_for
from services.console.rendering import render, say
from shared import db
from shared.doors import field_errors
from shared.errors import DomainError, InvalidError, NotFoundError, UnavailableError

log = structlog.get_logger()

THEMES = ("auto", "light", "dark")
_TOAST, THEME = "doorstep_toast", "doorstep_theme"
_TOAST_SECONDS = 20
_NOT_FOUND, _FORBIDDEN, _UNAVAILABLE, _SERVER_ERROR, _UNAUTHENTICATED = 404, 403, 503, 500, 401


def wants_part(request: Request) -> bool:
    """Say whether a script of the page asks, not the browser."""
    return request.headers.get("hx-request") == "true"


def page(request: Request, template: str, *, status: int = 200, **values: object) -> Response:
    """Answer with a page, or the part of one that `template` is."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    toast = unquote(request.cookies.get(_TOAST, ""))
    theme = request.cookies.get(THEME, "auto")
    known = {
        "visitor": visitor,
        "navigation": entries_for(visitor.role) if visitor is not None else [],
        "path": request.url.path,
        "paused": getattr(request.state, "paused", []),
        "csrf": guard.csrf_of(request),
        "theme": theme if theme in THEMES else "auto",
        "toast": "" if wants_part(request) else toast,
    }
    response = HTMLResponse(render(template, {**known, **values}), status_code=status)
    guard.keep_visit(request, response)
    if toast and not wants_part(request):
        guard.drop_cookie(response, _TOAST)
    return response


def done(request: Request, to: str, word: str = "") -> Response:
    """Go on to a page of ours after an action, and say there what was done."""
    if wants_part(request):
        response = Response(status_code=204, headers={"HX-Redirect": to})
    else:
        response = RedirectResponse(to, status_code=303)
    if word:
        guard.set_cookie(response, _TOAST, quote(word), _TOAST_SECONDS)
    return response


def local_path(address: str, otherwise: str = "/") -> str:
    """Give the path of an address of ours; another site's becomes `otherwise`."""
    parts = urlsplit(address)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc else otherwise


def came_from(request: Request) -> str:
    """Give the page of ours that this request was made on."""
    referer = urlsplit(request.headers.get("hx-current-url") or request.headers.get("referer", ""))
    is_ours = referer.netloc == request.url.netloc
    return local_path(referer._replace(scheme="", netloc="").geturl()) if is_ours else "/"


def refuse(request: Request, error: DomainError) -> Response:
    """Say what went wrong, in plain words: beside the action, or as a page."""
    if isinstance(error, SignInNeededError):
        return _ask_to_sign_in(request)
    is_public = apologies.is_public(request.url.path)
    told = {
        "title": apologies.title_of(error) if is_public else _title(error),
        "is_named": isinstance(error, RefusedError) and error.is_quoted and not is_public,
        "error": error,
        "words": apologies.words_of(error) if is_public else words_of(error),
    }
    whole = "status_problem.html" if is_public else "problem.html"
    template = "parts/problem.html" if wants_part(request) else whole
    response = page(request, template, status=error.status, request_number=request.state.request_id, **told)
    response.headers.update(error.headers)
    return response


def words_of(error: DomainError) -> str:
    """Give the sentence that a person reads."""
    text = say(error.detail.strip())
    if isinstance(error, ServiceAwayError):
        service = str(error.extra.get("service", ""))
        return say(_AWAY.get(error.code, _AWAY["service_away"]), service=service)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


_AWAY = {
    "service_away": "The {service} service cannot be reached. Nothing was changed; try again in a moment.",
    "answer_lost": "The {service} service did not answer in time. It may have been done; doing it again is safe.",
    "paused": "An operator has paused this. Nothing was changed; try again when the pause is over.",
}


def _title(error: DomainError) -> str:
    if isinstance(error, RefusedError):
        return refusals.title_of(error.code)
    named = {
        _NOT_FOUND: "This page does not exist",
        _FORBIDDEN: "This is not yours to open",
        _UNAVAILABLE: "Not available right now",
        _SERVER_ERROR: "Something failed on our side",
    }
    return say(named.get(error.status, "That did not work"))


def _ask_to_sign_in(request: Request) -> Response:
    is_act = request.method != "GET"
    if wants_part(request):
        to = f"/sign-in?next={quote(came_from(request))}{'&unsaved=1' if is_act else ''}"
        return Response(status_code=_UNAUTHENTICATED, headers={"HX-Redirect": to})
    if is_act:
        to = "/sign-in?unsaved=1"
    else:
        path = local_path(f"{request.url.path}?{request.url.query}")
        to = "/sign-in" if path == "/" else f"/sign-in?next={quote(path)}"
    response = RedirectResponse(to, status_code=303)
    guard.drop_cookie(response, guard.session_cookie())
    return response


async def on_domain_error(request: Request, error: Exception) -> Response:
    """Answer a refusal of ours or of a service."""
    if not isinstance(error, DomainError):
        raise error
    return refuse(request, error)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer a form with fields that cannot be."""
    if not isinstance(error, RequestValidationError):
        raise error
    errors = field_errors(error)
    named = "; ".join(sorted(f"{one.pointer.rsplit('/', 1)[-1].replace('_', ' ')}: {one.detail}" for one in errors))
    return refuse(request, InvalidError(named, errors=errors))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer an address that is no page, and a body that is too large."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == _NOT_FOUND:
        return refuse(request, NotFoundError("check the address, or start again from the first page"))
    named = type("HttpProblem", (DomainError,), {"status": error.status_code, "code": "error"})
    return refuse(request, named(str(error.detail)))


async def on_fault(request: Request, error: Exception) -> Response:
    """Answer a fault of ours without telling its insides."""
    if isinstance(error, DomainError):
        return refuse(request, error)
    if db.is_away(error) or db.is_transient(error):
        log.warning("database away", error=error)
        return refuse(request, UnavailableError("the console's database is away; try again in a moment"))
    log.error(
        "request failed",
        exc_info=error,
        route=getattr(request.scope.get("route"), "path", "unmatched"),
        method=request.method,
    )
    broken = type("Broken", (DomainError,), {"status": _SERVER_ERROR, "code": "internal"})
    words = "nothing is confirmed. The fault was noted; if it happens again, tell an operator this number"
    return refuse(request, broken(words))
