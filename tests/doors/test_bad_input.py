"""Nothing a caller sends is a fault of ours: every field of every operation refuses what cannot be kept, by name."""

from collections.abc import Iterator
from typing import cast
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.doors.caller import Caller, address_of, kind_of
from tests.doors.openapi import Field, Json, Operation, operations

NUL, HALF = "ab\x00cd", "ab\ud800cd"
HUGE = 10**30
MOMENTS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-03-02T10:00:00")
DAYS = ("0001-01-01", "9999-12-31")
FORMATS: dict[str, tuple[Json, ...]] = {
    "string": (NUL, HALF, HUGE),
    "uuid": (NUL, HALF, HUGE),
    "integer": (HUGE, -HUGE, NUL, 1e300),
    "number": (HUGE, NUL),
    "date-time": (*MOMENTS, NUL, HUGE),
    "date": (*DAYS, NUL, HUGE),
}
OPERATIONS = operations()


def nested(levels: int) -> Json:
    """Write lists within lists."""
    value: Json = "inside"
    for _ in range(levels):
        value = [value]
    return value


def bad_values(field: Field) -> Iterator[Json]:
    """Give what a field must refuse; a field of free content refuses it inside."""
    yield from FORMATS.get(field.kind, (NUL, HUGE))
    yield nested(300)
    if field.is_free:
        key = str(uuid4()) if field.schema.get("propertyNames", {}).get("format") == "uuid" else "key"
        for value in (NUL, HALF, HUGE, nested(300), float("nan"), float("inf")):
            yield {key: value}
            yield {key: [{"deeper": value}]}
        yield {NUL: 1}
        yield {HALF: 1}


def must_refuse(answer: httpx.Response, *, sent: object) -> list[str]:
    """Assert that an answer is a refusal as documented; give the pointers it names."""
    assert 400 <= answer.status_code < 500, (sent, answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json", (sent, answer.text[:500])
    assert answer.status_code not in {401, 403, 405}, (sent, answer.text[:500])
    return [error["pointer"] for error in cast("Json", answer.json()).get("errors", ())]


def names(pointers: list[str], wanted: str) -> bool:
    """Say whether a field is named: itself, or the nearest around or inside it."""
    near = [pointer for pointer in pointers if pointer != "/" or not wanted]
    return any(wanted.startswith(pointer) or pointer.startswith(wanted) for pointer in near)


@pytest.mark.security(6)
@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.fields], ids=str)
async def test_every_field_of_a_body_refuses_what_cannot_be_kept(operation: Operation, caller: Caller) -> None:
    is_ours = "shopify" not in operation.path  # a foreign order is refused as a whole when its SKUs are unknown

    for field in operation.fields:
        for value in bad_values(field):
            answer = await caller.send(operation, address_of(operation), field.fill(value))
            sent = (field.pointer, str(value)[:80].encode("ascii", "backslashreplace"))
            pointers = must_refuse(answer, sent=sent)
            assert not is_ours or names(pointers, field.pointer), (sent, answer.text[:500])


@pytest.mark.security(6)
@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body is not None], ids=str)
async def test_a_body_that_is_no_json_is_refused(operation: Operation, caller: Caller) -> None:
    for content in (b"\x00", b"{", b"[1,", b"\xff\xfe", b"nan", b'{"a": }', b"[" * 10_000, b'"\\ud800"'):
        answer = await caller.send_bytes(operation, address_of(operation), content)
        must_refuse(answer, sent=content[:20])


@pytest.mark.security(6)
@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if any(p.where == "query" for p in one.parameters)], ids=str
)
async def test_every_part_of_a_query_refuses_what_cannot_be_asked(operation: Operation, caller: Caller) -> None:
    for parameter in operation.parameters:
        if parameter.where != "query":
            continue
        kind = kind_of(parameter)
        values = [value for value in FORMATS.get(kind, (NUL,)) if value != HALF and (kind, value) != ("string", HUGE)]
        for value in (*values, *(("nan", "inf") if kind == "number" else ())):
            address = f"{address_of(operation)}?{parameter.name}={quote(str(value))}"
            answer = await caller.send(operation, address, operation.body)
            pointers = must_refuse(answer, sent=address)
            assert names(pointers, f"/query/{parameter.name}"), (address, answer.text[:500])
        broken = f"{address_of(operation)}?{parameter.name}=%ED%A0%80"
        answer = await caller.send(operation, broken, operation.body)
        assert answer.status_code < 500, (broken, answer.text[:500])


@pytest.mark.security(6)
@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "{" in one.path], ids=str)
async def test_every_part_of_a_path_refuses_what_names_nothing(operation: Operation, caller: Caller) -> None:
    for parameter in operation.parameters:
        if parameter.where != "path":
            continue
        for value in ("ab%00cd", "ref:%00", str(HUGE), "-1", "%ED%A0%80", "x" * 2000):
            address = address_of(operation, **{parameter.name: value})
            must_refuse(await caller.send(operation, address, operation.body), sent=address[:200])


def test_the_document_is_walked_to_its_leaves() -> None:
    walked = {f"{operation} {field.pointer}" for operation in OPERATIONS for field in operation.fields}

    assert "orders POST /v1/orders /lines/0/unit_price/amount" in walked
    assert "orders POST /v1/orders /metadata" in walked
    assert "inventory POST /staff/locations /locations/0/cut_offs/0/order_by" in walked
    assert "care POST /staff/pauses /scope" in walked
    assert len(walked) > 250
