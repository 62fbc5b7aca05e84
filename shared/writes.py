"""Statements that change rows, sent as one: most of what a short transaction costs is its trips to the database."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

ROWS = "{rows}"
"""Stands in a statement where its one parameter goes: its rows, as jsonb."""

Writes = Mapping[str, tuple[str, object]]
"""By table the statement and its rows; of one table only one, since a statement cannot change a row twice."""


def statement_of(writes: Writes) -> str:
    """Give the one statement that does all; its parameters are the rows of each, in order."""
    *others, last = _placed(tuple(statement for statement, _ in writes.values()), 0)
    return f"with {', '.join(_named(others))} {last}" if others else last


def beside(writes: Writes, taken: int) -> str:
    """Give them as the clauses of a longer statement's `with`, each followed by a comma; it has `taken` parameters."""
    return "".join(f"{one}, " for one in _named(_placed(tuple(statement for statement, _ in writes.values()), taken)))


def rows_of(writes: Writes) -> list[object]:
    """Give the parameters."""
    return [rows for _, rows in writes.values()]


# Rather one word too many: what only reads may as well be inside a transaction.
_CHANGES = re.compile(
    r"\b(insert|update|delete|merge|truncate|lock|share|call|do|set|create|alter|drop|copy)\b|advisory|notify|set_config",
    re.IGNORECASE,
)


@lru_cache(maxsize=1024)
def only_reads(sql: str) -> bool:
    """Say whether a statement surely changes and locks nothing, so that it needs no transaction."""
    return sql.lstrip()[:6].lower().startswith(("select", "with")) and not _CHANGES.search(sql)


@lru_cache(maxsize=512)
def _placed(statements: tuple[str, ...], taken: int) -> list[str]:
    return [one.replace(ROWS, f"${place}") for place, one in enumerate(statements, start=taken + 1)]


def _named(statements: Iterable[str]) -> list[str]:
    return [f"w{number} as ({statement})" for number, statement in enumerate(statements)]
