"""Makes an example of an event from its schema; `python -m tests.contracts.examples` writes missing golden files."""

import json
from pathlib import Path
from typing import Any

from shared.events import REGISTRY, Event

GOLDEN = Path(__file__).parent / "golden"
_FORMATS = {"uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "date-time": "2026-03-02T07:00:00Z"}


def example(event: type[Event]) -> dict[str, Any]:
    """Fill every field of an event."""
    schema = event.model_json_schema(mode="serialization")
    made = _value(schema, schema, event.__name__)
    assert isinstance(made, dict)
    return made


def _value(schema: dict[str, Any], root: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - JSON
    if "$ref" in schema:
        return _value(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root, name)
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], root, name)
    kind = schema.get("type")
    if kind == "object":
        return {field: _value(part, root, field) for field, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_value(schema["items"], root, name)]
    plain = {"integer": 3, "boolean": True, "number": 1.5}
    return plain.get(str(kind), _FORMATS.get(schema.get("format", ""), name))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for event_type, event_class in REGISTRY.items():
        path = GOLDEN / f"{event_type}.json"
        if not path.exists():
            path.write_text(json.dumps(example(event_class), indent=2) + "\n")
