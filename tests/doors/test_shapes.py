"""What operations take and answer, read from their documents: nothing unknown comes in, nothing unsaid goes out."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.doors.caller import Caller, address_of
from tests.doors.openapi import Json, Operation, operations

OPERATIONS = operations()
WITH_BODY = [one for one in OPERATIONS if one.body is not None]
RAW = [one for one in OPERATIONS if one.raw]
# A foreign order is taken as its sender writes it: what we do not read of it is left out.
FOREIGN = "/v1/storefronts/shopify/orders"
# What is answered otherwise than as one JSON object, and as what.
OTHER_MEDIA = {
    "GET /staff/evidence/{evidence_id}": "image/jpeg",
    "GET /staff/shipments/{shipment_id}/label": "the label as the carrier made it: PNG, PDF or ZPL",
    "POST /v1/orders/bulk": "application/x-ndjson",
    "POST /carriers/easypost/webhooks": "nothing",
}
# Lists that have no pages, and what keeps them short.
SHORT_LISTS = {
    "/v1/webhook-endpoints": "twenty active ones at most",
    "/staff/storefronts": "one row a storefront",
    "/staff/storefronts/{storefront_id}/keys": "one row a key of a storefront",
    "/staff/look-up": "fifty at most",
    "/staff/orders/{named}/promises": "one row a promise of one order",
    "/staff/orders/{named}/related": "twenty at most",
    "/customer/order/promises": "one row a promise of one order",
    "/staff/pauses": "one row a switch that is set",
    "/staff/reservations": "those of one order",
    "/staff/backlog": "bounded in the query",
    "/staff/drift": "bounded in the query",
    "/internal/shipments": "those of one order",
    "/internal/order-numbers": "one number an order asked for, a hundred at most",
    "/internal/orders/{order_id}/shipments": "those of one order",
    "/staff/cases/counts": "one number a view asked for, forty at most",
    "/staff/cases/{case_id}/suggestions": "the remedies of one playbook",
    "/staff/incidents": "a hundred at most",
    "/staff/evidence": "the photos of one order, ten at most",
}
UNKNOWN = "nobody_asked_for_this"


def with_unknown(body: Json, where: tuple[str | int, ...]) -> Json:
    """Give a body with one field more at a place."""
    if not where:
        return {**body, UNKNOWN: 1}
    first, *rest = where
    inner = with_unknown(body[first], tuple(rest))
    return [inner, *body[1:]] if isinstance(body, list) else {**body, first: inner}


def objects(operation: Operation) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """Give the place of every object in a body that is no free content, with a body that has it."""
    yield (), operation.body
    for field in operation.fields:
        parts: tuple[str | int, ...] = tuple(
            0 if part == "0" else part for part in field.pointer.strip("/").split("/") if part
        )
        body = field.fill(field.example)
        for depth in range(1, len(parts)):
            if isinstance(_at(body, parts[:depth]), dict):
                yield parts[:depth], body


def _at(body: Json, where: tuple[str | int, ...]) -> Json:
    for part in where:
        body = body[part]
    return body


@pytest.mark.security(5)
@pytest.mark.parametrize("operation", [one for one in WITH_BODY if one.path != FOREIGN], ids=str)
async def test_a_field_nobody_knows_is_refused_by_name_wherever_it_stands(operation: Operation, caller: Caller) -> None:
    for where, body in dict(objects(operation)).items():
        answer = await caller.send(operation, address_of(operation), with_unknown(body, where))
        pointer = "".join(f"/{part}" for part in (*where, UNKNOWN))
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, (where, answer.text[:300])
        assert (pointer, "unknown_field") in {(one["pointer"], one["code"]) for one in answer.json()["errors"]}, where


@pytest.mark.security(5)
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_answer_has_a_model(operation: Operation) -> None:
    good = {status: answer for status, answer in operation.answers.items() if status.startswith("2")}
    assert good, "no answer is described"
    if f"{operation.method} {operation.path}" in OTHER_MEDIA:
        return
    for status, answer in good.items():
        if status == "204":
            continue
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        assert "$ref" in schema or schema.get("type") == "array", (status, schema)


@pytest.mark.security(6)
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize("operation", [*WITH_BODY, *RAW], ids=str)
async def test_a_body_beyond_the_limit_is_refused(operation: Operation, caller: Caller, chunked: bool) -> None:
    much = b" " * (operation.most_bytes + 1)

    answer = await caller.send_bytes(operation, address_of(operation), in_chunks(much) if chunked else much)

    assert (answer.status_code, answer.json()["code"]) == (httpx.codes.REQUEST_ENTITY_TOO_LARGE, "too_large")


@pytest.mark.security(6)
@pytest.mark.parametrize("operation", RAW, ids=str)
async def test_a_body_as_large_as_it_may_be_is_looked_at(operation: Operation, caller: Caller) -> None:
    answer = await caller.send_bytes(operation, address_of(operation), b" " * operation.most_bytes)

    assert answer.status_code not in {httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.FORBIDDEN}, answer.text[:300]
    assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, answer.text[:300]


async def in_chunks(content: bytes) -> AsyncIterator[bytes]:
    """Give a body whose length nobody said before."""
    for start in range(0, len(content), 64 * 1024):
        yield content[start : start + 64 * 1024]


@pytest.mark.security(6)
@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.method == "GET"], ids=str)
def test_a_list_has_pages_of_at_most_a_hundred_for_storefronts_and_five_hundred_for_staff(operation: Operation) -> None:
    if not operation.is_list or operation.path in SHORT_LISTS:
        return
    limits = [one.schema for one in operation.parameters if one.name == "limit"]
    most = 100 if operation.path.startswith(("/v1", "/customer")) else 500

    assert [limit["maximum"] <= most for limit in limits] == [True], f"{operation} gives as much as there is"
