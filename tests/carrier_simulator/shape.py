"""Compares the shape of two JSON documents: the same keys, the same kinds of values."""

from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def differences(recorded: Json, ours: Json, path: str = "$") -> list[str]:
    """Name every key that is missing or too many, and every value of another kind; null stands for any kind."""
    if recorded is None or ours is None:
        return []
    if isinstance(recorded, dict) and isinstance(ours, dict):
        return _of_objects(recorded, ours, path)
    if isinstance(recorded, list) and isinstance(ours, list):
        pairs = zip(recorded, ours, strict=False)
        return [found for pair in pairs for found in differences(*pair, f"{path}[]")]
    if _kind(recorded) != _kind(ours):
        return [f"{path}: recorded {_kind(recorded)}, ours {_kind(ours)}"]
    return []


def _of_objects(recorded: dict[str, Json], ours: dict[str, Json], path: str) -> list[str]:
    found = [f"{path}.{key}: missing" for key in recorded.keys() - ours.keys()]
    found += [f"{path}.{key}: too many" for key in ours.keys() - recorded.keys()]
    for key in recorded.keys() & ours.keys():
        found += differences(recorded[key], ours[key], f"{path}.{key}")
    return found


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__
