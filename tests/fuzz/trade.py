"""A shop in which something happened, so that requests may be about what there is."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import pytest_asyncio

from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.console.shop import open_shop
from tests.fuzz.sender import SERVICES

_IDS = """
select table_name, column_name from information_schema.columns
where table_schema = 'public' and column_name ~ '(^id|_id)$' and data_type = 'uuid' and table_name !~ '_[0-9]+$'
"""
# What has a name that is no id.
_CODES = {
    "sku": ("inventory", "select code from sku"),
    "location": ("inventory", "select code from location"),
    "named": ("orders", "select number from orders"),
    "tracking_number": ("shipping", "select tracking_number from label where tracking_number is not null"),
}
# Who takes these away lets nothing more in.
_LEFT_ALONE = {"key_id", "storefront_id"}
_MOST = 5
Named = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Trade:
    """A shop in which something happened, and what its things are called."""

    key: str
    order: str
    named: Named


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trade(stack: LocalStack) -> AsyncIterator[Trade]:
    """Let orders be placed, shipped, delivered and held; then let nobody work but the doors."""
    shop = await open_shop(stack)
    delivered = await shop.place()
    await shop.ship(delivered)
    await shop.deliver(delivered)
    await shop.ship(await shop.place())
    held = await shop.place()
    hold = {"reason": "manual", "note": "asked by phone"}
    await shop.support.act(f"/staff/orders/{held.id}/holds", hold, key=str(new_id()))
    await shop.place()
    await stack.stop_processes(stack.workers)
    yield Trade(shop.storefront.door.credential(), str(delivered.id), await _named(stack))
    await shop.close()
    await stack.start_processes(stack.workers)


async def _named(stack: LocalStack) -> Named:
    """Give the names of some things of each kind, by what they are called in paths and bodies."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        connection = await asyncpg.connect(stack.dsn(service, "admin"))
        try:
            for table, column in await connection.fetch(_IDS):
                name = f"{table}_id" if column == "id" else column
                asked = f'select distinct {column}::text from "{table}" where {column} is not null limit {_MOST}'
                found.setdefault(name, set()).update(row[0] for row in await connection.fetch(asked))
            for name, (where, asked) in _CODES.items():
                if where == service:
                    found.setdefault(name, set()).update(
                        row[0] for row in await connection.fetch(f"{asked} limit {_MOST}")
                    )
        finally:
            await connection.close()
    return {name: sorted(values) for name, values in found.items() if values and name not in _LEFT_ALONE}
