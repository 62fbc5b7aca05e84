"""What the services say of themselves: every operation, every field, and how to write a request around one of them."""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, cast
from uuid import uuid4

from shared import clock
from shared.auth import Scope
from shared.doors import MAX_BODY_BYTES
from shared.openapi import DescribedApi
from shared.operators import operators_router

SERVICES = ("orders", "inventory", "shipping", "care")
Json = Any
Schema = Mapping[str, Json]
# What a schema cannot say of a text that must be of some form.
_TEXTS = {
    "country_code": "DE", "currency": "EUR", "url": "https://example.com/hook", "email": "ann@example.com",
    "time_zone": "Europe/Berlin", "order_by": "12:00", "truck_at": "15:00", "phone": "+49 40 1234567",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A place in a request; `fill` writes the whole body around a value for it, such as its example."""

    pointer: str
    schema: Schema
    fill: Callable[[Json], Json]
    example: Json

    @property
    def kind(self) -> str:
        """Say what the field holds: a format, else a type."""
        return str(self.schema.get("format") or self.schema.get("type") or "anything")

    @property
    def is_free(self) -> bool:
        """Say whether it takes objects of any content."""
        return self.schema.get("type") == "object" and bool(self.schema.get("additionalProperties", True))


@dataclass(frozen=True)
class Parameter:
    """A part of the path or of the query."""

    name: str
    where: str
    schema: Schema


@dataclass(frozen=True)
class Operation:
    """One operation of one service; `raw` names the media types of a body that is read as it comes."""

    service: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    fields: tuple[Field, ...]
    body: Json
    raw: tuple[str, ...]
    most_bytes: int
    scopes: frozenset[Scope]
    answers: Json
    is_list: bool

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"


def operations() -> list[Operation]:
    """List every operation of every service, the operators' routes once per service."""
    return [operation for name in SERVICES for operation in _Document(name).operations()]


class _Document:
    def __init__(self, name: str) -> None:
        service = import_module(f"services.{name}.app").service
        app = DescribedApi(separate_input_output_schemas=False)
        app.include_router(service.router)
        app.include_router(operators_router(service.pause_kinds))
        self._name = name
        self._root = app.openapi()

    def operations(self) -> Iterator[Operation]:
        for path, methods in self._root["paths"].items():
            for method, spec in methods.items():
                body = spec.get("requestBody", {})
                content, most_bytes = body.get("content", {}), body.get("x-max-bytes")
                schema = content["application/json"]["schema"] if content and most_bytes is None else None
                yield Operation(
                    self._name, method.upper(), path,
                    tuple(self._parameter(one) for one in spec.get("parameters", ())),
                    tuple(self._fields(schema)) if schema else (),
                    self.example(schema) if schema else None,
                    tuple(content) if most_bytes is not None else (), most_bytes or MAX_BODY_BYTES,
                    frozenset(map(Scope, spec["x-scopes"])), spec["responses"], self._is_list(spec["responses"]),
                )  # fmt: skip

    def _parameter(self, spec: Json) -> Parameter:
        return Parameter(spec["name"], spec["in"], self._choices(spec["schema"])[0])

    def _is_list(self, answers: Json) -> bool:
        """Say whether an answer is a list, as all of ours are: in `data`."""
        schema = answers.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
        listed = self._choices(schema)[0].get("properties", {}).get("data", {})
        return bool(listed.get("type") == "array")

    def _choices(self, schema: Schema) -> list[Schema]:
        """Give what a schema stands for, without null."""
        if "$ref" in schema:
            target: Json = self._root
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return self._choices(target)
        if "anyOf" in schema:
            return [found for one in schema["anyOf"] if one.get("type") != "null" for found in self._choices(one)]
        return [schema]

    def _fields(self, schema: Schema, called: str = "") -> Iterator[Field]:
        for chosen in self._choices(schema):
            if properties := chosen.get("properties"):
                for name, inner in properties.items():
                    yield from self._inside(chosen, name, inner)
            elif chosen.get("type") == "array":
                for field in self._fields(chosen["items"], called):
                    yield replace(field, pointer=f"/0{field.pointer}", fill=_listed(field.fill))
            else:
                yield Field("", chosen, lambda value: value, self.example(chosen, called))

    def _inside(self, outer: Schema, name: str, inner: Schema) -> Iterator[Field]:
        around = self.example(outer)
        for field in self._fields(inner, name):
            yield replace(field, pointer=f"/{name}{field.pointer}", fill=_put(around, name, field.fill))

    def example(self, schema: Schema, name: str = "") -> Json:
        """Write the least that a schema takes."""
        chosen = self._choices(schema)[0]
        if "enum" in chosen or "const" in chosen:
            return chosen.get("const", chosen.get("enum", [None])[0])
        writers: dict[str, Callable[[], Json]] = {
            "object": lambda: {one: self.example(chosen["properties"][one], one) for one in chosen.get("required", ())},
            "array": lambda: [self.example(chosen["items"], name)] * max(1, chosen.get("minItems", 0)),
            "integer": lambda: max(1, chosen.get("minimum", 1)),
            "number": lambda: 1,
            "boolean": lambda: False,
            "string": lambda: _text(chosen, name),
        }
        return writers[cast("str", chosen.get("type", "object"))]()


def _text(schema: Schema, name: str) -> str:
    formats = {
        "uuid": lambda: str(uuid4()),
        "date-time": lambda: clock.real().isoformat(),
        "date": lambda: clock.real().date().isoformat(),
    }
    write = formats.get(schema.get("format", ""))
    return write() if write else _TEXTS.get(name, "a" * max(3, schema.get("minLength", 0)))


def _listed(fill: Callable[[Json], Json]) -> Callable[[Json], Json]:
    return lambda value: [fill(value)]


def _put(around: Json, name: str, fill: Callable[[Json], Json]) -> Callable[[Json], Json]:
    return lambda value: {**copy.deepcopy(around), name: fill(value)}
