"""Who waits for whom, who passes over whom, and what is not done twice, on the shelves."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from services.inventory.actions import pick_lists as list_acts
from services.inventory.actions import reservations as acts
from services.inventory.queries import fulfilments, pick_lists, reservations, stock
from shared import clock
from tests.inventory.floor import Floor
from tests.inventory.lab import Lab, Line, cancel, order_placed
from tests.twins import refuse_twin
from tests.waiting import wait_until, wait_until_held_up

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


async def test_an_inbound_whose_last_units_come_in_at_two_docks_at_once_is_closed(lab: Lab) -> None:
    skus, place = await lab.skus(2), await lab.location()
    expected_at = (clock.now() + timedelta(days=1)).isoformat()
    lines = [{"sku": sku, "quantity": 1} for sku in skus]
    inbound = await lab.do(
        "/staff/inbounds", {"location": place, "reference": "PO", "expected_at": expected_at, "lines": lines}
    )

    async with lab.database.transaction() as tx:
        await tx.execute("select from inbound where id = $1 for no key update", inbound["id"])
        docks = [asyncio.create_task(lab.receive(sku, place, 1, inbound_id=inbound["id"])) for sku in skus]
        await wait_until_held_up(lab.database, *docks)
    await asyncio.gather(*docks)

    assert (await lab.get(f"/staff/inbounds/{inbound['id']}"))["state"] == "closed"


async def _backordered(lab: Lab) -> str:
    """Make an article that an order waits for; give its SKU."""
    sku = await lab.sku()
    await lab.tell(order_placed(Line(sku)))
    return sku


async def test_two_who_look_at_backorders_again_take_different_articles(lab: Lab) -> None:
    await lab.run_jobs()
    skus = [await _backordered(lab) for _ in range(2)]
    async with lab.database.transaction() as tx:
        await reservations.mark_for_refill(tx, skus)

    async with lab.database.transaction() as tx:
        first = await reservations.claim_refill(tx)
        async with lab.database.transaction() as other:
            second = await reservations.claim_refill(other)

    assert sorted([first or "", second or ""]) == sorted(skus)


async def test_who_looks_at_backorders_again_passes_over_marks_that_somebody_works_on(lab: Lab) -> None:
    await lab.run_jobs()
    sku = await _backordered(lab)
    async with lab.database.transaction() as tx:
        await reservations.mark_for_refill(tx, [sku])

    async with lab.database.transaction() as tx:
        assert await reservations.claim_refill(tx) == sku
        async with lab.database.transaction() as changing:
            await reservations.mark_for_refill(changing, [sku])
        async with lab.database.transaction() as other:
            assert await reservations.claim_refill(other) == sku


async def test_who_takes_the_next_list_passes_over_orders_that_somebody_works_on(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    busy, idle = await floor.release(Line(sku)), await floor.release(Line(sku))
    async with lab.database.transaction() as tx:
        await fulfilments.lock_work(tx, [busy.order_id])
        picks = await floor.next_list(place)
    assert [tote["order_id"] for tote in picks["totes"]] == [str(idle.order_id)]


async def test_a_list_whose_last_unit_is_scanned_just_now_cannot_be_given_back(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    await floor.release(Line(sku))
    picks = await floor.next_list(place)
    path = f"/staff/pick-lists/{picks['id']}"

    async with lab.database.transaction() as tx:
        await tx.execute("select from pick_list where id = $1 for no key update", picks["id"])
        scanning = asyncio.create_task(floor.scan(picks, sku))
        await wait_until_held_up(lab.database, scanning)
        giving_back = asyncio.create_task(floor.post(f"{path}/unassign"))
        await wait_until_held_up(lab.database, scanning, giving_back)

    assert (await scanning)["list_state"] == "done"
    assert (await giving_back).status_code == 409
    assert (await lab.get(path))["state"] == "done"


async def test_a_cart_whose_orders_are_cancelled_at_the_same_time_is_done(floor: Floor, lab: Lab) -> None:
    (sku, place), other = await lab.stocked(1), await lab.sku()
    await lab.receive(other, place, 1)
    first, second = await floor.release(Line(sku)), await floor.release(Line(other))
    picks = await floor.next_list(place, "multi_order_cart")

    async with lab.database.transaction() as tx:
        # The first answer is written and cannot be committed yet: it waits for its number.
        await tx.execute("select from stream where key = $1 for no key update", str(first.order_id))
        one = asyncio.create_task(lab.tell(cancel(first.placed)))
        await wait_until_held_up(lab.database, one)
        two = asyncio.create_task(lab.tell(cancel(second.placed)))
        await wait_until_held_up(lab.database, one, two)
    await asyncio.gather(one, two)

    assert (await lab.get(f"/staff/pick-lists/{picks['id']}"))["state"] == "done"


async def test_an_idle_list_that_is_scanned_just_now_stays_with_its_picker(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    await floor.release(Line(sku))
    picks = await floor.next_list(place)
    async with lab.database.transaction() as tx:
        await tx.execute(
            "update pick_list set active_at = active_at - interval '31 minutes' where id = $1", picks["id"]
        )

    async def take_back() -> None:
        async with lab.database.transaction() as taking:
            await list_acts.unassign_idle_lists(taking)

    async with lab.database.transaction() as tx:
        assert await pick_lists.touch_list(tx, picks["id"], floor.picker)
        taken_back = asyncio.create_task(take_back())
        await wait_until_held_up(lab.database, taken_back)
    await taken_back

    assert (await lab.get(f"/staff/pick-lists/{picks['id']}"))["picker"] == floor.picker


async def test_work_is_planned_once_a_tote_is_one_orders_and_parcels_are_numbered(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order, parcel, _ = await floor.ready(sku, place)
    await floor.release(Line(sku, 1))
    picks = await floor.next_list(place)
    (task,) = picks["tasks"]

    await refuse_twin(
        lab.database, "fulfilment_order_id_release_no_location_part_key", "fulfilment", {"order_id": order.order_id}
    )
    await refuse_twin(lab.database, "parcel_fulfilment_id_parcel_no_key", "parcel", {"id": UUID(parcel["id"])})
    await refuse_twin(
        lab.database, "pick_list_tote_list_id_tote_key", "pick_list_tote",
        {"fulfilment_id": UUID(task["fulfilment_id"])}, fulfilment_id=parcel["fulfilment_id"],
    )  # fmt: skip
