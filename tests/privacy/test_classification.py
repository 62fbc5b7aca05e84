"""Every column that can hold a text is said to tell of a customer, of staff or of nobody; none can be forgotten."""

from collections.abc import Mapping
from importlib import import_module

import asyncpg
import pytest

from shared import privacy
from shared.privacy import Table
from tests.privacy.conftest import SERVICES

pytestmark = pytest.mark.security(11)

_TEXTS = """
select c.table_name, c.column_name from information_schema.columns c
join pg_class k on k.oid = quote_ident(c.table_name)::regclass
where c.table_schema = 'public' and not k.relispartition and k.relkind in ('r', 'p')
  and c.udt_name in ('text', 'varchar', 'bpchar', 'name', 'json', 'jsonb', 'xml', 'bytea', 'inet', '_text', '_varchar',
    '_jsonb', 'hstore', 'citext')
"""
_PLUMBING_OF_THE_CONSOLE = {"alembic_version"}


def tables_of(service: str) -> tuple[Table, ...]:
    """Give what a service says of its tables."""
    own: tuple[Table, ...] = import_module(f"services.{service}.queries.personal").TABLES
    shared = [table for table in privacy.PLUMBING if service != "console" or table.name in _PLUMBING_OF_THE_CONSOLE]
    return (*own, *shared)


async def columns(url: str) -> set[tuple[str, str]]:
    """Read the columns of a database that can hold a text."""
    connection = await asyncpg.connect(url)
    try:
        return {(row["table_name"], row["column_name"]) for row in await connection.fetch(_TEXTS)}
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_every_column_of_text_is_classified_once(databases: Mapping[str, str], service: str) -> None:
    said = [(table.name, column) for table in tables_of(service) for column in table.classified]

    assert len(said) == len(set(said)), "a column is classified twice"
    assert set(said) == await columns(databases[service]), (
        f"say in services/{service}/queries/personal.py of whom each column tells"
    )


@pytest.mark.parametrize("service", SERVICES)
async def test_a_column_nobody_thought_of_is_found(databases: Mapping[str, str], service: str) -> None:
    said = {(table.name, column) for table in tables_of(service) for column in table.classified}
    connection = await asyncpg.connect(databases[service])
    table = tables_of(service)[0].name
    await connection.execute(f"alter table {table} add column nickname text")
    try:
        assert await columns(databases[service]) - said == {(table, "nickname")}
    finally:
        await connection.execute(f"alter table {table} drop column nickname")
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
def test_what_tells_of_a_customer_can_be_found_by_the_order(service: str) -> None:
    own: tuple[Table, ...] = import_module(f"services.{service}.queries.personal").TABLES

    assert [table.name for table in own if table.personal and "$1" not in table.of] == []


@pytest.mark.parametrize("service", ["inventory", "console"])
def test_the_warehouse_and_the_console_know_no_customer(service: str) -> None:
    own: tuple[Table, ...] = import_module(f"services.{service}.queries.personal").TABLES

    assert [table.name for table in own if table.personal] == []
