"""The classes of the tables say what the migrations made, and every fact we hear has its place on the timeline."""

import pytest
from sqlmodel import SQLModel

from services.orders import models
from services.orders.actions.facts import TELLINGS
from services.orders.handlers import router
from services.orders.queries.rows import columns_of
from shared.events.base import REGISTRY
from tests.orders.rig import Rig

CLASSES = [getattr(models, name) for name in models.__all__]
TABLES = sorted(
    (found for found in CLASSES if isinstance(found, type) and issubclass(found, SQLModel)),
    key=lambda table: str(table.__tablename__),
)
_NOT_ABOUT_ORDERS = {"sku_saved", "location_saved", "stock_changed"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.__tablename__))
async def test_a_tables_class_has_the_columns_of_the_migrated_table(table: type[SQLModel], rig: Rig) -> None:
    async with rig.database.transaction() as tx:
        rows = await tx.fetch(
            "select column_name, is_identity = 'YES' as made from information_schema.columns "
            "where table_schema = 'public' and table_name = $1",
            str(table.__tablename__),
        )

    assert {row["column_name"] for row in rows} == set(table.model_fields)
    assert {row["column_name"] for row in rows if not row["made"]} == set(columns_of(table))


def test_every_fact_we_say_or_hear_of_an_order_has_its_sentence() -> None:
    ours = {kind for kind, fact in REGISTRY.items() if fact.source == "orders"}
    names = {kind.split(".")[2] for kind in ours | set(router.handlers)}

    assert names - _NOT_ABOUT_ORDERS == set(TELLINGS)
