"""A second row of what there may be one of: whoever forgot to look first, the database refuses it."""

from collections.abc import Mapping
from uuid import UUID

import asyncpg
import pytest

from shared.db import Database
from shared.ids import new_id


async def copy_row(database: Database, table: str, row: Mapping[str, object], **different: object) -> UUID:
    """Write a row again, with an id of its own and what else is different; gives the new id."""
    copied = new_id()
    same = " and ".join(f"t.{name} = ${place}" for place, name in enumerate(row, start=2))
    async with database.transaction() as tx:
        written = await tx.execute(
            f"insert into {table} overriding system value "
            f"select twin.* from {table} t, jsonb_populate_record(t, $1) twin where {same}",
            {"id": str(copied), **different},
            *row.values(),
        )
    assert written == 1, "there is one such row"
    return copied


async def refuse_twin(database: Database, key: str, table: str, row: Mapping[str, object], **different: object) -> None:
    """See a unique key refuse a copy of a row."""
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await copy_row(database, table, row, **different)
    assert refused.value.constraint_name == key
