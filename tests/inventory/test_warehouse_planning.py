"""Releases become fulfilment orders, a location at a time, and people at work at once never get in each other's way."""

import asyncio
from datetime import timedelta

from services.inventory.models.warehouse import WarehouseTable
from shared import clock
from shared.events import inventory, orders
from tests.inventory.floor import Floor, Released
from tests.inventory.lab import Lab, Line, cancel, order_placed, step
from tests.waiting import wait_until_held_up


async def test_an_order_from_two_places_is_picked_in_both_with_totals_over_the_whole_order(
    floor: Floor, lab: Lab
) -> None:
    (one, here), (other, there) = await lab.stocked(5), await lab.stocked(5)
    order = await floor.release(Line(one, 2), Line(other, 1))

    await floor.pick_all(here)
    await floor.pick_all(there)

    planned = await lab.facts(inventory.FulfilmentPlanned, order.order_id)
    assert sorted(fact.location for fact in planned) == sorted([here, there])
    assert await floor.picked(order) == [2, 3]


async def test_work_is_planned_by_cut_off_then_priority_then_age(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(9)
    soon, later = clock.now() + timedelta(days=1), clock.now() + timedelta(days=2)
    late = await floor.release(Line(sku, 1), ship_by=later)
    old = await floor.release(Line(sku, 1), ship_by=soon)
    young = await floor.release(Line(sku, 1), ship_by=soon)
    vip = await floor.release(Line(sku, 1), ship_by=soon, priority=9)

    picks = await floor.next_list(place, "multi_order_cart")

    assert [t["order_id"] for t in picks["totes"]] == [str(o.order_id) for o in (vip, old, young, late)]


async def test_later_orders_are_told_how_much_work_comes_first(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(9)
    ship_by = clock.now() + timedelta(days=1)
    for _ in range(2):
        await floor.release(Line(sku, 1), ship_by=ship_by)
    order = await floor.release(Line(sku, 1), ship_by=ship_by)

    (planned,) = await lab.facts(inventory.FulfilmentPlanned, order.order_id)

    assert (planned.queue_depth, planned.location) == (2, place)


async def _unpaid(lab: Lab, sku: str) -> tuple[Released, orders.OrderReleased]:
    """Place an order whose payment comes too late, and the release that was on its way."""
    line = Line(sku, 2)
    placed = order_placed(line, soft_until=clock.now() - timedelta(minutes=1), holds=("payment",))
    await lab.tell(placed)
    place = (await lab.get("/staff/reservations", order_id=str(placed.order_id)))["data"][0]["location"]
    release = orders.OrderReleased(
        order_id=placed.order_id,
        release_no=1,
        number=placed.number,
        reference=placed.reference,
        lines=(orders.ReleasedLine(line_id=line.line_id, sku=sku, quantity=2, location=place),),
        service_level="standard",
        destination=placed.destination,
        ship_by=placed.promise.ship_by,
        progress=step("open"),
    )
    await lab.run_jobs()
    return Released(placed), release


async def test_a_release_whose_reservation_expired_is_reserved_again(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order, release = await _unpaid(lab, sku)
    assert (await lab.stock(sku, place))["reserved"] == 0

    await lab.tell(release)

    assert (await lab.stock(sku, place))["reserved"] == 2
    assert await floor.states(order) == ["open"]
    await lab.check_books([sku])


async def test_a_release_whose_stock_is_gone_meanwhile_waits_for_more(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order, release = await _unpaid(lab, sku)
    await lab.tell(order_placed(Line(sku, 2)))

    await lab.tell(release)
    waiting = await floor.states(order)
    await lab.receive(sku, place, 2)
    await lab.run_jobs()

    assert waiting == ["incomplete"]
    assert "shortfall_opened" in await lab.kinds(order.order_id)
    assert "stock_backordered" in await lab.kinds(order.order_id)
    picks = await floor.next_list(place)
    assert picks["remaining"] == 2
    await lab.check_books([sku])


async def test_an_order_released_in_two_parts_is_planned_in_both(floor: Floor, lab: Lab) -> None:
    (one, here), (other, there) = await lab.stocked(1), await lab.stocked(1)
    order = Released(order_placed(Line(one), Line(other), partial_shipments="allowed"))
    await lab.tell(order.placed)
    whole = await floor.released_fact(order)

    for number, line in enumerate(whole.lines, start=1):
        await lab.tell(whole.model_copy(update={"release_no": number, "lines": (line,)}))

    planned = (await floor.work(order))["fulfilments"]
    assert {(f["location"], f["release_no"]) for f in planned} == {
        (line.location, number) for number, line in enumerate(whole.lines, start=1)
    }
    assert {here, there} == {f["location"] for f in planned}


async def test_two_pickers_at_once_get_different_orders(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(9)
    for _ in range(4):
        await floor.release(Line(sku, 1))

    lists = await asyncio.gather(*(floor.next_list(place, subject=f"{floor.picker}-{n}") for n in range(4)))

    assert len({t["order_id"] for picks in lists for t in picks["totes"]}) == 4


async def test_of_two_scans_of_the_last_unit_one_counts(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(9)
    order = await floor.release(Line(sku, 1), Line(await lab.sku(), 1))
    picks = await floor.next_list(place)
    path = f"/staff/pick-lists/{picks['id']}/scans"

    async with lab.database.transaction() as tx:  # until all have read what is still to be picked, if they can
        await tx.execute("select from pick_task where order_id = $1 for update", order.order_id)
        scans = [asyncio.create_task(floor.post(path, {"barcode": sku})) for _ in range(3)]
        await wait_until_held_up(lab.database, *scans)
    answers = await asyncio.gather(*scans)

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert await floor.picked(order) == [1]


async def test_a_scan_and_a_cancellation_at_once_agree_on_what_became_of_each_unit(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(9)
    order = await floor.release(Line(sku, 3))
    picks = await floor.next_list(place)
    path = f"/staff/pick-lists/{picks['id']}/scans"

    await asyncio.gather(lab.tell(cancel(order.placed)), *(floor.post(path, {"barcode": sku}) for _ in range(3)))

    (answer,) = await lab.facts(inventory.CancellationAnswered, order.order_id)
    units = {outcome.outcome: outcome.quantity for outcome in answer.outcomes}
    (row,) = (await floor.work(order))["fulfilments"]
    due = sum(line["put_back_due"] for line in row["lines"])
    assert units.get("cancelled", 0) + units.get("put_back_pending", 0) == 3
    assert due == units.get("put_back_pending", 0)
    assert (await lab.stock(sku, place))["reserved"] == due
    assert (await lab.get(f"/staff/pick-lists/{picks['id']}"))["state"] == "done"
    await lab.check_books([sku])


async def test_bad_requests_name_the_field_and_strangers_are_kept_out(floor: Floor, lab: Lab) -> None:
    place = await lab.location()

    bad = await floor.refused("/staff/pick-lists/next", {"location": place, "mode": "fast", "max_orders": 0})
    half = await floor.refused(
        "/staff/fulfilments/00000000-0000-0000-0000-000000000000/parcels", {"weight_grams": 5, "close": True}
    )
    nobody = await floor.post("/staff/hand-overs", {"location": place, "carrier": "USPS"}, role="support")
    lost = await floor.refused("/staff/pick-lists/00000000-0000-0000-0000-000000000000/undo")

    assert {error["pointer"] for error in bad["errors"]} == {"/mode", "/max_orders"}
    assert half["status"] == 422
    assert nobody.status_code == 403
    assert lost["code"] == "pick_list_not_found"


async def test_the_models_mirror_the_tables(lab: Lab) -> None:
    for table in WarehouseTable.metadata.sorted_tables:
        async with lab.database.transaction() as tx:
            rows = await tx.fetch(
                "select column_name, is_nullable from information_schema.columns where table_name = $1", table.name
            )
        stored = {row["column_name"]: row["is_nullable"] == "YES" for row in rows}
        declared = {column.name: bool(column.nullable) for column in table.columns}
        assert declared == stored, table.name
