"""Machines whose clocks are minutes wrong, each in its own direction."""

import pytest

from deploy.local import names
from deploy.local.stack import LocalStack
from tests.faults.crowd import Crowd
from tests.faults.test_deaths_in_mid_journey import DELIVERED, SCANNED
from tests.journeys.shop import DAY, PlacedOrder

WRONG_SECONDS = 600
ORDERS = 4


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ahead", [("orders", "shipping"), ("inventory", "care")])
async def test_services_whose_clocks_are_20_minutes_apart_lose_and_double_nothing(
    stepped_stack: LocalStack, crowd: Crowd, ahead: tuple[str, ...]
) -> None:
    """F20: two are 10 minutes ahead, two 10 minutes behind, until the clocks are set."""
    shop = crowd.shop
    await shop.until_morning()
    for service in names.SERVICES:
        wrong = WRONG_SECONDS if service in ahead else -WRONG_SECONDS
        for process in (names.api_of(service), names.worker_of(service)):
            await stepped_stack.restart(process, {names.CLOCK_SKEW_SECONDS: str(wrong)})
    async with crowd.posting():
        await crowd.see_acknowledged(20)
    bodies = [shop.draft(1, 1) for _ in range(ORDERS)]
    orders = [PlacedOrder(shop, await crowd.place(body), str(body["reference"])) for body in bodies]
    await orders[0].cancel()
    for order in orders[1:]:
        await shop.script(order, SCANNED, DELIVERED)
    await shop.pick()

    for service in names.SERVICES:
        for process in (names.api_of(service), names.worker_of(service)):
            await stepped_stack.restart(process)
    await shop.ship()
    await shop.step(DAY)

    await crowd.verify()
    assert [await order.status() for order in orders[1:]] == [("completed", "delivered")] * (ORDERS - 1)
    assert (await orders[0].status())[0] == "cancelled"
