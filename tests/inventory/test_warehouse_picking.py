"""Released orders are picked by scan: what is wrong is refused with the reason, what is right counts once."""

from shared.events import inventory
from shared.ids import new_id
from tests.inventory.floor import Floor
from tests.inventory.lab import Lab, Line


async def test_a_release_is_planned_with_its_bins_in_walking_order(floor: Floor, lab: Lab) -> None:
    place = await lab.location()
    far, near = await lab.skus(2)
    size = {"weight_grams": 300, "length_mm": 1, "width_mm": 1, "height_mm": 1}
    for code, bin_name, walk in ((far, "Z-9", 90), (near, "A-1", 10)):
        bins = [{"location": place, "bin": bin_name, "walk_order": walk}]
        await lab.do("/staff/skus", {"skus": [{"code": code, "name": code, **size, "bins": bins}]})
        await lab.receive(code, place, 5)
    order = await floor.release(Line(far, 1), Line(near, 2))

    picks = await floor.next_list(place)

    assert [(t["bin"], t["sku"], t["remaining"]) for t in picks["tasks"]] == [("A-1", near, 2), ("Z-9", far, 1)]
    assert picks["next"]["bin"] == "A-1"
    assert await lab.kinds(order.order_id) == ["stock_reserved", "fulfilment_planned", "pick_started"]
    (planned,) = await lab.facts(inventory.FulfilmentPlanned, order.order_id)
    assert sum(line.quantity for line in planned.lines) == 3


async def test_scans_fill_the_tote_and_tell_absolute_totals(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 3))
    picks = await floor.next_list(place)

    first = await floor.scan(picks, sku)
    last = await floor.scan(picks, sku, 2)

    assert (first["list_state"], first["remaining"]) == ("picking", 2)
    assert (last["list_state"], last["remaining"], last["next"]) == ("done", 0, None)
    assert await floor.picked(order) == [1, 3]
    assert [fact.complete for fact in await lab.facts(inventory.PickConfirmed, order.order_id)] == [False, True]


async def test_the_same_scan_sent_twice_counts_once(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 3))
    picks = await floor.next_list(place)
    scan_id = str(new_id())

    answers = [await floor.scan(picks, sku, key=scan_id) for _ in range(2)]

    assert answers[0] == answers[1]
    assert await floor.picked(order) == [1]


async def test_a_barcode_of_a_case_counts_its_units(floor: Floor, lab: Lab) -> None:
    place = await lab.location()
    sku = await lab.sku(barcodes=[])
    case = f"C{str(new_id())[-10:]}"
    size = {"weight_grams": 300, "length_mm": 1, "width_mm": 1, "height_mm": 1}
    code = {"code": case, "units": 6}
    await lab.do("/staff/skus", {"skus": [{"code": sku, "name": "Bottle", **size, "barcodes": [code]}]})
    await lab.receive(sku, place, 20)
    await floor.release(Line(sku, 8))
    picks = await floor.next_list(place)

    done = await floor.scan(picks, case)
    problem = await floor.refused(f"/staff/pick-lists/{picks['id']}/scans", {"barcode": case})

    assert (done["units"], done["remaining"]) == (6, 2)
    assert problem["code"] == "over_scan"
    assert "stands for 6 units, 2 wanted" in problem["detail"]


async def test_a_wrong_item_is_refused_and_says_what_is_expected(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    other = await lab.sku()
    order = await floor.release(Line(sku, 1))
    picks = await floor.next_list(place)

    problem = await floor.refused(f"/staff/pick-lists/{picks['id']}/scans", {"barcode": other})

    assert problem["code"] == "wrong_item"
    assert problem["expected"]["sku"] == sku
    assert sku in problem["detail"]
    assert await floor.picked(order) == []


async def test_one_unit_too_many_is_refused(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 2))
    picks = await floor.next_list(place)

    problem = await floor.refused(f"/staff/pick-lists/{picks['id']}/scans", {"barcode": sku, "quantity": 3})

    assert (problem["code"], problem["expected"]["quantity"]) == ("over_scan", 2)
    assert await floor.picked(order) == []


async def test_a_cart_takes_several_orders_in_the_order_of_work_and_a_wrong_tote_is_refused(
    floor: Floor, lab: Lab
) -> None:
    sku, place = await lab.stocked(9)
    other = await lab.sku()
    await lab.receive(other, place, 9)
    later = await floor.release(Line(sku, 1))
    urgent = await floor.release(Line(sku, 1), Line(other, 1), priority=5, ship_by=later.placed.promise.ship_by)
    picks = await floor.next_list(place, "multi_order_cart")
    scans = f"/staff/pick-lists/{picks['id']}/scans"

    no_tote = await floor.refused(scans, {"barcode": sku})
    wrong = await floor.refused(scans, {"barcode": other, "tote": "T2"})
    for tote in ("T1", "T2"):
        await floor.scan(picks, sku, 1, tote)
    done = await floor.scan(picks, other)

    assert [t["order_id"] for t in picks["totes"]] == [str(urgent.order_id), str(later.order_id)]
    assert (no_tote["code"], wrong["code"], wrong["expected"]["tote"]) == ("wrong_tote", "wrong_tote", "T1")
    assert done["list_state"] == "done"


async def test_the_last_scan_is_taken_back(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 3))
    picks = await floor.next_list(place)
    await floor.scan(picks, sku, 2)

    undone = await floor.do(f"/staff/pick-lists/{picks['id']}/undo")
    nothing = await floor.refused(f"/staff/pick-lists/{picks['id']}/undo")

    assert (undone["units"], undone["remaining"], undone["list_state"]) == (2, 3, "picking")
    assert nothing["code"] == "nothing_to_undo"
    assert await floor.picked(order) == [2, 0]


async def test_a_scan_taken_back_on_a_finished_list_waits_for_the_next_one(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 2))
    picks = await floor.pick_all(place)

    undone = await floor.do(f"/staff/pick-lists/{picks['id']}/undo")
    following = await floor.next_list(place)

    assert undone["list_state"] == "done"
    assert (following["id"] != picks["id"], following["remaining"]) == (True, 2)


async def test_an_unfinished_list_comes_before_a_new_one_and_nothing_to_pick_is_said(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 1))
    first = await floor.next_list(place)

    again = await floor.next_list(place)
    nothing = await floor.post("/staff/pick-lists/next", {"location": place}, subject="somebody else")

    assert again["id"] == first["id"]
    assert nothing.status_code == 204


async def test_only_the_lists_picker_scans(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 1))
    picks = await floor.next_list(place)

    problem = await floor.refused(f"/staff/pick-lists/{picks['id']}/scans", {"barcode": sku}, subject="bob")

    assert problem["code"] == "not_your_list"
    assert problem["picker"] == floor.picker


async def test_a_lead_plans_assigns_and_takes_back(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 1))
    lead: dict[str, str] = {"role": "warehouse_lead", "subject": "lea"}
    planned = await floor.do("/staff/pick-lists", {"location": place, "mode": "single"}, **lead)

    assigned = await floor.do(f"/staff/pick-lists/{planned['id']}/assign", {"picker": "bob"}, **lead)
    refused = await floor.refused(f"/staff/pick-lists/{planned['id']}/unassign")
    back = await floor.do(f"/staff/pick-lists/{planned['id']}/unassign", {}, **lead)
    taken = await floor.next_list(place)

    assert (planned["state"], planned["picker"]) == ("planned", None)
    assert (assigned["state"], assigned["picker"]) == ("assigned", "bob")
    assert refused["code"] == "not_your_list"
    assert (back["state"], back["picker"]) == ("planned", None)
    assert (taken["id"], taken["picker"]) == (planned["id"], floor.picker)
    assert len(await lab.facts(inventory.PickStarted, order.order_id)) == 1


async def test_a_list_without_a_scan_for_half_an_hour_is_anybodys(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 2))
    picks = await floor.next_list(place)
    await floor.scan(picks, sku)
    await lab.run_jobs()
    assert (await lab.get(f"/staff/pick-lists/{picks['id']}"))["picker"] == floor.picker

    async with lab.database.transaction() as tx:
        await tx.execute(
            "update pick_list set active_at = active_at - interval '31 minutes' where id = $1", picks["id"]
        )
    await lab.run_jobs()
    taken = await floor.next_list(place, subject="bob")

    assert (taken["id"], taken["picker"], taken["remaining"]) == (picks["id"], "bob", 1)


async def test_a_hold_stops_picking_and_its_release_lets_it_go_on(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 2))
    picks = await floor.next_list(place)
    await floor.scan(picks, sku)

    await floor.hold(order)
    problem = await floor.refused(f"/staff/pick-lists/{picks['id']}/scans", {"barcode": sku})
    held = await floor.states(order)
    nothing = await floor.post("/staff/pick-lists/next", {"location": place, "mode": "single"}, subject="bob")
    await floor.let_go(order, "fraud")
    still = await floor.states(order)
    await floor.let_go(order)
    rest = await floor.next_list(place, subject="bob")

    assert problem["code"] in {"on_hold", "list_done"}
    assert (held, still, nothing.status_code) == (["on_hold"], ["on_hold"], 204)
    assert rest["remaining"] == 1
    assert await floor.states(order) == ["in_progress"]


async def test_a_held_order_on_a_cart_is_put_aside_while_the_others_go_on(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(9)
    held, free = await floor.release(Line(sku, 1)), await floor.release(Line(sku, 1))
    picks = await floor.next_list(place, "multi_order_cart")
    totes = {t["order_id"]: t["tote"] for t in picks["totes"]}
    await floor.hold(held)

    problem = await floor.refused(
        f"/staff/pick-lists/{picks['id']}/scans", {"barcode": sku, "tote": totes[str(held.order_id)]}
    )
    done = await floor.scan(picks, sku, 1, totes[str(free.order_id)])

    assert problem["code"] == "on_hold"
    assert done["list_state"] == "done"


async def test_units_cancelled_before_the_pick_are_refused_and_leave_the_list(floor: Floor, lab: Lab) -> None:
    from tests.inventory.lab import cancel

    sku, place = await lab.stocked(9)
    gone, stays = await floor.release(Line(sku, 1)), await floor.release(Line(sku, 1))
    picks = await floor.next_list(place, "multi_order_cart")
    totes = {t["order_id"]: t["tote"] for t in picks["totes"]}
    await lab.tell(cancel(gone.placed))

    problem = await floor.refused(
        f"/staff/pick-lists/{picks['id']}/scans", {"barcode": sku, "tote": totes[str(gone.order_id)]}
    )
    done = await floor.scan(picks, sku, 1, totes[str(stays.order_id)])

    assert problem["code"] == "cancelled"
    assert done["list_state"] == "done"
    assert await floor.states(gone) == ["cancelled"]
    await lab.check_books([sku])
