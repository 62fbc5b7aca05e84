"""The classes of the tables say what the migrations made."""

import asyncpg
import pytest
from sqlmodel import SQLModel

from services.care import models

TABLES = sorted((getattr(models, name) for name in models.__all__), key=lambda table: str(table.__tablename__))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.__tablename__))
async def test_a_tables_class_has_the_columns_of_the_migrated_table(
    table: type[SQLModel], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    rows = await database.fetch(
        "select column_name from information_schema.columns where table_schema = 'public' and table_name = $1",
        str(table.__tablename__),
    )
    assert {row["column_name"] for row in rows} == set(table.model_fields)
