"""The events' contracts: JSON Schemas and an AsyncAPI document made from the classes, and what breaks them."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared.events import REGISTRY, topic_of

_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "events"

Schema = Mapping[str, object]


def schemas() -> dict[str, Schema]:
    """Give the JSON Schema of every event by its type."""
    return {name: REGISTRY[name].model_json_schema(mode="serialization") for name in sorted(REGISTRY)}


def asyncapi() -> Schema:
    """Give the AsyncAPI 3 document: a channel per producing service, a message per event."""
    sources = sorted({event.source for event in REGISTRY.values()})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Doorstep events",
            "version": "1",
            "description": "CloudEvents 1.0 binary mode over Kafka; key = ce_subject; ce_sequence counts per stream.",
        },
        "channels": {
            source: {
                "address": topic_of(source),
                "messages": {
                    event.event_type: {"$ref": f"#/components/messages/{event.event_type}"}
                    for event in REGISTRY.values()
                    if event.source == source
                },
            }
            for source in sources
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "summary": (REGISTRY[name].__doc__ or "").strip().splitlines()[0],
                    "contentType": "application/json",
                    "payload": {"$ref": f"./schemas/{name}.json"},
                }
                for name in sorted(REGISTRY)
            }
        },
    }


def breaks(old: Schema, new: Schema) -> list[str]:
    """List what in `new` breaks readers or producers of `old`: a breaking change is a new version beside it."""
    return sorted(_object_breaks("", old, new, old, new))


def _object_breaks(path: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema) -> Iterator[str]:
    before, after = _mapping(old, "properties"), _mapping(new, "properties")
    # In serialization mode every field without a default is required, so `required` tells about defaults.
    for name in sorted(before.keys() - after.keys()):
        yield f"{path}/{name} was removed"
    for name in sorted(after.keys() - before.keys()):
        if "default" not in _mapping(after, name):
            yield f"{path}/{name} was added without a default"
    for name in sorted(before.keys() & after.keys()):
        yield from _value_breaks(f"{path}/{name}", _mapping(before, name), _mapping(after, name), old_root, new_root)


def _value_breaks(path: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema) -> Iterator[str]:
    old, new = _resolve(old, old_root), _resolve(new, new_root)
    for part in ("type", "format", "enum", "const"):
        if old.get(part) != new.get(part):
            yield f"{path} changed its {part} from {old.get(part)} to {new.get(part)}"
    if "properties" in old or "properties" in new:
        yield from _object_breaks(path, old, new, old_root, new_root)
    if "items" in old and "items" in new:
        yield from _value_breaks(f"{path}/*", _mapping(old, "items"), _mapping(new, "items"), old_root, new_root)
    if _kinds(old, old_root) != _kinds(new, new_root):
        yield f"{path} changed what it may be"


def _kinds(schema: Schema, root: Schema) -> list[str]:
    choices = schema.get("anyOf", [])
    return sorted(str(_resolve(choice, root).get("type")) for choice in choices) if isinstance(choices, list) else []


def _resolve(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    return _mapping(_mapping(root, "$defs"), reference.rsplit("/", 1)[-1])


def _mapping(schema: Schema, name: str) -> Schema:
    value = schema.get(name, {})
    return value if isinstance(value, dict) else {}


def write(folder: Path = _FOLDER) -> None:
    """Write the schemas and the AsyncAPI document."""
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / "schemas" / f"{name}.json").write_text(json.dumps(schema, indent=2, sort_keys=True) + "\n")
    (folder / "asyncapi.json").write_text(json.dumps(asyncapi(), indent=2) + "\n")


def check(folder: Path = _FOLDER) -> list[str]:
    """Compare the classes with what is written; give every break, and what is not written yet."""
    problems: list[str] = []
    current = schemas()
    for path in sorted((folder / "schemas").glob("*.json")):
        if path.stem not in current:
            problems.append(f"{path.stem} was removed")
            continue
        problems.extend(f"{path.stem}: {line}" for line in breaks(json.loads(path.read_text()), current[path.stem]))
    for name, schema in current.items():
        path = folder / "schemas" / f"{name}.json"
        if not path.exists() or json.loads(path.read_text()) != json.loads(json.dumps(schema)):
            problems.append(f"{name}: docs/events is not up to date: python -m shared.events.contracts write")
    return problems


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        write()
    found = check()
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.exit(1 if found else 0)
