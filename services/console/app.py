"""The console put together: its pages, static files, headers and errors."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.console.actions.operations import PauseWatch
from services.console.actions.staff import seed_local_staff
from services.console.api import apologies, guard, pages, router
from services.console.api.track import MOST_REPORT_BYTES, TrackLimits
from services.console.identity import Provider
from services.console.neighbours import Neighbours
from services.console.queries.personal import KEPT
from services.console.rendering import STATIC
from services.console.settings import settings
from services.console.wording import speaking
from shared import retention
from shared.auth import TokenVerifier
from shared.db import Database
from shared.doors import Counters, Edge
from shared.errors import ConfigurationError, DomainError
from shared.operators import Rest, process_router
from shared.settings import platform

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=(), payment=()",
}
# Such an address holds what opens an order, or sets a password: it goes to no other site, and into no search engine.
_PRIVATE = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}
_A_YEAR = "public, max-age=31536000, immutable"


class Guarded:
    """Puts the security headers on every answer, keeps pages out of caches, and speaks the customers' language."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if apologies.is_public(scope.get("path", "")):
            with speaking(guard.language_of(Request(scope))):
                await self._serve(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_static = path.startswith("/static/")
        private = _PRIVATE if path.startswith(("/track", "/password/")) else {}
        headers = {**_HEADERS, **private, "cache-control": _A_YEAR if is_static else "no-store"}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                set_already = {name.lower() for name, _ in message.get("headers", [])}
                more = [(name.encode(), value.encode()) for name, value in headers.items()]
                message["headers"] = [
                    *message.get("headers", []),
                    *(entry for entry in more if entry[0] not in set_already),
                ]
            await send(message)

        await self._app(scope, receive, send_guarded)


async def _never_busy(_brief: bool) -> Rest:
    """Nothing happens here by itself, so a driver of business time has nothing to wait for."""
    return Rest(at_rest=True, activity=0, next_due=None, why=[])


def _answer_errors(app: FastAPI) -> None:
    """Answer every error with a page."""
    app.add_exception_handler(DomainError, pages.on_domain_error)
    app.add_exception_handler(RequestValidationError, pages.on_validation_error)
    app.add_exception_handler(HTTPException, pages.on_http_error)


def create_app() -> FastAPI:
    """Build the console."""
    own = settings()
    database = Database(own.database_url.get_secret_value(), pool_size=own.pool_size, application="console")
    neighbours = Neighbours(platform(), own.staff_private_key.get_secret_value())
    provider = Provider(own, local=platform().environment == "local") if own.oidc_issuer else None
    if provider is None and not own.passwords:
        raise ConfigurationError("CONSOLE_PASSWORDS is off and no CONSOLE_OIDC_ISSUER is named: nobody could sign in")

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await seed_local_staff(database, own.local_staff, platform().environment)
        async with retention.beside(database, own, KEPT):
            yield
        if provider is not None:
            await provider.close()
        await neighbours.close()
        await database.close()

    app = FastAPI(title="Doorstep console", lifespan=lifespan, openapi_url=None)
    app.state.database = database
    app.state.neighbours = neighbours
    app.state.provider = provider
    app.state.pauses = PauseWatch(neighbours.own)
    app.state.links = TokenVerifier(platform().token_public_keys)
    app.state.track_limits = TrackLimits.of(own)
    _answer_errors(app)
    app.include_router(router)
    app.include_router(process_router(database, _never_busy, "staff"))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    roomy = {"/track/reports": MOST_REPORT_BYTES}
    app.add_middleware(Edge, service="console", counters=Counters(), on_fault=pages.on_fault, roomy=roomy)
    app.add_middleware(Guarded)
    return app
