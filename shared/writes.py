"""Statements that change rows, sent as one: most of what a short transaction costs is its trips to the database."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

Write = tuple[str, tuple[object, ...]]
"""A statement and its values, `$1` the first of them."""

Writes = Mapping[str, Write]
"""By table what changes it: one statement each, since two within one do not see each other's rows."""

_TABLE = re.compile(r"\b(?:insert into|update|delete from)\s+(\w+)")
_PLACE = re.compile(r"\$(\d+)")


def statement_of(writes: Writes) -> str:
    """Give the one statement that does all; its values are those of each, in order."""
    *others, last = _placed(writes, 0)
    return f"with {', '.join(_named(others))} {last}" if others else last


def beside(writes: Writes, taken: int) -> str:
    """Give them as clauses of a longer statement's `with`, each followed by a comma; it has `taken` values itself."""
    return "".join(f"{one}, " for one in _named(_placed(writes, taken)))


def values_of(writes: Writes) -> list[object]:
    """Give the values."""
    return [value for _, values in writes.values() for value in values]


@lru_cache(maxsize=512)
def table_of(sql: str) -> str:
    """Give the table that a statement changes; raises ValueError for one that changes none."""
    found = _TABLE.search(sql)
    if found is None:
        raise ValueError(f"changes no table: {sql}")
    return found[1]


def _placed(writes: Writes, taken: int) -> list[str]:
    placed: list[str] = []
    for sql, values in writes.values():
        placed.append(_moved(sql, taken))
        taken += len(values)
    return placed


@lru_cache(maxsize=1024)
def _moved(sql: str, places: int) -> str:
    return _PLACE.sub(lambda place: f"${int(place[1]) + places}", sql) if places else sql


def _named(statements: Iterable[str]) -> list[str]:
    return [f"w{number} as ({statement})" for number, statement in enumerate(statements)]


# Rather one word too many: what only reads may as well be inside a transaction.
_CHANGES = re.compile(
    r"\b(insert|update|delete|merge|truncate|lock|share|call|do|set|create|alter|drop|copy)\b|advisory|notify|set_config",
    re.IGNORECASE,
)


@lru_cache(maxsize=1024)
def only_reads(sql: str) -> bool:
    """Say whether a statement surely changes and locks nothing, so that it needs no transaction."""
    return sql.lstrip()[:6].lower().startswith(("select", "with")) and not _CHANGES.search(sql)
