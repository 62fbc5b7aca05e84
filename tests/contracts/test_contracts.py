"""Every event has a golden example that reads and writes the same, and no change breaks those who read or write it."""

import hashlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shared.events import REGISTRY
from shared.events.contracts import asyncapi, breaks, check, main, schemas, write
from tests.contracts import corpus
from tests.contracts.examples import example

# Events that no recording has yet: `make corpus` records them.
NOT_RECORDED: frozenset[str] = frozenset()
# What each release has published, by SHA-256; later versions are held to it.
RELEASED = {"0.1.0.ndjson.gz": "d567a6a2021f6e503396798103e45ad5ec590e215445899fb7cd690d21770cab"}
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


@pytest.mark.security(11)
@pytest.mark.parametrize("event_type", sorted(REGISTRY))
def test_no_event_carries_a_name_a_street_an_email_or_a_phone(event_type: str) -> None:
    names = set(_field_names(schemas()[event_type]))
    personal = {"street", "line1", "line2", "email", "phone", "customer_name", "recipient", "city_street", "address"}
    assert not names & personal


def test_every_event_is_among_those_recorded() -> None:
    recorded = {str(row["type"]) for path in corpus.files() for row in corpus.read(path)}
    assert recorded == REGISTRY.keys() - NOT_RECORDED, "record it, or name it as not recorded yet"


def test_what_a_release_has_published_stays_as_it_was_recorded() -> None:
    recorded = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in corpus.files()}
    del recorded[f"{corpus.UNRELEASED}.ndjson.gz"]
    assert recorded == RELEASED


def test_a_release_is_recorded_once_and_what_is_not_released_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "DIRECTORY", tmp_path)
    first = corpus.write("9.9.9", [{"type": "first"}]).read_bytes()
    corpus.write(corpus.UNRELEASED, [{"type": "first"}])

    with pytest.raises(FileExistsError, match=r"9\.9\.9 was released"):
        corpus.write("9.9.9", [{"type": "second"}])

    assert (tmp_path / "9.9.9.ndjson.gz").read_bytes() == first
    assert corpus.write(corpus.UNRELEASED, [{"type": "second"}]).read_bytes() != first


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


def test_a_break_inside_an_optional_object_is_found() -> None:
    old: Any = deepcopy(schemas()["doorstep.orders.hold_released.v1"])
    optional: Any = {"anyOf": [{"$ref": "#/$defs/Money"}, {"type": "null"}], "default": None}
    old["properties"]["fee"] = optional
    placed: Any = deepcopy(schemas()["doorstep.orders.order_placed.v1"])
    old["$defs"]["Money"] = placed["$defs"]["Money"]
    removed, retyped, narrowed = (deepcopy(old) for _ in range(3))
    del removed["$defs"]["Money"]["properties"]["currency"]
    retyped["$defs"]["Money"]["properties"]["amount"]["type"] = "string"
    narrowed["properties"]["fee"]["anyOf"] = optional["anyOf"][:1]
    assert breaks(old, deepcopy(old)) == []
    assert breaks(old, removed) == ["/fee/currency was removed"]
    assert breaks(old, retyped) == ["/fee/amount changed its type from integer to string"]
    assert breaks(old, narrowed) == ["/fee changed what it may be"]


def test_another_format_of_an_optional_value_is_a_break() -> None:
    old: Any = {"properties": {"at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}}}
    new: Any = {"properties": {"at": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}}}
    assert breaks(old, new) == ["/at changed its format from date-time to date"]


def test_a_default_that_goes_comes_or_changes_is_a_break() -> None:
    old: Any = deepcopy(schemas()["doorstep.orders.order_placed.v1"])
    gone, came, changed = (deepcopy(old) for _ in range(3))
    del gone["properties"]["priority"]["default"]
    gone["required"].append("priority")
    came["properties"]["number"]["default"] = ""
    came["required"].remove("number")
    changed["properties"]["priority"]["default"] = 9
    assert breaks(old, gone) == ["/priority lost its default"]
    assert breaks(old, came) == ["/number may be missing now"]
    assert breaks(old, changed) == ["/priority changed its default from 0 to 9"]


def test_what_would_hide_a_break_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["write"], tmp_path) == 0
    assert main([], tmp_path) == 0
    path = tmp_path / "schemas" / "doorstep.orders.order_placed.v1.json"
    published = json.loads(path.read_text())
    published["$defs"]["Money"]["properties"]["cents"] = {"type": "integer"}
    path.write_text(json.dumps(published))
    capsys.readouterr()

    assert main(["write"], tmp_path) == 1
    assert "doorstep.orders.order_placed.v1: /value/cents was removed" in capsys.readouterr().out
    assert json.loads(path.read_text()) == published
    assert main([], tmp_path) == 1


def test_an_event_that_went_is_a_break(tmp_path: Path) -> None:
    assert write(tmp_path) == []
    (tmp_path / "schemas" / "doorstep.orders.order_framed.v1.json").write_text("{}")
    assert write(tmp_path) == ["doorstep.orders.order_framed.v1 was removed"]


def _field_names(schema: Any) -> list[str]:  # noqa: ANN401 - JSON Schema
    parts = [schema, *schema.get("$defs", {}).values()]
    return [name for part in parts for name in part.get("properties", {})]


def test_the_examples_fill_every_field() -> None:
    made = example(REGISTRY["doorstep.orders.order_placed.v1"])
    assert set(made) == set(REGISTRY["doorstep.orders.order_placed.v1"].model_fields)
