"""What is missing or damaged: other stock is sought, the rest waits or ships without, and the books stay right."""

from shared.events import inventory
from shared.events.orders import Policy
from tests.inventory.floor import Floor
from tests.inventory.lab import Json, Lab, Line, cancel

ALLOWED = Policy(partial_shipments="allowed")


async def _short(floor: Floor, picks: Json, quantity: int = 1, reason: str = "not_found", task: int = 0) -> Json:
    body = {"task_id": picks["tasks"][task]["task_id"], "quantity": quantity, "reason": reason}
    return await floor.do(f"/staff/pick-lists/{picks['id']}/shorts", body)


async def test_units_not_found_are_picked_at_another_location_instead(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = await floor.release(Line(sku, 2))
    other = await lab.location()
    await lab.receive(sku, other, 5)
    picks = await floor.next_list(place)

    answer = await _short(floor, picks, 2)

    assert [(r["location"], r["quantity"]) for r in answer["replaced"]] == [(other, 2)]
    assert (answer["backordered"], answer["list_state"]) == (0, "done")
    states = {f["location"]: (f["state"], f["release_no"]) for f in (await floor.work(order))["fulfilments"]}
    assert states == {place: ("cancelled", 1), other: ("open", 1)}
    (short,) = await lab.facts(inventory.PickShorted, order.order_id)
    (healed,) = await lab.facts(inventory.ShortfallHealed, order.order_id)
    (ended,) = await lab.facts(inventory.FulfilmentCancelled, order.order_id)
    assert (short.reason, short.quantity, healed.location, ended.location) == ("not_found", 2, other, place)
    assert not await lab.facts(inventory.ShortfallOpened, order.order_id)
    assert (await lab.stock(sku, place))["on_hand"] == 0
    await lab.check_books([sku])


async def test_without_other_stock_the_order_waits_and_goes_on_when_stock_comes(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    order = await floor.release(Line(sku, 3))
    picks = await floor.next_list(place)
    await floor.scan(picks, sku, 1)

    answer = await _short(floor, picks, 2, "mismatch")
    waiting = await floor.work(order)
    too_early = await floor.refused(
        f"/staff/fulfilments/{picks['tasks'][0]['fulfilment_id']}/parcels",
        {"weight_grams": 300, "length_mm": 1, "width_mm": 1, "height_mm": 1, "close": True},
    )
    await lab.receive(sku, place, 10)
    await lab.run_jobs()

    assert (answer["backordered"], answer["replaced"]) == (2, [])
    assert waiting["fulfilments"][0]["state"] == "incomplete"
    assert waiting["fulfilments"][0]["why"] == f"2 units without stock ({sku})"
    assert too_early["code"] == "incomplete"
    (opened,) = await lab.facts(inventory.ShortfallOpened, order.order_id)
    (healed,) = await lab.facts(inventory.ShortfallHealed, order.order_id)
    assert (opened.quantity, healed.quantity, healed.location) == (2, 2, place)
    assert "stock_backordered" in await lab.kinds(order.order_id)
    assert (await floor.work(order))["shortfalls"][0]["state"] == "healed"
    assert await floor.states(order) == ["in_progress"]
    rest = await floor.next_list(place)
    assert rest["remaining"] == 2
    await floor.scan(rest, sku, 2)
    await floor.pack(rest["tasks"][0]["fulfilment_id"])
    assert await floor.states(order) == ["packed"]
    await lab.check_books([sku])


async def test_where_partial_shipments_are_allowed_what_is_there_leaves(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = await floor.release(Line(sku, 2), policy=ALLOWED)
    picks = await floor.next_list(place)
    await floor.scan(picks, sku, 1)
    await _short(floor, picks, 1)
    short = await floor.states(order)

    parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"])
    booked = await floor.book(parcel)
    await floor.hand_over(place, booked.tracking_number)
    left = await floor.states(order)
    await lab.receive(sku, place, 5)
    await lab.run_jobs()

    assert (short, left) == (["incomplete"], ["handed_over"])
    work = await floor.work(order)
    assert sorted((f["part"], f["state"]) for f in work["fulfilments"]) == [(1, "handed_over"), (2, "open")]
    await lab.check_books([sku])


async def test_damage_at_the_shelf_moves_the_unit_to_damaged(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    order = await floor.release(Line(sku, 1))
    picks = await floor.next_list(place)

    await _short(floor, picks, 1, "damaged")

    row = await lab.stock(sku, place)
    assert (row["on_hand"], row["reserved"], row["damaged"]) == (3, 0, 1)
    assert await floor.states(order) == ["incomplete"]
    await lab.check_books([sku])


async def test_more_than_is_wanted_cannot_be_shorted(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    await floor.release(Line(sku, 1))
    picks = await floor.next_list(place)

    body = {"task_id": picks["tasks"][0]["task_id"], "quantity": 2, "reason": "not_found"}
    problem = await floor.refused(f"/staff/pick-lists/{picks['id']}/shorts", body)

    assert problem["code"] == "over_scan"
    assert (await lab.stock(sku, place))["reserved"] == 1


async def test_damage_between_pick_and_hand_over_seeks_another_unit(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    other = await lab.location()
    order = await floor.release(Line(sku, 2))
    await lab.receive(sku, other, 5)
    picks = await floor.pick_all(place)
    fulfilment = picks["tasks"][0]["fulfilment_id"]

    answer = await floor.do(f"/staff/fulfilments/{fulfilment}/damages", {"sku": sku, "quantity": 1})

    assert [(r["location"], r["quantity"]) for r in answer["replaced"]] == [(other, 1)]
    (damaged,) = await lab.facts(inventory.ParcelDamaged, order.order_id)
    assert damaged.quantity == 1
    assert await floor.picked(order) == [2, 1]
    row = await lab.stock(sku, place)
    assert (row["on_hand"], row["reserved"], row["damaged"]) == (2, 1, 1)
    await lab.check_books([sku])


async def test_damage_in_a_closed_parcel_asks_to_open_it_first(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    await floor.release(Line(sku, 1))
    picks = await floor.pick_all(place)
    fulfilment = picks["tasks"][0]["fulfilment_id"]
    await floor.pack(fulfilment)

    problem = await floor.refused(f"/staff/fulfilments/{fulfilment}/damages", {"sku": sku, "quantity": 1})

    assert problem["code"] == "void_first"


async def test_units_displaced_by_a_count_leave_the_pick_list_and_open_a_shortfall(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    order = await floor.release(Line(sku, 3))
    picks = await floor.next_list(place)
    await floor.scan(picks, sku, 1)

    await lab.do("/staff/stock/count", {"lines": [{"sku": sku, "location": place, "counted": 2}], "reason": "count"})

    (opened,) = await lab.facts(inventory.ShortfallOpened, order.order_id)
    assert opened.quantity == 1
    assert (await lab.get(f"/staff/pick-lists/{picks['id']}"))["remaining"] == 1
    await lab.check_books([sku])


async def test_cancelling_what_waits_for_stock_lets_the_rest_leave(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = await floor.release(Line(sku, 2))
    picks = await floor.next_list(place)
    await floor.scan(picks, sku, 1)
    await _short(floor, picks, 1)

    await lab.tell(cancel(order.placed, (order.line_id(), 1)))
    after = await floor.states(order)
    parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"])

    assert after == ["in_progress"]
    assert parcel["state"] == "closed"
    (answer,) = await lab.facts(inventory.CancellationAnswered, order.order_id)
    assert [(o.outcome, o.quantity) for o in answer.outcomes] == [("cancelled", 1)]
    assert (await floor.work(order))["shortfalls"][0]["state"] == "cancelled"
