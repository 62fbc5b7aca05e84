"""Rows of any of our tables written as sets, one statement for each table of a unit of work."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import Column
from sqlmodel import SQLModel

from shared.db import Transaction

Row = dict[str, object]


@lru_cache(maxsize=64)
def columns_of(model: type[SQLModel]) -> tuple[str, ...]:
    """List the columns we write; the database itself fills identities."""
    return tuple(column.name for column in _table_columns(model) if column.identity is None)


@lru_cache(maxsize=64)
def _keys_of(model: type[SQLModel]) -> tuple[str, ...]:
    return tuple(column.name for column in _table_columns(model) if column.primary_key and column.identity is None)


def _table_columns(model: type[SQLModel]) -> Sequence["Column[object]"]:
    return list(model.metadata.tables[str(model.__tablename__)].columns)


# By hand: all tables and rows of a batch go in one round trip, which a mapper would send table by table.
@lru_cache(maxsize=64)
def _upsert(model: type[SQLModel]) -> str:
    table, names = str(model.__tablename__), columns_of(model)
    listed = ", ".join(names)
    statement = f"insert into {table} ({listed}) select {listed} from jsonb_populate_recordset(null::{table}, $1)"
    keys = _keys_of(model)
    rest = [name for name in names if name not in keys]
    if not keys:
        return statement
    changes = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return f"{statement} on conflict ({', '.join(keys)}) do update set {changes}"


def as_row(row: SQLModel) -> Row:
    """Give a row's values by column, as they are now."""
    return dict(row.__dict__)


async def save(tx: Transaction, rows: Iterable[SQLModel]) -> None:
    """Insert rows, or overwrite those whose key is there already; whoever changes a row holds its order's lock."""
    by_model: dict[type[SQLModel], list[Row]] = defaultdict(list)
    for row in rows:
        by_model[type(row)].append(as_row(row))
    for model in sorted(by_model, key=lambda model: str(model.__tablename__)):
        await tx.write(_upsert(model), by_model[model])
