"""Requests of an operation, as somebody who may make them."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx

from shared.ids import new_id
from tests.clients import Clients
from tests.doors.openapi import Json, Operation, Parameter

_SOME_ORDER = uuid4()


def fresh() -> dict[str, str]:
    """Give the headers of a call that was not made before."""
    return {"Idempotency-Key": str(new_id())}


class Caller:
    """Sends requests of an operation as somebody who may."""

    def __init__(self, clients: Clients, key: str) -> None:
        self._clients = clients
        self._key = key

    async def send(self, operation: Operation, address: str, body: Json = None) -> httpx.Response:
        """Make the call and give its answer."""
        # json.dumps writes halves of pairs and NUL as escapes, as any client may.
        return await self.send_bytes(operation, address, json.dumps(body).encode() if body is not None else None)

    async def send_bytes(
        self, operation: Operation, address: str, content: bytes | AsyncIterator[bytes] | None
    ) -> httpx.Response:
        """Make the call with a body of whatever bytes, said to be what the operation takes."""
        headers = fresh()
        if content is not None:
            headers["Content-Type"] = operation.raw[0] if operation.raw else "application/json"
        client = self._client(operation)
        if operation.path.startswith("/v1"):
            headers["Authorization"] = f"Bearer {self._key}"
        return await client.request(operation.method, address, content=content, headers=headers)

    def _client(self, operation: Operation) -> httpx.AsyncClient:
        if operation.path.startswith(("/v1", "/carriers")):
            return self._clients.anonymous(operation.service)
        if operation.path.startswith("/customer"):
            return self._clients.of(operation.service, role="customer", subject=str(_SOME_ORDER))
        # What a packer looks at comes from another service with the packer's own token.
        staff = not operation.path.startswith("/internal") or operation.path.endswith("/enclosure")
        role = "admin" if staff else "service"
        return self._clients.of(operation.service, role=role)


def address_of(operation: Operation, **parts: str) -> str:
    """Give a path of an operation; what is not given of it names nothing."""
    path = operation.path
    for parameter in operation.parameters:
        if parameter.where == "path":
            whole = {"uuid": str(uuid4()), "integer": "1"}.get(kind_of(parameter), "abc")
            path = path.replace("{" + parameter.name + "}", parts.get(parameter.name, whole))
    return path


def kind_of(parameter: Parameter) -> str:
    """Say what a parameter holds: a format, else a type."""
    return str(parameter.schema.get("format") or parameter.schema.get("type"))
