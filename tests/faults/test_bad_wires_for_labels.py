"""Whoever is asked for what a label takes is asked over a bad connection: carrier, orders for addresses, shipping."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local import names
from deploy.local.stack import LocalStack
from tests.faults.crowd import Crowd
from tests.faults.proxy import Proxy, Wire
from tests.faults.test_bad_wires import spoil
from tests.faults.test_deaths_in_mid_journey import DELIVERED, SCANNED
from tests.journeys.shop import DAY, PlacedOrder

SHIPPING = ("shipping-api", "shipping-worker")
# Whom booking a label takes: who asks, by which setting, and where the other one listens.
LINKS = {
    "carrier": (SHIPPING, names.CARRIER_URL, names.SIMULATOR),
    "orders": (SHIPPING, names.url("orders"), names.api_of("orders")),
    "shipping": (("inventory-api",), names.url("shipping"), names.api_of("shipping")),
}


@asynccontextmanager
async def wire_for_labels(stack: LocalStack, link: str) -> AsyncIterator[Proxy]:
    """Have who books labels reach another by a wire, and directly again afterwards, however the test ends."""
    processes, setting, other = LINKS[link]
    async with Proxy.to(stack.site.ports[other]) as proxy:
        try:
            for process in processes:
                await stack.restart(process, {setting: f"http://127.0.0.1:{proxy.port}"})
            yield proxy
        finally:
            for process in processes:
                await stack.restart(process)


@pytest.mark.parametrize(
    ("link", "wire"),
    [("carrier", Wire.DRIP), *((link, wire) for link in LINKS for wire in (Wire.SLOW, Wire.HALF_OPEN, Wire.RESET))],
)
async def test_a_bad_connection_to_carrier_orders_or_shipping_buys_no_label_twice(
    stepped_stack: LocalStack, crowd: Crowd, link: str, wire: Wire
) -> None:
    """F10: labels are booked while the answers of whoever is asked for one are late, cut or never come."""
    shop = crowd.shop
    await shop.until_morning()
    bodies = [shop.draft(1, 1) for _ in range(4)]
    orders = [PlacedOrder(shop, await crowd.place(body), str(body["reference"])) for body in bodies]
    for order in orders:
        await shop.script(order, SCANNED, DELIVERED)
    await shop.driver.rest()
    await shop.pick()
    async with wire_for_labels(stepped_stack, link) as proxy:
        packing = asyncio.create_task(shop.pack())
        await spoil(proxy, wire)
        parcels = await packing
        await shop.driver.rest()
        assert proxy.spoiled
        assert len(await shop.hand_over(parcels)) == len(orders)
        await shop.step(DAY)
        await crowd.verify()
    assert [await order.status() for order in orders] == [("completed", "delivered")] * len(orders)
