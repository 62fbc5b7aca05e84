"""The events' contracts: JSON Schemas and an AsyncAPI document made from the classes, and what breaks them."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
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
    # A field without a default is required: old events may lack what came later, and only a default fills it in.
    needed_before, needed = _listed(old, "required"), _listed(new, "required")
    for name in sorted(before.keys() - after.keys()):
        yield f"{path}/{name} was removed"
    for name in sorted(after.keys() - before.keys()):
        if "default" not in _mapping(after, name):
            yield f"{path}/{name} was added without a default"
    for name in sorted(before.keys() & after.keys()):
        earlier, later = _mapping(before, name), _mapping(after, name)
        if (name in needed) != (name in needed_before):
            yield f"{path}/{name} " + ("lost its default" if name in needed else "may be missing now")
        elif earlier.get("default") != later.get("default"):
            yield f"{path}/{name} changed its default from {earlier.get('default')} to {later.get('default')}"
        yield from _value_breaks(f"{path}/{name}", earlier, later, old_root, new_root)


def _value_breaks(path: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema) -> Iterator[str]:
    old, new = _resolve(old, old_root), _resolve(new, new_root)
    for part in ("type", "format", "enum", "const"):
        if old.get(part) != new.get(part):
            yield f"{path} changed its {part} from {old.get(part)} to {new.get(part)}"
    if "properties" in old or "properties" in new:
        yield from _object_breaks(path, old, new, old_root, new_root)
    if "items" in old and "items" in new:
        yield from _value_breaks(f"{path}/*", _mapping(old, "items"), _mapping(new, "items"), old_root, new_root)
    before, after = _choices(old, old_root), _choices(new, new_root)
    if [choice.get("type") for choice in before] != [choice.get("type") for choice in after]:
        yield f"{path} changed what it may be"
        return
    for earlier, later in zip(before, after, strict=True):
        yield from _value_breaks(path, earlier, later, old_root, new_root)


def _choices(schema: Schema, root: Schema) -> list[Schema]:
    """Give what a value may be, by type: an optional object is one of its own or null."""
    choices = schema.get("anyOf", [])
    resolved = [_resolve(choice, root) for choice in choices] if isinstance(choices, list) else []
    return sorted(resolved, key=lambda choice: (str(choice.get("type")), str(choice.get("title"))))


def _resolve(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    return _mapping(_mapping(root, "$defs"), reference.rsplit("/", 1)[-1])


def _mapping(schema: Schema, name: str) -> Schema:
    value = schema.get(name, {})
    return value if isinstance(value, dict) else {}


def _listed(schema: Schema, name: str) -> list[object]:
    value = schema.get(name, [])
    return value if isinstance(value, list) else []


def write(folder: Path) -> list[str]:
    """Write the schemas and the AsyncAPI document, unless that would hide a break; give the breaks."""
    if broken := _all_breaks(folder):
        return broken
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / "schemas" / f"{name}.json").write_text(json.dumps(schema, indent=2, sort_keys=True) + "\n")
    (folder / "asyncapi.json").write_text(json.dumps(asyncapi(), indent=2) + "\n")
    return []


def _all_breaks(folder: Path) -> list[str]:
    """Give what in the classes breaks what is written."""
    current = schemas()
    broken: list[str] = []
    for path in sorted((folder / "schemas").glob("*.json")):
        if path.stem in current:
            broken.extend(f"{path.stem}: {line}" for line in breaks(json.loads(path.read_text()), current[path.stem]))
        else:
            broken.append(f"{path.stem} was removed")
    return broken


def check(folder: Path = _FOLDER) -> list[str]:
    """Compare the classes with what is written; give every break, and what is not written yet."""
    problems = _all_breaks(folder)
    for name, schema in schemas().items():
        path = folder / "schemas" / f"{name}.json"
        if not path.exists() or json.loads(path.read_text()) != json.loads(json.dumps(schema)):
            problems.append(f"{name}: docs/events is not up to date: python -m shared.events.contracts write")
    return problems


def main(arguments: Sequence[str], folder: Path = _FOLDER) -> int:
    """Check, or write what `write` may; gives the exit status, 1 for a break: it needs a new version of the event."""
    problems = write(folder) if list(arguments) == ["write"] else check(folder)
    sys.stdout.writelines(f"{line}\n" for line in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
