"""Every route of every service says who may use it, and mutating ones can be repeated safely."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant

from shared.auth import Picker, Scope
from shared.doors import Mutation
from shared.openapi import is_claimed, raw_body, scopes_of
from shared.operators import operators_router
from tests.house_rules.tree import Source, sources

SERVICES = ("orders", "inventory", "shipping", "care")
# Prefix → the scopes that have business there; a scope of another world on such a route is a mistake.
WORLDS: dict[str, frozenset[Scope]] = {
    "/v1": frozenset({Scope.STOREFRONT}),
    "/internal": frozenset({Scope.INTERNAL, Scope.LOOK_UP, Scope.OPERATE, Scope.PICK}),
    "/staff": frozenset(Scope) - {Scope.STOREFRONT, Scope.PUBLIC, Scope.CUSTOMER},
    "/customer": frozenset({Scope.CUSTOMER}),
    "/carriers": frozenset({Scope.PUBLIC}),  # webhooks: the signature is the credential
}

# Mutating routes without an Idempotency-Key of their own, and what makes the second call harmless there.
REPEATABLE_OTHERWISE = {
    "POST /v1/orders/bulk": "each order of the list makes its own claim",
    "POST /v1/storefronts/shopify/orders": "a claim by Shopify's own id of the order",
    "POST /staff/parcels/{parcel_id}/label": "a parcel has one live label, and the same parcel gives the same again",
    "POST /internal/parcels/{parcel_id}/label": "a parcel has one live label, and the same parcel gives the same again",
    "POST /staff/carrier-labels/reconcile": "a label that was taken over or given back is found no more",
    "POST /carriers/easypost/webhooks": "the carrier's id of the event is kept, and a known one changes nothing",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Entry:
    """A route as it is reached: path, methods and everything it depends on."""

    path: str
    methods: frozenset[str]
    dependant: Dependant
    says_its_body: bool

    @property
    def place(self) -> str:
        """Name the function that answers, by its file."""
        call = self.dependant.call
        return f"{getattr(call, '__module__', '').replace('.', '/')}.py {getattr(call, '__name__', '')}"


def routes(router: APIRouter) -> Iterator[Entry]:
    app = FastAPI()
    app.include_router(router)
    for included in app.routes:
        # FastAPI resolves the routes of an included router only when asked.
        for context in getattr(included, "effective_route_contexts", tuple)():
            says_its_body = context.body_field is not None or "requestBody" in (context.openapi_extra or {})
            yield Entry(context.path, frozenset(context.methods), context.dependant, says_its_body)


def service_routes(name: str) -> list[Entry]:
    service = import_module(f"services.{name}.app").service
    return [*routes(service.router), *routes(operators_router(service.pause_kinds))]


def undeclared(found: list[Entry]) -> list[str]:
    return [f"{sorted(route.methods)} {route.path}" for route in found if not scopes_of(route.dependant)]


def unrepeatable(found: list[Entry]) -> set[str]:
    """Name the mutating routes that take no Idempotency-Key."""
    return {
        f"{method} {route.path}"
        for route in found
        for method in route.methods - _SAFE
        if not is_claimed(route.dependant)
    }


@pytest.mark.security(2)
@pytest.mark.parametrize("name", SERVICES)
def test_every_route_declares_its_scope(name: str) -> None:
    found = service_routes(name)
    assert len(found) > 10
    assert undeclared(found) == []


@pytest.mark.security(2)
@pytest.mark.parametrize("name", SERVICES)
def test_routes_are_open_to_those_they_are_for(name: str) -> None:
    for route in service_routes(name):
        world = next((scopes for prefix, scopes in WORLDS.items() if route.path.startswith(prefix)), None)
        assert world is not None, f"{route.path} lies in no known part of the API"
        assert scopes_of(route.dependant) <= world, route.path


@pytest.mark.security(2)
def test_only_orders_speaks_to_storefronts() -> None:
    speaking = {name for name in SERVICES for route in service_routes(name) if route.path.startswith("/v1")}
    assert speaking == {"orders"}


def test_every_mutating_route_can_be_repeated_safely() -> None:
    found = {route for name in SERVICES for route in unrepeatable(service_routes(name))}
    assert found == set(REPEATABLE_OTHERWISE)


def test_a_mutating_route_that_cannot_be_repeated_is_found() -> None:
    router = APIRouter()

    @router.post("/staff/twice")
    async def forgotten(_who: Picker) -> None:
        """Do it as often as asked."""

    @router.post("/staff/once")
    async def claimed(_call: Mutation, _who: Picker) -> None:
        """Do it once."""

    assert unrepeatable(list(routes(router))) == {"POST /staff/twice"}


def body_readers(source: Source) -> Iterator[str]:
    """Name the functions of a file that read a request's body themselves."""
    for function in ast.walk(source.tree):
        if isinstance(function, ast.AsyncFunctionDef) and any(map(_reads_a_body, ast.walk(function))):
            yield f"{source.path} {function.name}"


def _reads_a_body(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr not in {"body", "stream", "form", "json"}:
        return False
    return ast.unparse(node.value).rpartition(".")[2] == "request"


def silent_about_their_body(readers: set[str], found: list[Entry]) -> set[str]:
    """Name the readers of bodies that no route stands before whose document says what to send."""
    return readers - {route.place for route in found if route.says_its_body}


def test_every_route_that_reads_a_body_says_what_to_send() -> None:
    doors = [
        source for source in sources() if source.path.startswith((*(f"services/{s}/" for s in SERVICES), "shared/"))
    ]
    readers = {name for source in doors for name in body_readers(source)}

    assert len(readers) > 2
    assert silent_about_their_body(readers, [route for name in SERVICES for route in service_routes(name)]) == set()


def test_a_route_that_reads_a_body_nobody_was_told_of_is_found() -> None:
    router = APIRouter()

    @router.post("/staff/silent")
    async def silent(request: Request, _who: Picker) -> int:
        """Take what comes."""
        return len(await request.body())

    @router.post("/staff/said", openapi_extra=raw_body("text/csv", says="A list"))
    async def said(request: Request, _who: Picker) -> int:
        """Take a list."""
        return len([part async for part in request.stream()])

    here = next(source for source in sources() if source.path == "tests/house_rules/test_routes.py")
    readers = {name for name in body_readers(here) if name.endswith((" silent", " said"))}
    assert len(readers) == 2
    assert silent_about_their_body(readers, list(routes(router))) == {f"{here.path} silent"}


@pytest.mark.security(2)
def test_a_route_without_a_scope_is_found() -> None:
    router = APIRouter()

    @router.get("/staff/open")
    async def forgotten() -> None:
        """Let anyone in."""

    @router.get("/staff/closed")
    async def declared(_who: Picker) -> None:
        """Let pickers in."""

    assert undeclared(list(routes(router))) == ["['GET'] /staff/open"]
