"""Cursors over immutable keys: where a page of a list starts."""

import base64
import binascii

import orjson

from shared.errors import FieldError, InvalidError
from shared.fields import MOST_BIGINT, is_storable


def write_cursor(key: list[str | int]) -> str:
    """Make the cursor behind a row from its key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def read_cursor(cursor: str | None, start: list[str | int]) -> list[str | int]:
    """Give the key a page starts behind; raises InvalidError for a cursor that is none of ours."""
    if cursor is None:
        return start
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        key = None
    fits = isinstance(key, list) and len(key) == len(start)
    if not fits or not all(_fits(part, first) for part, first in zip(key, start, strict=True)):
        error = FieldError("/query/cursor", "invalid_cursor", "not a cursor of this list: start without one")
        raise InvalidError("the cursor cannot be read", errors=(error,))
    return list(key)


def _fits(part: object, first: str | int) -> bool:
    if isinstance(part, str):
        return isinstance(first, str) and is_storable(part)
    return type(part) is type(first) and isinstance(part, int) and abs(part) <= MOST_BIGINT
