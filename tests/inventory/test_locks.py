"""Who waits for whom, who passes over whom, and what is not done twice, on the shelves."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from services.inventory.actions import reservations as acts
from services.inventory.queries import reservations, stock
from shared import clock
from tests.inventory.lab import Lab, Line, order_placed
from tests.waiting import wait_until

RECEIPTS = 6
_SECONDS = 10.0


async def test_an_adjustment_waits_for_stock_that_another_has_locked(lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    line = {"sku": sku, "location": place, "quantity": -1}
    async with lab.database.transaction() as tx:
        await stock.lock_stock(tx, [(sku, place)])
        adjusting = asyncio.create_task(lab.post("/staff/stock/adjust", {"lines": [line], "reason": "found broken"}))

        async def waits() -> bool:
            async with lab.database.transaction() as looking:
                return bool(await looking.value("select count(*) from pg_locks where not granted"))

        await wait_until(waits, deadline=_SECONDS, what="the adjustment waits")

    assert (await adjusting).is_success
    assert (await lab.stock(sku, place))["on_hand"] == 4
    await lab.check_books([sku])


async def test_first_receipts_of_one_article_at_once_are_both_booked(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()

    await asyncio.gather(*(lab.receive(sku, place, 1) for _ in range(RECEIPTS)))

    assert (await lab.stock(sku, place))["on_hand"] == RECEIPTS
    await lab.check_books([sku])


async def test_an_article_missed_twice_is_counted_once(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    for _ in range(2):
        async with lab.database.transaction() as tx:
            await stock.open_count_task(tx, sku, place, "not_found")

    async with lab.database.transaction() as tx:
        assert len(await stock.list_count_tasks(tx, location=place, limit=10)) == 1


async def test_a_reservation_that_was_changed_meanwhile_is_not_changed_again(lab: Lab) -> None:
    sku, _ = await lab.stocked(3)
    order = order_placed(Line(sku, 3))
    await lab.tell(order)
    async with lab.database.transaction() as tx:
        (row,) = await reservations.list_reservations(tx, [order.order_id])
        later = replace(row, since=clock.now())
        assert await reservations.update_reservations(tx, [(row, later)]) == 1
        assert await reservations.update_reservations(tx, [(row, later)]) == 0


async def test_an_expiry_passes_over_orders_that_somebody_works_on(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    past = clock.now() - timedelta(hours=1)
    busy, idle = order_placed(Line(sku), soft_until=past), order_placed(Line(sku), soft_until=past)
    await lab.tell(busy, idle)

    async with lab.database.transaction() as tx:
        await reservations.lock_orders(tx, [busy.order_id])
        async with lab.database.transaction() as expiring:
            assert await acts.expire_unpaid(expiring) == 1
        assert await lab.reservations(idle) == [("expired", place, 1)]
        assert await lab.reservations(busy) == [("soft_reserved", place, 1)]
    await lab.run_jobs()
    assert await lab.reservations(busy) == [("expired", place, 1)]


async def test_who_serves_backorders_passes_over_orders_that_somebody_works_on(lab: Lab) -> None:
    sku = await lab.sku()
    await lab.location()
    busy, idle = order_placed(Line(sku)), order_placed(Line(sku))
    await lab.tell(busy, idle)
    async with lab.database.transaction() as tx:
        await reservations.lock_orders(tx, [busy.order_id])
        async with lab.database.transaction() as serving:
            claimed = await reservations.claim_waiting(serving, [sku], 10)
    assert [demand.order_id for demand, _ in claimed] == [idle.order_id]


async def test_who_displaces_passes_over_orders_that_somebody_works_on(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    busy, idle = order_placed(Line(sku)), order_placed(Line(sku))
    await lab.tell(busy, idle)
    async with lab.database.transaction() as tx:
        await reservations.lock_orders(tx, [busy.order_id])
        async with lab.database.transaction() as displacing:
            claimed = await reservations.claim_holders(displacing, sku, place, 10)
    assert [demand.order_id for demand, _ in claimed] == [idle.order_id]


async def test_a_place_that_missed_a_line_twice_is_avoided_once(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    line = Line(sku)
    async with lab.database.transaction() as tx:
        for _ in range(2):
            await reservations.avoid_location(tx, line.line_id, place, sku, "not_found")
        assert await reservations.list_avoided(tx, [line.line_id]) == {line.line_id: frozenset({place})}


async def test_of_two_who_publish_snapshots_the_second_passes_over_what_the_first_has(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    async with lab.database.transaction() as tx:
        first = [(row.sku, row.location) for row in (one.stock for one in await stock.claim_snapshots(tx, 1000))]
        async with lab.database.transaction() as other:
            second = [
                (row.sku, row.location) for row in (one.stock for one in await stock.claim_snapshots(other, 1000))
            ]
    assert (sku, place) in first
    assert not set(first) & set(second)
