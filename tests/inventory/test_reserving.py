"""Orders get stock in arrival order, never more than lies there."""

import asyncio
from datetime import timedelta
from typing import cast

from services.inventory.actions import reservations
from shared import clock
from shared.events import inventory
from shared.events.base import Received
from shared.events.orders import OrderPlaced
from shared.inbox import read_event
from tests.inventory.lab import Lab, Line, order_placed
from tests.waiting import wait_until

DAY = timedelta(days=1)


def _cut_offs(order_by: str = "23:59", truck_at: str = "23:59") -> list[dict[str, object]]:
    return [
        {"service_level": "standard", "weekday": day, "order_by": order_by, "truck_at": truck_at} for day in range(7)
    ]


async def test_an_order_with_stock_is_reserved_whole(lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    line = Line(sku, 3)
    order = order_placed(line)

    await lab.tell(order)

    (fact,) = await lab.facts(inventory.StockReserved, order.order_id)
    (stock,) = fact.lines
    assert (stock.line_id, stock.reserved, stock.backordered) == (line.line_id, 3, 0)
    assert stock.allocations == (inventory.Allocation(location=place, quantity=3),)
    assert fact.soft_until is None
    assert (await lab.stock(sku, place))["reserved"] == 3
    await lab.check_books([sku])


async def test_units_without_stock_are_backordered_and_the_others_reserved(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = order_placed(Line(sku, 5))

    await lab.tell(order)

    (fact,) = await lab.facts(inventory.StockBackordered, order.order_id)
    assert (fact.lines[0].reserved, fact.lines[0].backordered) == (2, 3)
    assert await lab.reservations(order) == [("allocated", place, 2), ("backordered", "", 3)]


async def test_a_redelivered_order_is_reserved_once(lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    wave = await lab.tell(order_placed(Line(sku, 2)))

    await lab.apply(wave)

    assert (await lab.stock(sku, place))["reserved"] == 2


async def test_a_wave_serves_orders_as_they_arrived(lab: Lab) -> None:
    sku, _ = await lab.stocked(3)
    orders = [order_placed(Line(sku, 1)) for _ in range(5)]

    await lab.tell(*orders)

    kinds = [await lab.kinds(order.order_id) for order in orders]
    assert kinds == [["stock_reserved"]] * 3 + [["stock_backordered"]] * 2


async def test_a_pinned_line_is_served_by_its_location_only(lab: Lab) -> None:
    sku, rich = await lab.stocked(10)
    poor = await lab.location()
    await lab.receive(sku, poor, 1)
    order = order_placed(Line(sku, 2, location=poor))

    await lab.tell(order)

    assert await lab.reservations(order) == [("allocated", poor, 1), ("backordered", "", 1)]
    assert (await lab.stock(sku, rich))["reserved"] == 0


async def test_one_location_that_has_everything_is_preferred_to_a_split(lab: Lab) -> None:
    first, second = await lab.skus(2)
    one, two, three = [await lab.location() for _ in range(3)]
    await lab.receive(first, one, 5)
    await lab.receive(second, two, 5)
    for sku in (first, second):
        await lab.receive(sku, three, 1)
    order = order_placed(Line(first), Line(second))

    await lab.tell(order)

    assert await lab.reservations(order) == [("allocated", three, 1), ("allocated", three, 1)]


async def test_a_location_that_keeps_the_promise_is_preferred(lab: Lab) -> None:
    sku = await lab.sku()
    late = await lab.location(cut_offs=_cut_offs(), holidays=[str((clock.now() + n * DAY).date()) for n in range(9)])
    ready = await lab.location()
    for place in sorted([late, ready]):
        await lab.receive(sku, place, 5)

    orders = [order_placed(Line(sku)) for _ in range(3)]
    await lab.tell(*orders)

    assert {row for order in orders for row in await lab.reservations(order)} == {("allocated", ready, 1)}


async def test_a_line_is_split_only_when_no_location_has_enough(lab: Lab) -> None:
    sku = await lab.sku()
    places = [await lab.location() for _ in range(3)]
    for place, count in zip(places, (2, 3, 4), strict=True):
        await lab.receive(sku, place, count)
    order = order_placed(Line(sku, 7))

    await lab.tell(order)

    rows = await lab.reservations(order)
    assert sum(count for _, _, count in rows) == 7
    assert len({place for _, place, _ in rows}) == 2


async def test_safety_stock_is_left_alone(lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    line = {"sku": sku, "location": place, "safety_stock": 4}
    await lab.do("/staff/stock/safety", {"lines": [line], "reason": "slow supplier"})
    order = order_placed(Line(sku, 3))

    await lab.tell(order)

    assert await lab.reservations(order) == [("allocated", place, 1), ("backordered", "", 2)]


async def test_lines_that_need_no_shipping_need_no_stock(lab: Lab) -> None:
    sku, _ = await lab.stocked(1)
    order = order_placed(Line(sku))
    gift_card = order.lines[0].model_copy(update={"requires_shipping": False})

    await lab.tell(order.model_copy(update={"lines": (gift_card,)}))

    (fact,) = await lab.facts(inventory.StockReserved, order.order_id)
    assert fact.lines == ()


async def test_an_unknown_sku_waits_rather_than_blocking_its_wave(lab: Lab) -> None:
    sku, _ = await lab.stocked(1)
    strange, plain = order_placed(Line("S-nobody-saved")), order_placed(Line(sku))

    await lab.tell(strange, plain)

    assert await lab.kinds(strange.order_id) == ["stock_backordered"]
    assert await lab.kinds(plain.order_id) == ["stock_reserved"]


async def test_a_wave_waits_for_stock_that_another_has_locked(lab: Lab) -> None:
    """Without the lock the second would draw on the same unit and be refused by the table instead of waiting."""
    sku, _ = await lab.stocked(1)
    first, second = order_placed(Line(sku)), order_placed(Line(sku))
    async with lab.database.transaction() as tx:
        await reservations.reserve_stock(tx, [_received(lab, first)])
        other = asyncio.create_task(_reserve(lab, second))
        await wait_until(lambda: _waits_for_a_lock(lab), what="the second wave to wait")

    await other
    assert await lab.kinds(first.order_id) == ["stock_reserved"]
    assert await lab.kinds(second.order_id) == ["stock_backordered"]


def _received(lab: Lab, order: OrderPlaced) -> Received[OrderPlaced]:
    return cast("Received[OrderPlaced]", read_event(lab.envelope(order)))


async def _reserve(lab: Lab, order: OrderPlaced) -> None:
    async with lab.database.transaction() as tx:
        await reservations.reserve_stock(tx, [_received(lab, order)])


async def _waits_for_a_lock(lab: Lab) -> bool:
    async with lab.database.transaction() as tx:
        waiting = await tx.value("select count(*) from pg_locks where not granted and locktype = 'transactionid'")
    return bool(waiting)


async def test_a_wave_on_one_hot_sku_is_one_statement_per_table(lab: Lab) -> None:
    sku, place = await lab.stocked(200)
    seconds: list[float] = []
    for _ in range(4):
        wave = [lab.envelope(order_placed(Line(sku))) for _ in range(50)]
        started = clock.monotonic()
        await lab.apply(wave)
        seconds.append(clock.monotonic() - started)

    assert (await lab.stock(sku, place))["reserved"] == 200
    assert min(seconds) < 0.5, seconds  # some 15 ms on a machine that does nothing else
