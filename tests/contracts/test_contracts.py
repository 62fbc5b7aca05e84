"""Every event has a golden example that reads and writes the same, and no change breaks those who read or write it."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shared.events import REGISTRY
from shared.events.contracts import asyncapi, breaks, check, schemas
from tests.contracts.examples import example

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("event_type", sorted(REGISTRY))
def test_the_golden_example_reads_and_writes_the_same(event_type: str) -> None:
    golden = json.loads((GOLDEN / f"{event_type}.json").read_text())
    fact = REGISTRY[event_type].model_validate(golden)
    written = json.loads(fact.model_dump_json())
    assert {name: written[name] for name in golden} == golden
    assert fact.key


def test_there_is_a_golden_example_for_every_event_and_no_other() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == sorted(REGISTRY)


def test_the_written_schemas_are_compatible_and_up_to_date() -> None:
    assert check() == []


@pytest.mark.parametrize("event_type", sorted(REGISTRY))
def test_readers_ignore_fields_they_do_not_know(event_type: str) -> None:
    golden = json.loads((GOLDEN / f"{event_type}.json").read_text())
    assert REGISTRY[event_type].model_validate({**golden, "added_tomorrow": 1})


@pytest.mark.parametrize("event_type", sorted(REGISTRY))
def test_no_event_carries_a_name_a_street_an_email_or_a_phone(event_type: str) -> None:
    names = set(_field_names(schemas()[event_type]))
    personal = {"street", "line1", "line2", "email", "phone", "customer_name", "recipient", "city_street", "address"}
    assert not names & personal


def test_every_event_has_its_message_in_the_asyncapi_document() -> None:
    document: Any = asyncapi()
    assert sorted(document["components"]["messages"]) == sorted(REGISTRY)
    assert {channel["address"] for channel in document["channels"].values()} == {
        "doorstep.orders", "doorstep.inventory", "doorstep.shipping", "doorstep.care"
    }  # fmt: skip


def test_removing_retyping_or_adding_a_required_field_is_a_break() -> None:
    old: Any = deepcopy(schemas()["doorstep.orders.order_placed.v1"])
    removed, retyped, required, optional = (deepcopy(old) for _ in range(4))
    del removed["properties"]["number"]
    retyped["properties"]["priority"]["type"] = "string"
    required["properties"]["channel"] = {"type": "string"}
    optional["properties"]["channel"] = {"type": "string", "default": ""}
    nested = deepcopy(old)
    del nested["$defs"]["OrderLine"]["properties"]["sku"]
    assert breaks(old, old) == []
    assert breaks(old, optional) == []
    assert breaks(old, removed) == ["/number was removed"]
    assert breaks(old, retyped) == ["/priority changed its type from integer to string"]
    assert breaks(old, required) == ["/channel was added without a default"]
    assert breaks(old, nested) == ["/lines/*/sku was removed"]


def _field_names(schema: Any) -> list[str]:  # noqa: ANN401 - JSON Schema
    parts = [schema, *schema.get("$defs", {}).values()]
    return [name for part in parts for name in part.get("properties", {})]


def test_the_examples_fill_every_field() -> None:
    made = example(REGISTRY["doorstep.orders.order_placed.v1"])
    assert set(made) == set(REGISTRY["doorstep.orders.order_placed.v1"].model_fields)
