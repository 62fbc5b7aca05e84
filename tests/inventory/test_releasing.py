"""Staff give back what a reservation holds; what a live order still wants seeks stock again."""

from deploy.local.stack import LocalStack
from shared.events import inventory, orders
from shared.ids import new_id
from tests.inventory.floor import Floor
from tests.inventory.lab import Json, Lab, Line, cancel, order_placed

BECAUSE = {"reason": "its order is long gone"}


async def only_reservation(lab: Lab, order_id: object) -> Json:
    (row,) = (await lab.get("/staff/reservations", order_id=str(order_id)))["data"]
    found: Json = row
    return found


async def completed(lab: Lab, order: orders.OrderPlaced) -> None:
    """Tell that an order has ended."""
    await lab.tell(orders.OrderCompleted(order_id=order.order_id, outcome="delivered"))


async def test_what_an_ended_order_still_holds_is_released_and_serves_who_waits(lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    holder, waiting = order_placed(Line(sku, 3)), order_placed(Line(sku, 2))
    await lab.tell(holder)
    await lab.tell(waiting)
    await completed(lab, holder)
    held = await only_reservation(lab, holder.order_id)

    answer = await lab.do(f"/staff/reservations/{held['id']}/release", BECAUSE)
    await lab.run_jobs()

    assert (answer["id"], answer["state"], answer["quantity"]) == (held["id"], "released", 3)
    assert await lab.reservations(waiting) == [("allocated", place, 2)]
    (told,) = await lab.facts(inventory.ReservationReleased, holder.order_id)
    assert (told.reason, told.lines[0].reserved, told.lines[0].released) == ("staff", 0, 3)
    await lab.check_books([sku])


async def test_units_a_live_order_still_wants_move_to_another_location(lab: Lab) -> None:
    sku, here = await lab.stocked(2)
    order = order_placed(Line(sku, 2))
    await lab.tell(order)
    there = await lab.location()
    await lab.receive(sku, there, 2)
    held = await only_reservation(lab, order.order_id)

    answer = await lab.do(f"/staff/reservations/{held['id']}/release", BECAUSE)

    assert (answer["state"], answer["location"]) == ("allocated", there)
    assert (await lab.stock(sku, here))["available"] == 2
    told = (await lab.facts(inventory.StockReserved, order.order_id))[-1]
    assert [(a.location, a.quantity) for a in told.lines[0].allocations] == [(there, 2)]
    await lab.check_books([sku])


async def test_units_a_live_order_still_wants_wait_behind_who_has_precedence(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    holder, urgent = order_placed(Line(sku, 2)), order_placed(Line(sku, 1), priority=5)
    await lab.tell(holder)
    await lab.tell(urgent)
    held = await only_reservation(lab, holder.order_id)

    answer = await lab.do(f"/staff/reservations/{held['id']}/release", BECAUSE)
    (told,) = await lab.facts(inventory.StockBackordered, holder.order_id)
    await lab.run_jobs()

    assert answer["state"] == "backordered"
    assert (told.lines[0].reserved, told.lines[0].backordered, told.lines[0].released) == (0, 2, 0)
    assert await lab.reservations(urgent) == [("allocated", place, 1)]
    assert await lab.reservations(holder) == [("allocated", place, 1), ("backordered", "", 1)]
    await lab.check_books([sku])


async def test_waiting_units_of_a_live_order_are_not_released_but_cancelled(lab: Lab) -> None:
    sku, _ = await lab.stocked(1)
    order = order_placed(Line(sku, 2))
    await lab.tell(order)
    rows = (await lab.get("/staff/reservations", order_id=str(order.order_id)))["data"]
    waits = next(row for row in rows if row["state"] == "backordered")

    refused = await lab.post(f"/staff/reservations/{waits['id']}/release", BECAUSE)
    await completed(lab, order)
    ended = await lab.do(f"/staff/reservations/{waits['id']}/release", BECAUSE)

    assert (refused.status_code, refused.json()["code"]) == (409, "still_wanted")
    assert ended["state"] == "released"


async def test_a_release_is_audited_with_its_reason(lab: Lab) -> None:
    sku, _ = await lab.stocked(1)
    order = order_placed(Line(sku, 1))
    await lab.tell(order)
    await completed(lab, order)
    held = await only_reservation(lab, order.order_id)

    await lab.do(f"/staff/reservations/{held['id']}/release", BECAUSE)

    (row,) = (await lab.get("/staff/audit", subject=f"reservation:{held['id']}"))["data"]
    assert (row["act"], row["reason"]) == ("release_reservation", BECAUSE["reason"])
    assert (row["before"], row["after"]) == (
        {"state": "allocated", "quantity": 1},
        {"state": "released", "quantity": 1},
    )


async def test_what_is_released_already_or_unknown_is_refused(lab: Lab) -> None:
    sku, _ = await lab.stocked(1)
    order = order_placed(Line(sku, 1))
    await lab.tell(order)
    await lab.tell(cancel(order))
    ended = await only_reservation(lab, order.order_id)

    again = await lab.post(f"/staff/reservations/{ended['id']}/release", BECAUSE)
    unknown = await lab.post(f"/staff/reservations/{new_id()}/release", BECAUSE)
    unreasoned = await lab.post(f"/staff/reservations/{ended['id']}/release", {})

    assert (again.status_code, again.json()["code"]) == (409, "reservation_ended")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "reservation_not_found")
    assert unreasoned.status_code == 422


async def test_pick_work_that_nobody_began_is_dropped_with_an_ended_orders_reservation(
    lab: Lab, stack: LocalStack
) -> None:
    floor = Floor(lab, stack)
    sku, place = await lab.stocked(2)
    order = await floor.release(Line(sku, 2))
    await completed(lab, order.placed)
    held = await only_reservation(lab, order.order_id)

    await lab.do(f"/staff/reservations/{held['id']}/release", BECAUSE)

    assert await floor.states(order) == ["cancelled"]
    assert (await floor.post("/staff/pick-lists/next", {"location": place, "mode": "single"})).status_code == 204
    assert (await lab.stock(sku, place))["available"] == 2
    await lab.check_books([sku])


async def test_pick_work_of_a_live_order_follows_its_units_to_where_they_are_found(lab: Lab, stack: LocalStack) -> None:
    floor = Floor(lab, stack)
    sku, here = await lab.stocked(2)
    order = await floor.release(Line(sku, 2))
    there = await lab.location()
    await lab.receive(sku, there, 2)
    held = await only_reservation(lab, order.order_id)

    await lab.do(f"/staff/reservations/{held['id']}/release", BECAUSE)

    assert (await floor.post("/staff/pick-lists/next", {"location": here, "mode": "single"})).status_code == 204
    (task,) = (await floor.next_list(there))["tasks"]
    assert (task["sku"], task["remaining"]) == (sku, 2)
    await lab.check_books([sku])


async def test_a_released_units_pick_is_planned_again_once_stock_arrives(lab: Lab, stack: LocalStack) -> None:
    floor = Floor(lab, stack)
    sku, place = await lab.stocked(1)
    order = await floor.release(Line(sku, 1))
    urgent = order_placed(Line(sku, 1), priority=5)
    await lab.tell(urgent)
    held = await only_reservation(lab, order.order_id)

    await lab.do(f"/staff/reservations/{held['id']}/release", BECAUSE)
    await lab.run_jobs()
    waits = await lab.reservations(order.placed)
    await lab.receive(sku, place, 1)

    assert waits == [("backordered", "", 1)]
    (task,) = (await floor.next_list(place))["tasks"]
    assert (task["sku"], task["remaining"]) == (sku, 1)
    await lab.check_books([sku])


async def test_units_in_a_tote_are_not_released_but_cancelled_and_put_back(lab: Lab, stack: LocalStack) -> None:
    floor = Floor(lab, stack)
    sku, place = await lab.stocked(2)
    order = await floor.release(Line(sku, 2))
    held = await only_reservation(lab, order.order_id)
    await floor.scan(await floor.next_list(place), sku, 1)

    refused = await lab.post(f"/staff/reservations/{held['id']}/release", BECAUSE)
    await lab.tell(cancel(order.placed))
    waits = next(
        row
        for row in (await lab.get("/staff/reservations", order_id=str(order.order_id)))["data"]
        if row["state"] == "allocated"
    )
    doomed = await lab.post(f"/staff/reservations/{waits['id']}/release", BECAUSE)

    assert (refused.status_code, refused.json()["code"]) == (409, "units_picked")
    assert (doomed.status_code, doomed.json()["code"]) == (409, "units_picked")
    assert (await lab.stock(sku, place))["reserved"] == 1
