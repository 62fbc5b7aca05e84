"""More customers than units, all at once, on the running suite."""

import asyncio
import random

import pytest

from deploy.local.stack import LocalStack
from tests.faults.crowd import Crowd
from tests.faults.lengths import Lengths
from tests.faults.look import rows
from tests.journeys.shop import Json

LAST_UNITS = 50
_AT_ONCE = 16
_DEADLOCKS = "select coalesce(sum(deadlocks), 0) as deadlocks from pg_stat_database"


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_orders_for_the_last_units_of_several_articles_get_them_once_and_the_rest_waits(
    stepped_stack: LocalStack, crowd: Crowd, dice: random.Random, lengths: Lengths
) -> None:
    """F13: each order has a line of each article, in an order of its own."""
    shop, gate = crowd.shop, asyncio.Semaphore(_AT_ONCE)
    for sku in range(len(shop.skus)):
        await shop.receive(shop.south, LAST_UNITS, sku=sku)
    before = await _deadlocks(stepped_stack)

    async def place() -> None:
        body = shop.draft(1, 1, 1, location=shop.south)
        dice.shuffle(lines := list[Json](body["lines"]))
        async with gate:
            await crowd.place({**body, "lines": lines})

    await asyncio.gather(*(place() for _ in range(lengths.last_units_orders)))
    await crowd.verify(scarce=True)

    for sku in range(len(shop.skus)):
        stock = await shop.on_shelf(shop.south, sku=sku)
        assert (stock["on_hand"], stock["reserved"], stock["available"]) == (LAST_UNITS, LAST_UNITS, 0)
    assert await _deadlocks(stepped_stack) == before


async def _deadlocks(stack: LocalStack) -> int:
    return int((await rows(stack, "orders", _DEADLOCKS))[0]["deadlocks"])
