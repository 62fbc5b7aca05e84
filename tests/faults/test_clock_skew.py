"""Machines whose clocks are minutes wrong, those that call each other in opposite directions."""

import asyncio
from collections.abc import Mapping

import pytest

from deploy.local import names
from deploy.local.stack import LocalStack
from tests.faults.crowd import Crowd
from tests.faults.test_deaths_in_mid_journey import DELIVERED, SCANNED
from tests.journeys.shop import DAY, PlacedOrder

WRONG_SECONDS = 600
ORDERS = 4


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ahead", [("orders", "inventory"), ("shipping", "care")])
async def test_services_whose_clocks_are_20_minutes_apart_lose_and_double_nothing(
    stepped_stack: LocalStack, crowd: Crowd, ahead: tuple[str, ...]
) -> None:
    """F20: two are 10 minutes ahead, two 10 minutes behind, and ship to the doorstep before the clocks are set."""
    shop = crowd.shop
    await shop.until_morning()
    await _set_clocks(
        stepped_stack, {name: WRONG_SECONDS if name in ahead else -WRONG_SECONDS for name in names.SERVICES}
    )
    async with crowd.posting():
        await crowd.see_acknowledged(20)
    bodies = [shop.draft(1, 1) for _ in range(ORDERS)]
    orders = [PlacedOrder(shop, await crowd.place(body), str(body["reference"])) for body in bodies]
    assert await crowd.cancel(orders[0].id)
    await shop.driver.rest()
    for order in orders[1:]:
        await shop.script(order, SCANNED, DELIVERED)
    await shop.ship()
    await shop.step(DAY)

    assert [await order.status() for order in orders[1:]] == [("completed", "delivered")] * (ORDERS - 1)
    assert (await orders[0].status())[0] == "cancelled"
    await _set_clocks(stepped_stack, dict.fromkeys(names.SERVICES, 0))
    crowd.outcome.healed()
    await crowd.verify()


async def _set_clocks(stack: LocalStack, wrong_seconds: Mapping[str, int]) -> None:
    """Start all services anew, each with its clock so wrong."""
    restarts = [
        stack.restart(process, {names.CLOCK_SKEW_SECONDS: str(seconds)})
        for service, seconds in wrong_seconds.items()
        for process in (names.api_of(service), names.worker_of(service))
    ]
    await asyncio.gather(*restarts)
