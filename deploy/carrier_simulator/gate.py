"""The way in: counts requests under way, and lets faults delay, refuse or swallow them."""

import asyncio
import logging
from typing import ClassVar

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from deploy.carrier_simulator.engine import Engine
from deploy.carrier_simulator.errors import CarrierError, InternalError, RateLimitedError
from deploy.carrier_simulator.schemas import Fault, FaultKind

_log = logging.getLogger(__name__)


class DroppableConnection(HttpToolsProtocol):
    """A connection that can be cut from inside, as a carrier's dying process would."""

    transports: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is not None:
            self.transports[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client is not None:
            self.transports.pop(self.client, None)
        super().connection_lost(exc)


class Gate:
    """Stands before the API; the simulator's own controls pass untouched."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v2"):
            await self._app(scope, receive, send)
            return
        self._engine.requests_in_flight += 1
        try:
            if self._engine.faults.wants_requests():
                await self._trouble(scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            self._engine.requests_in_flight -= 1

    async def _trouble(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        references = self._references(scope["path"], body)
        route = f"{scope['method']} {scope['path']}"
        slow = self._engine.faults.take(FaultKind.slow, references, route)
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        limited = self._engine.faults.take(FaultKind.rate_limited, references, route)
        if limited is not None:
            await _refuse(send, RateLimitedError(), limited)
        elif self._engine.faults.take(FaultKind.server_error, references, route) is not None:
            await _refuse(send, InternalError(), None)
        elif self._engine.faults.take(FaultKind.refused, references, route) is not None:
            await _refuse(send, CarrierError(), None)
        elif self._engine.faults.take(FaultKind.answer_lost, references, route) is not None:
            await self._app(scope, _replay(body, receive), _swallow)
            await _cut(scope, receive)
        else:
            await self._app(scope, _replay(body, receive), send)

    def _references(self, path: str, body: bytes) -> set[str]:
        """Find out whose parcel a request is about."""
        found: set[object] = set()
        for part in path.split("/"):
            row = None
            if part.startswith("shp_"):
                row = self._engine.store.one("select reference, custom_1 from shipment where id = ?", part)
            elif part.startswith("trk_"):
                row = self._engine.store.one("select reference, custom_1 from tracker where id = ?", part)
            if row is not None:
                found |= {row["reference"], row["custom_1"]}
        return {each for each in found | _named(body) if isinstance(each, str)}


def _named(body: bytes) -> set[object]:
    try:
        document = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return set()
    shipment = document.get("shipment") if isinstance(document, dict) else None
    if not isinstance(shipment, dict):
        return set()
    options = shipment.get("options")
    printed = options.get("print_custom_1") if isinstance(options, dict) else None
    return {each for each in (shipment.get("reference"), printed) if isinstance(each, str)}


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


async def _swallow(message: Message) -> None:
    _log.debug("an answer was lost: %s", message["type"])


async def _cut(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer, and wait until it is closed."""
    transport = DroppableConnection.transports.get(tuple(scope["client"]))
    if transport is not None:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        continue


async def _refuse(send: Send, error: CarrierError, limited: Fault | None) -> None:
    body = orjson.dumps(error.body())
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if limited is not None:
        headers.append((b"retry-after", str(round(limited.seconds)).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
