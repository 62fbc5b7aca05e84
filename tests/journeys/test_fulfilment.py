"""Orders from placed to the doorstep, the straight way and the bent ones."""

from deploy.local.driver import Driver
from deploy.local.stack import LocalStack
from shared import clock
from tests.journeys.shop import DAY, HOUR, Shop, open_shop

SCANNED = {"after_hours": 3, "status": "in_transit", "status_detail": "picked_up"}
ON_THE_WAY = {"after_hours": 20, "status": "in_transit", "status_detail": "arrived_at_facility"}
DELIVERED = {"after_hours": 30, "status": "delivered", "status_detail": "arrived_at_destination"}


async def test_an_order_travels_from_placed_to_delivered(shop: Shop) -> None:
    order = await shop.place(2, 1)
    assert await order.status() == ("open", "allocated")
    await shop.script(order, SCANNED, ON_THE_WAY, DELIVERED)
    await shop.pick()
    assert (await order.status())[1] == "picking"
    parcels = await shop.pack()
    assert [parcel.label.state for parcel in parcels] == ["live"]
    assert (await order.status())[1] == "packed"
    assert len(await shop.hand_over(parcels)) == 1
    assert (await order.status())[1] == "shipped"
    assert await order.buckets() == {"in_transit": 2}
    await shop.step(2 * DAY)
    assert await order.status() == ("completed", "delivered")
    assert await order.buckets() == {"delivered": 2}
    promise = (await order.read())["promise"]
    assert promise["outcome"] == "kept"
    stock = await shop.on_shelf(shop.north)
    assert (stock["on_hand"], stock["reserved"]) == (8, 0)
    assert not await shop.cases(order)


async def test_the_timeline_tells_the_journey_in_order(shop: Shop) -> None:
    order = await shop.place(1)
    await shop.script(order, SCANNED, DELIVERED)
    await shop.ship()
    await shop.step(2 * DAY)
    told = await order.timeline()
    wanted = ["order_placed", "shipment_booked", "parcel_handed_over", "shipment_delivered", "order_completed"]
    assert [fact for fact in told if fact in wanted] == wanted


async def test_a_line_short_at_the_shelf_is_shipped_from_the_other_location(shop: Shop) -> None:
    await shop.receive(shop.south, 5)
    order = await shop.place(2)
    shop.luck.shelf[shop.skus[0]] = (2, "not_found")
    await shop.pick()
    assert (await shop.on_shelf(shop.north))["on_hand"] == 8
    assert (await shop.on_shelf(shop.south))["reserved"] == 2
    await shop.script(order, SCANNED, DELIVERED)
    await shop.ship()
    await shop.step(2 * DAY)
    assert await order.status() == ("completed", "delivered")
    assert "short_pick" not in await shop.exceptions(order)


async def test_a_backordered_line_ships_when_its_goods_arrive(shop: Shop) -> None:
    expected = clock.now() + 2 * DAY
    inbound = await shop.announce(shop.north, 10, expected)
    order = await shop.place(12)
    assert (await order.status())[1] == "backordered"
    assert await order.buckets() == {"reserved": 10, "backordered": 2}
    await shop.step(2 * DAY)
    await shop.receive(shop.north, 10, inbound_id=inbound)
    assert await order.buckets() == {"reserved": 12}
    await shop.script(order, SCANNED, DELIVERED)
    await shop.until_morning()
    await shop.ship()
    await shop.step(3 * DAY)
    assert await order.status() == ("completed", "delivered")


async def test_what_is_there_ships_first_when_partial_shipments_are_allowed(shop: Shop) -> None:
    order = await shop.place(12, policy={"partial_shipments": "allowed", "backorder": "wait"})
    await shop.script(order, SCANNED, DELIVERED)
    await shop.ship()
    assert (await order.status())[1] == "partially_shipped"
    assert await order.buckets() == {"in_transit": 10, "backordered": 2}
    await shop.receive(shop.north, 5)
    await shop.ship()
    await shop.step(2 * DAY)
    assert await order.status() == ("completed", "delivered")
    assert await order.buckets() == {"delivered": 12}
    assert len((await order.read())["shipments"]) == 2


async def test_an_order_on_hold_is_cancelled_at_once(shop: Shop) -> None:
    order = await shop.place(1, payment={"status": "pending", "expires_at": (clock.now() + DAY).isoformat()})
    assert await order.cancel() == {"cancelled": 1}
    assert (await order.status())[0] == "cancelled"
    assert (await order.read())["holds"] == []
    assert (await shop.on_shelf(shop.north))["reserved"] == 0


async def test_an_order_waiting_to_be_picked_is_cancelled(shop: Shop) -> None:
    order = await shop.place(2)
    assert await order.cancel() == {"cancelled": 2}
    assert (await order.status())[0] == "cancelled"
    assert (await shop.on_shelf(shop.north))["reserved"] == 0
    await shop.pick()
    assert await shop.pack() == []


async def test_units_that_wait_for_stock_are_cancelled_at_once_and_the_rest_ships(shop: Shop) -> None:
    order = await shop.place(12)
    assert await order.buckets() == {"reserved": 10, "backordered": 2}
    assert await order.cancel(lines=[{"reference": "0", "quantity": 2}]) == {"cancelled": 2}
    assert await order.buckets() == {"reserved": 10, "cancelled": 2}
    await shop.script(order, SCANNED, DELIVERED)
    await shop.ship()
    await shop.step(2 * DAY)
    assert await order.status() == ("completed", "delivered")
    assert await order.buckets() == {"delivered": 10, "cancelled": 2}
    assert (await shop.on_shelf(shop.north))["on_hand"] == 0


async def test_a_picked_order_is_cancelled_once_it_is_back_on_the_shelf(shop: Shop) -> None:
    order = await shop.place(2)
    await shop.pick()
    assert await order.cancel() == {"put_back_pending": 2}
    assert (await shop.on_shelf(shop.north))["reserved"] == 2
    await shop.warehouses[shop.north].put_back_all()
    await shop.driver.rest()
    assert (await order.status())[0] == "cancelled"
    stock = await shop.on_shelf(shop.north)
    assert (stock["on_hand"], stock["reserved"]) == (10, 0)


async def test_a_packed_parcel_with_an_open_cancellation_is_not_handed_over(shop: Shop) -> None:
    order = await shop.place(1)
    await shop.pick()
    parcels = await shop.pack()
    assert await order.cancel() == {"put_back_pending": 1}
    assert await shop.hand_over(parcels) == []
    await shop.warehouses[shop.north].put_back_all()
    await shop.driver.rest()
    assert (await order.status())[0] == "cancelled"


async def test_an_order_on_the_road_can_only_be_intercepted(shop: Shop) -> None:
    order = await shop.place(1)
    await shop.script(order, SCANNED, DELIVERED)
    await shop.ship()
    assert await order.cancel() == {"intercept_requested": 1}
    await shop.step(HOUR)
    assert (await shop.exceptions(order))["stuck_flow"]["disposition"] == "case"
    await shop.step(2 * DAY)
    assert await order.status() == ("completed", "delivered")
    assert [case["state"] for case in await shop.cases(order)] == ["self_healed"]


async def test_part_of_an_order_is_cancelled_and_the_rest_ships(shop: Shop) -> None:
    order = await shop.place(3)
    assert await order.cancel(lines=[{"reference": "0", "quantity": 1}]) == {"cancelled": 1}
    await shop.script(order, SCANNED, DELIVERED)
    await shop.ship()
    await shop.step(2 * DAY)
    assert await order.buckets() == {"delivered": 2, "cancelled": 1}
    assert (await order.status())[0] == "completed"


async def test_an_order_paid_in_time_is_released(shop: Shop) -> None:
    order = await shop.place(1, payment={"status": "pending", "expires_at": (clock.now() + 6 * HOUR).isoformat()})
    assert [hold["reason"] for hold in (await order.read())["holds"]] == ["payment"]
    await shop.pick()
    assert await shop.pack() == []
    await order.pay()
    await shop.script(order, SCANNED, DELIVERED)
    await shop.ship()
    await shop.step(2 * DAY)
    assert await order.status() == ("completed", "delivered")


async def test_an_order_never_paid_expires_and_gives_its_stock_back(shop: Shop) -> None:
    order = await shop.place(4, payment={"status": "pending", "expires_at": (clock.now() + 6 * HOUR).isoformat()})
    assert (await shop.on_shelf(shop.north))["reserved"] == 4
    await shop.step(7 * HOUR)
    assert (await order.status())[0] == "cancelled"
    assert (await shop.on_shelf(shop.north))["reserved"] == 0


async def test_a_storefront_never_sees_anothers_order(shop: Shop, stepped_stack: LocalStack, driver: Driver) -> None:
    other = await open_shop(stepped_stack, driver)
    order = await shop.place(1)
    theirs = await other.storefront.orders()
    assert order.id not in {seen.id for seen in theirs}
    await other.close()
