"""What every HTTP door has: transactions, idempotent calls, problem+json, limits, and the operators' routes."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

import orjson
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, field_validator
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import clock, db, idempotency, metrics, tracing
from shared.auth import Principal
from shared.db import Database, Transaction
from shared.errors import (
    ConflictError,
    DomainError,
    FieldError,
    InvalidError,
    StaleError,
    TooLongError,
    UnavailableError,
)
from shared.failpoints import failpoint
from shared.fields import refuse_nul
from shared.idempotency import Reply
from shared.ids import new_id

log = structlog.get_logger()

MAX_BODY_BYTES = 256 * 1024
MAX_PATH_BYTES = 1024

OnFault = Callable[[Request, Exception], Awaitable[Response]]


class Body(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    _storable = field_validator("*", mode="after")(refuse_nul)


class Answer(BaseModel):
    """A response body."""

    model_config = ConfigDict(from_attributes=True)


async def _transaction(request: Request) -> AsyncIterator[Transaction]:
    database: Database = request.app.state.database
    async with database.transaction(cause=request_id(request), late=True) as tx:
        yield tx


# scope="function": a commit that fails must never leave as a success.
Tx = Annotated[Transaction, Depends(_transaction, scope="function")]


def request_id(request: Request) -> str:
    """Give the id of this request, as the caller sent it or as made here."""
    return str(request.state.request_id)


@dataclass(slots=True)
class Call:
    """A mutating call whose Idempotency-Key makes it happen once."""

    request: Request

    def claim(self, who: Principal, body: BaseModel | None) -> idempotency.Claim:
        """Make the claim of this call; raises InvalidError when the header is missing."""
        fields = body.model_dump(mode="json", exclude_unset=True) if body is not None else {}
        scope = f"{who.subject} {self.request.method} {self.request.url.path}"
        return idempotency.make_claim(
            scope, self.request.headers.get("idempotency-key"), fields, self.request.app.state.secret
        )

    async def answered(self, who: Principal, body: BaseModel | None) -> Response | None:
        """Give what this key was answered before; for calls that must ask another service before their transaction.

        Raises InvalidError (no key, or the key of another request).
        """
        claim = self.claim(who, body)
        database: Database = self.request.app.state.database
        async with database.transaction(late=True) as tx:
            prior = await idempotency.get_answer(tx, claim)
        if isinstance(prior, DomainError):
            raise prior
        return None if prior is None else send(prior)

    async def once(
        self,
        who: Principal,
        body: BaseModel | None,
        act: Callable[[Transaction], Awaitable[BaseModel | Reply | None]],
        *,
        status: int = 200,
    ) -> Response:
        """Run `act` in a transaction, once per key; the same key again gets the same answer.

        Raises InvalidError (no key, or the key of another request) and ConflictError (its twin still runs).
        """
        claim = self.claim(who, body)
        database: Database = self.request.app.state.database
        try:
            async with database.transaction(cause=request_id(self.request)) as tx:
                (prior,) = await idempotency.claim(tx, [claim])
                if isinstance(prior, DomainError):
                    raise prior
                if prior is not None:
                    return send(prior)
                reply = as_reply(await act(tx), status)
                await idempotency.settle(tx, [(claim, reply)])
                failpoint("api.before_commit")
        except Exception as error:
            if db.is_contended(error):
                raise ConflictError("the same or a competing request is still being served; send it again") from error
            raise
        failpoint("api.committed")
        return send(reply)


async def the_call(request: Request) -> Call:
    """Make the call in the loop: a class, as any plain function, would be called in a thread of the pool."""
    return Call(request)


Mutation = Annotated[Call, Depends(the_call)]


def as_reply(result: BaseModel | Reply | None, status: int) -> Reply:
    """Make an answer of what an action gave."""
    if isinstance(result, Reply):
        return result
    return Reply.of(result, status) if result is not None else Reply(status, None, {})


def send(reply: Reply) -> Response:
    """Make the HTTP response of an answer."""
    if reply.body is None:
        return Response(status_code=204 if reply.status == 200 else reply.status, headers=dict(reply.headers))  # noqa: PLR2004
    content = orjson.dumps(reply.body)
    return Response(content, reply.status, dict(reply.headers), media_type="application/json")


def require_match(request: Request, version: int) -> None:
    """Compare If-Match with the row's version; absent or `*` matches; raises StaleError."""
    wanted = request.headers.get("if-match", "*")
    if wanted != "*" and wanted.strip('W/"') != str(version):
        raise StaleError(
            f"you edited version {wanted}, the current one is {version}: read it again", extra={"version": version}
        )


def etag(version: int) -> str:
    """Give the ETag of a row's version."""
    return f'"{version}"'


def problem(request: Request, error: DomainError) -> JSONResponse:
    """Answer with problem+json (RFC 9457)."""
    content: dict[str, object] = {
        "type": f"urn:doorstep:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "request_id": getattr(request.state, "request_id", ""),
    }
    if error.errors:
        content["errors"] = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors]
    content.update(error.extra)
    return JSONResponse(content, status_code=error.status, headers=error.headers, media_type="application/problem+json")


async def _on_domain_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, DomainError):
        raise error
    return problem(request, error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = field_errors(error)
    names = ", ".join(sorted({e.pointer for e in errors}))
    invalid = InvalidError(
        f"{len(errors)} field{'s' if len(errors) != 1 else ''} cannot be accepted: {names}", errors=errors
    )
    return problem(request, invalid)


def field_errors(error: RequestValidationError) -> tuple[FieldError, ...]:
    """Translate what pydantic found into fields a caller can find, by JSON pointer."""
    return tuple(_field_error(entry) for entry in error.errors())


def _field_error(entry: Any) -> FieldError:  # noqa: ANN401 - pydantic's own dictionary
    where, *path = entry["loc"]
    prefix = "" if where == "body" else f"/{where}"
    pointer = prefix + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
    code = {"missing": "required", "extra_forbidden": "unknown_field"}.get(entry["type"], str(entry["type"]))
    detail = re.sub(r"^Value error, ", "", str(entry["msg"]))
    return FieldError(_sayable(pointer) or "/", code, _sayable(detail))


def _sayable(text: str) -> str:
    """Give text that UTF-8 can carry: a field's own name may hold half of a surrogate pair."""
    return text.encode(errors="replace").decode()


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    named = type(
        "HttpProblem", (DomainError,), {"status": error.status_code, "code": _CODES.get(error.status_code, "error")}
    )
    return problem(request, named(str(error.detail), headers=dict(error.headers or {})))


_CODES = {413: "too_large", 404: "not_found", 405: "method_not_allowed", 400: "bad_request"}


async def _on_any_error(request: Request, error: Exception) -> Response:
    return problem(request, error) if isinstance(error, DomainError) else fault(request, error)


def fault(request: Request, error: Exception) -> JSONResponse:
    """Answer for an error nobody foresaw: the database is away, refuses a value, or the fault is ours."""
    if db.is_refused(error) or isinstance(error, OverflowError):
        # The driver quotes the value: only where it happened is said.
        log.error("a value passed the door", exc_info=error, error="", route=_route(request), method=request.method)
        return problem(request, InvalidError("a value is too large, too long or not storable"))
    if db.is_overtime(error):
        log.error("statement took too long", error=error, route=_route(request), method=request.method)
        detail = "the database took too long for this request and ended it; nothing of it was done, try again"
        return problem(request, UnavailableError(detail, headers={"Retry-After": "1"}))
    if db.is_away(error) or db.is_transient(error):
        log.warning("database away", error=error)
        return problem(request, UnavailableError("the database is away; try again", headers={"Retry-After": "1"}))
    log.error("request failed", exc_info=error, route=_route(request), method=request.method)
    broken = type("Broken", (DomainError,), {"status": 500, "code": "internal", "title": "A fault of ours"})
    return problem(request, broken("something failed on our side; it was recorded under this request id"))


def _route(request: Request) -> str:
    """Name the route by its template: a path may hold what a customer is found by."""
    return str(getattr(request.scope.get("route"), "path", "unmatched"))


def install_errors(app: FastAPI) -> None:
    """Answer every error with problem+json."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_any_error)


class Edge:
    """The outermost ASGI layer: request id, trace, body limit, metrics, count of requests in flight.

    `roomy` names the paths that take a larger body than others, and its limit in bytes; `on_fault` answers what no
    handler did.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        counters: "Counters",
        roomy: Mapping[str, int] | None = None,
        on_fault: OnFault | None = None,
    ) -> None:
        self._app = app
        self._roomy = roomy or {}
        self._service = service
        self._counters = counters
        self._on_fault = on_fault or _on_any_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        identity = headers.get(b"x-request-id", "")[:100] or str(new_id())
        scope.setdefault("state", {})["request_id"] = identity
        status = 500
        started = clock.monotonic()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((b"x-request-id", identity.encode("latin-1")))
            await send(message)

        counts = scope["path"] != "/internal/rest"
        self._counters.in_flight += counts
        try:
            with tracing.trace(headers.get(b"traceparent")):
                most = self._roomy.get(scope["path"], MAX_BODY_BYTES)
                await self._answer(scope, _limited(receive, headers, most), send_with_id)
        finally:
            self._counters.in_flight -= counts
            self._counters.served += counts
            route = getattr(scope.get("route"), "path", "unmatched")
            metrics.HTTP_SECONDS.labels(self._service, scope["method"], route, str(status)).observe(
                clock.monotonic() - started
            )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer faults too: beyond this layer they would close the caller's connection behind their answer."""
        is_answering = False

        async def note_and_send(message: Message) -> None:
            nonlocal is_answering
            is_answering = True
            await send(message)

        try:
            _check_address(scope)
            await self._app(scope, receive, note_and_send)
        except Exception as error:
            if is_answering:
                raise
            response = await self._on_fault(Request(scope), error)
            await response(scope, receive, send)


def _check_address(scope: Scope) -> None:
    """Refuse an address that no row can be named by; raises InvalidError and TooLongError."""
    if len(scope["path"].encode()) > MAX_PATH_BYTES:
        raise TooLongError(f"a path may have at most {MAX_PATH_BYTES} bytes")
    names = ["/path"] if "\x00" in scope["path"] else []
    if b"%00" in scope["query_string"]:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        names += [f"/query/{name}" for name, value in pairs if "\x00" in value]
    if names:
        detail = "may not contain the character NUL"
        raise InvalidError(
            f"{', '.join(names)} {detail}", errors=tuple(FieldError(n, "invalid", detail) for n in names)
        )


@dataclass(slots=True)
class Counters:
    """Requests of one process."""

    in_flight: int = 0
    served: int = 0


def _limited(receive: Receive, headers: dict[bytes, str], most: int) -> Receive:
    length = headers.get(b"content-length", "0")
    too_large = HTTPException(413, f"a body may have at most {most // 1024} KB")
    if length.isdigit() and int(length) > most:

        async def refuse() -> Message:
            raise too_large

        return refuse
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise too_large
        return message

    return counted


def public_router(**options: Any) -> APIRouter:  # noqa: ANN401 - APIRouter's own options
    """Make a router whose answers document problem+json."""
    return APIRouter(responses={422: {"description": "problem+json naming each bad field"}}, **options)


def one_level(*parts: APIRouter) -> APIRouter:
    """Put the routes of routers side by side: FastAPI matches a request twice at each level of nested ones."""
    router = APIRouter()
    router.routes.extend(route for part in parts for route in part.routes)
    return router
