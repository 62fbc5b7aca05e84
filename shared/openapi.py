"""What our OpenAPI documents say beyond fields: who may call an operation, its Idempotency-Key, its raw body."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from shared.auth import Scope
from shared.doors import MAX_BODY_BYTES, the_call
from shared.idempotency import MAX_KEY_LENGTH

_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "a storefront's key: dsk_live_… or dsk_test_…"},
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "a token of five minutes"},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "the same key and body again get the same answer, and nothing happens twice",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
}

_BYTES = {"type": "string", "format": "binary"}


def raw_body(
    *media_types: str, says: str, most_bytes: int = MAX_BODY_BYTES, schema: Mapping[str, object] = _BYTES
) -> dict[str, Any]:
    """Describe the body of a route that reads it as it comes; for the route's `openapi_extra`."""
    return {
        "requestBody": {
            "required": True,
            "description": f"{says}; at most {most_bytes // 1024} KB",
            "content": {one: {"schema": dict(schema)} for one in media_types},
            "x-max-bytes": most_bytes,
        }
    }


class DescribedApi(FastAPI):
    """An application whose document names the scopes of each operation, any of which opens it, as `x-scopes`."""

    def openapi(self) -> dict[str, Any]:
        """Give the document."""
        document = super().openapi()
        components = document.setdefault("components", {})
        if "securitySchemes" not in components:
            components["securitySchemes"] = _SCHEMES
            for context in iter_route_contexts(self.routes):
                for method in context.methods or ():
                    operation = document["paths"].get(context.path_format, {}).get(method.lower())
                    if operation is not None:
                        _complete(operation, context.dependant)
        return document


def _complete(operation: dict[str, Any], dependant: Dependant) -> None:
    scopes = scopes_of(dependant)
    operation["x-scopes"] = sorted(scopes)
    scheme = "key" if Scope.STOREFRONT in scopes else "token"
    operation["security"] = [] if Scope.PUBLIC in scopes else [{scheme: []}]
    if is_claimed(dependant):
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def scopes_of(dependant: Dependant) -> set[Scope]:
    """Give the scopes of which any opens a route; none at all is a mistake."""
    found = set(getattr(dependant.call, "scopes", ()))
    for inner in dependant.dependencies:
        found |= scopes_of(inner)
    return found


def is_claimed(dependant: Dependant) -> bool:
    """Say whether a call of a route takes an Idempotency-Key."""
    return dependant.call is the_call or any(is_claimed(inner) for inner in dependant.dependencies)
