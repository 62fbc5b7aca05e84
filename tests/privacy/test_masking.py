"""Whose answers tell who a customer is: a list that nothing joins by itself."""

from importlib import import_module
from typing import Any

import pytest
from fastapi import FastAPI

from shared.operators import operators_router
from tests.house_rules.test_routes import SERVICES

pytestmark = pytest.mark.security(11)

# Fields that tell of a person wherever they stand; of a warehouse, only on the routes of locations.
TELLING = frozenset(
    {
        "email", "phone", "line1", "line2", "street", "company", "delivery_instructions", "recipient", "customer",
        "shipping_address", "gift", "gift_message", "message", "note", "ticket", "comment", "body", "metadata",
        "properties",
    }
)  # fmt: skip
_SCANS = "the carrier's words on a scan"
_LOCATION = "a warehouse's own address"
_ITS_OWN = "what the storefront sent along, back to the storefront"
_EMPTY = "the storefront's own view; here always without what it sent along"
MAY_TELL: dict[str, dict[str, str]] = {
    "orders": {
        "GET /staff/orders/{named}/person": "masked until the caller is verified; each look is kept",
        "GET /internal/orders/{order_id}/recipient": "for a service, at the moment of use",
        "GET /internal/orders/{order_id}/enclosure": "what the packer engraves, lays in and prints; no name or address",
        "GET /v1/orders": _ITS_OWN,
        "GET /v1/orders/{named}": _ITS_OWN,
        "GET /staff/orders/{named}": _EMPTY,
        "GET /internal/orders/{order_id}": _EMPTY,
        "GET /customer/order": _EMPTY,
    },
    "inventory": {
        "GET /staff/locations": _LOCATION,
        "GET /internal/locations/{code}": _LOCATION,
    },
    "shipping": {
        "GET /staff/shipments/{shipment_id}": _SCANS,
        "GET /internal/shipments/{shipment_id}": _SCANS,
    },
    "care": {
        "GET /staff/contacts": "an order's contacts, for who talks to its customer",
        "GET /staff/messages": "what was written to a customer, for who talks to them",
        "GET /staff/evidence": "what a customer said of a photo",
        "GET /staff/cases/{case_id}": "what a customer reported, for who works the case",
    },
}  # fmt: skip


def document(service: str) -> dict[str, Any]:
    """Make a service's OpenAPI document."""
    found = import_module(f"services.{service}.app").service
    app = FastAPI(separate_input_output_schemas=False)
    app.include_router(found.router)
    app.include_router(operators_router(found.pause_kinds, service, found.personal))
    made: dict[str, Any] = app.openapi()
    return made


def fields_of(schema: Any, whole: dict[str, Any], seen: frozenset[str] = frozenset()) -> set[str]:  # noqa: ANN401 - JSON
    """Give the names of all fields that an answer of this schema may have."""
    if isinstance(schema, list):
        return set().union(*(fields_of(part, whole, seen) for part in schema))
    if not isinstance(schema, dict):
        return set()
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name in seen:
        return set()
    inner = whole["components"]["schemas"][name] if name else schema
    found = set(inner.get("properties", {}))
    parts = [*inner.get("properties", {}).values(), *(inner.get(key) for key in ("items", "anyOf", "allOf", "oneOf"))]
    return found.union(*(fields_of(part, whole, seen | {name} if name else seen) for part in parts))


def telling(service: str) -> dict[str, set[str]]:
    """Give the reading routes whose answers tell of a person, and by which fields."""
    whole = document(service)
    found: dict[str, set[str]] = {}
    for path, methods in whole["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        told = fields_of(answer.get("application/json", {}).get("schema"), whole) & TELLING
        if told:
            found[f"GET {path}"] = told
    return found


def test_no_answer_but_those_listed_tells_who_a_customer_is() -> None:
    found = {service: telling(service) for service in SERVICES}

    assert {service: set(routes) for service, routes in found.items()} == {
        service: set(routes) for service, routes in MAY_TELL.items()
    }, found


def test_an_answer_that_would_tell_is_found() -> None:
    assert "email" in telling("orders")["GET /staff/orders/{named}/person"]
    assert "comment" in telling("care")["GET /staff/cases/{case_id}"]
