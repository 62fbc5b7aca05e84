"""Packing, labels and the last gate: nothing leaves that must not, and what leaves is told once."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared import clock
from shared.events import inventory, shipping
from shared.ids import new_id
from tests.inventory.floor import Floor
from tests.inventory.lab import Json, Lab, Line, cancel, step

DAY = timedelta(days=1)


def _codes(answer: Json) -> list[str]:
    return [refused["code"] for refused in answer["refused"]]


async def test_a_parcel_is_packed_weighed_and_closed_in_one_call(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 2))
    picks = await floor.pick_all(place)
    weighing = {"weight_grams": 700, "length_mm": 300, "width_mm": 200, "height_mm": 100, "tare_grams": 100}

    parcel = await floor.do(
        f"/staff/fulfilments/{picks['tasks'][0]['fulfilment_id']}/parcels", {**weighing, "close": True}
    )

    assert (parcel["state"], parcel["expected_grams"], parcel["variance_grams"]) == ("closed", 600, 0)
    (closed,) = await lab.facts(inventory.ParcelClosed, order.order_id)
    assert (closed.weight_grams, closed.weight_variance_grams, closed.packed[0].quantity) == (700, 0, 2)
    assert await floor.states(order) == ["packed"]


@pytest.mark.parametrize(("variance", "told"), [(50, 0), (51, 51), (-51, -51)])
async def test_a_weight_that_does_not_fit_the_contents_is_reported(
    floor: Floor, lab: Lab, variance: int, told: int
) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 2))
    picks = await floor.pick_all(place)

    parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"], variance=variance)

    assert (parcel["variance_grams"], parcel["variance_exceeded"]) == (variance, told != 0)
    (closed,) = await lab.facts(inventory.ParcelClosed, order.order_id)
    assert closed.weight_variance_grams == told


async def test_several_parcels_share_the_units_and_too_many_are_refused(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 3))
    picks = await floor.pick_all(place)
    fulfilment = picks["tasks"][0]["fulfilment_id"]
    first = await floor.pack(fulfilment, contents=[{"barcode": sku, "quantity": 1}])
    half = await floor.states(order)

    over = await floor.refused(
        f"/staff/fulfilments/{fulfilment}/parcels", {"contents": [{"barcode": sku, "quantity": 3}]}
    )
    alien = await floor.refused(f"/staff/fulfilments/{fulfilment}/parcels", {"contents": [{"barcode": "nothing"}]})
    second = await floor.pack(fulfilment)

    assert (over["code"], alien["code"]) == ("over_scan", "wrong_item")
    assert (first["parcel_no"], second["contents"][0]["quantity"]) == (1, 2)
    assert (half, await floor.states(order)) == (["in_progress"], ["packed"])
    told = [fact.packed[0].quantity for fact in await lab.facts(inventory.ParcelClosed, order.order_id)]
    assert told == [1, 3]


async def test_a_bought_label_makes_the_parcel_labelled_also_when_nobody_waits(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    _, parcel, number = await floor.ready(sku, place)

    found = await lab.get(f"/staff/parcels/{parcel['id']}")
    staged = await floor.do("/staff/stagings", {"location": place, "tracking_number": number})

    assert (found["state"], found["label"]["tracking_number"]) == ("labelled", number)
    assert staged["state"] == "staged"


async def test_a_label_the_carrier_refused_is_explained(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 1))
    picks = await floor.pick_all(place)
    parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"])

    await lab.tell(
        shipping.BookingFailed(
            order_id=order.order_id,
            shipment_id=new_id(),
            parcel_id=parcel["id"],
            carrier="USPS",
            code="ADDRESS.VERIFY.FAILURE",
            reason="no such street",
            progress=step("booking_failed"),
        )
    )

    (late,) = (await lab.get("/staff/fulfilments", location=place))["data"]
    assert late["why"] == "the carrier refused parcel 1: ADDRESS.VERIFY.FAILURE: no such street"


async def test_many_parcels_are_handed_over_at_once_and_their_stock_leaves(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(9)
    one, _, first = await floor.ready(sku, place, 2)
    other, _, second = await floor.ready(sku, place, 3)

    answer = await floor.hand_over(place, first, second)

    assert [a["order_id"] for a in answer["accepted"]] == [str(one.order_id), str(other.order_id)]
    assert (answer["refused"], await floor.states(one)) == ([], ["handed_over"])
    row = await lab.stock(sku, place)
    assert (row["on_hand"], row["reserved"]) == (4, 0)
    (left,) = await lab.facts(inventory.ParcelHandedOver, other.order_id)
    assert (left.handed_over[0].quantity, left.tracking_number) == (3, second)
    await lab.check_books([sku])


async def test_the_last_gate_names_each_parcel_it_refuses_and_lets_the_others_go(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(20)
    gone, _, gone_number = await floor.ready(sku, place)
    await floor.hand_over(place, gone_number)
    held, _, held_number = await floor.ready(sku, place)
    await floor.hold(held)
    doomed, _, doomed_number = await floor.ready(sku, place)
    await lab.tell(cancel(doomed.placed))
    _, unlabelled_parcel, voided_number = await floor.ready(sku, place)
    booked = await floor.book(unlabelled_parcel)
    await floor.void(booked)
    _, good_parcel, good_number = await floor.ready(sku, place)

    answer = await floor.hand_over(
        place, gone_number, held_number, doomed_number, booked.tracking_number, good_number, "never printed"
    )

    assert {r["tracking_number"]: r["code"] for r in answer["refused"]} == {
        gone_number: "already_handed_over",
        held_number: "on_hold",
        doomed_number: "open_cancellation",
        booked.tracking_number: "no_live_label",
        "never printed": "unknown_parcel",
    }
    assert voided_number != booked.tracking_number
    assert [a["parcel_id"] for a in answer["accepted"]] == [good_parcel["id"]]
    assert len(await lab.facts(inventory.ParcelHandedOver, gone.order_id)) == 1
    assert not await lab.facts(inventory.ParcelHandedOver, held.order_id)
    await lab.check_books([sku])


async def test_another_carriers_parcel_and_another_houses_are_refused_loudly(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    other = await lab.location()
    _, _, number = await floor.ready(sku, place)
    body = {"location": place, "carrier": "UPS", "tracking_numbers": [number]}

    wrong_carrier = await floor.refused("/staff/hand-overs", body)
    wrong_house = await floor.refused("/staff/hand-overs", {**body, "location": other, "carrier": "USPS"})

    assert (wrong_carrier["code"], _codes(wrong_carrier)) == ("nothing_handed_over", ["other_carrier"])
    assert _codes(wrong_house) == ["other_location"]
    assert (await lab.stock(sku, place))["on_hand"] == 5


async def test_a_parcel_that_left_on_a_voided_label_is_told_to_the_books_by_a_lead(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order, parcel, _ = await floor.ready(sku, place, 2)
    booked = await floor.book(parcel)
    await floor.void(booked)
    path, why = f"/staff/parcels/{parcel['id']}/departures", {"reason": "the carrier scanned it in Ohio"}

    by_a_picker = await floor.post(path, why)
    await floor.do(path, why, role="warehouse_lead")
    again = await floor.refused(path, why, role="warehouse_lead")

    assert (by_a_picker.status_code, _codes(again)) == (403, ["already_handed_over"])
    assert await floor.states(order) == ["handed_over"]
    (left,) = await lab.facts(inventory.ParcelHandedOver, order.order_id)
    assert (left.tracking_number, left.handed_over[0].quantity) == (booked.tracking_number, 2)
    assert (await lab.stock(sku, place))["on_hand"] == 3
    await lab.check_books([sku])


async def test_a_parcel_that_is_open_or_has_cancelled_units_did_not_leave_by_a_word(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 1))
    picks = await floor.pick_all(place)
    opened = await floor.do(f"/staff/fulfilments/{picks['tasks'][0]['fulfilment_id']}/parcels")
    doomed, parcel, _ = await floor.ready(sku, place)
    await lab.tell(cancel(doomed.placed))
    why = {"reason": "it is not on the dock"}

    still_open = await floor.refused(f"/staff/parcels/{opened['id']}/departures", why, role="warehouse_lead")
    cancelled = await floor.refused(f"/staff/parcels/{parcel['id']}/departures", why, role="warehouse_lead")

    assert (_codes(still_open), _codes(cancelled)) == (["not_closed"], ["open_cancellation"])
    assert (await lab.stock(sku, place))["on_hand"] == 5


async def test_an_order_that_ships_whole_does_not_leave_in_pieces(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 2))
    picks = await floor.pick_all(place)
    parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"], contents=[{"barcode": sku, "quantity": 1}])
    booked = await floor.book(parcel)

    problem = await floor.refused(
        "/staff/hand-overs", {"location": place, "carrier": "usps", "tracking_numbers": [booked.tracking_number]}
    )

    assert _codes(problem) == ["incomplete"]


async def test_a_void_sends_a_labelled_parcel_back_to_closed_and_a_new_label_counts(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order, parcel, _ = await floor.ready(sku, place)
    booked = await floor.book(parcel)
    await floor.void(booked)
    after = await lab.get(f"/staff/parcels/{parcel['id']}")
    again = await floor.book(parcel)

    await floor.hand_over(place, again.tracking_number)

    assert (after["state"], after["label"]["state"]) == ("closed", "voided")
    assert await floor.states(order) == ["handed_over"]


async def test_a_voided_parcel_is_opened_repacked_and_closed_again(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order, parcel, _ = await floor.ready(sku, place)
    await floor.void(await floor.book(parcel))

    opened = await floor.do(f"/staff/parcels/{parcel['id']}/reopenings", {"reason": "box was crushed"})
    while_open = await floor.states(order)
    weighing = {"weight_grams": 300, "length_mm": 300, "width_mm": 200, "height_mm": 100}
    await floor.do(f"/staff/parcels/{parcel['id']}/weighings", weighing)
    closed = await floor.do(f"/staff/parcels/{parcel['id']}/closings")

    assert (opened["state"], while_open, closed["state"]) == ("open", ["in_progress"], "closed")
    told = [fact.packed[0].quantity for fact in await lab.facts(inventory.ParcelClosed, order.order_id)]
    assert told == [1, 1]
    (reopened,) = await lab.facts(inventory.ParcelReopened, order.order_id)
    assert (str(reopened.parcel_id), reopened.packed[0].quantity) == (parcel["id"], 0)
    assert reopened.progress.step == "in_progress"


async def test_a_parcel_whose_label_may_live_stays_closed_until_shipping_gives_it_back(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    _, parcel, _ = await floor.ready(sku, place)

    problem = await floor.post(f"/staff/parcels/{parcel['id']}/reopenings", {"reason": "box was crushed"})

    # Shipping is away, or does not know this laboratory's parcel.
    assert problem.json()["code"] in {"unavailable", "void_first"}
    assert (await lab.get(f"/staff/parcels/{parcel['id']}"))["state"] == "labelled"


async def test_a_parcel_without_a_label_shows_that_it_waits_for_one(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 1))
    picks = await floor.pick_all(place)
    parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"])

    shown = await lab.get(f"/staff/parcels/{parcel['id']}/label")

    assert (shown["label"], shown["parcel"]["label"]["state"]) == (None, "asked")


async def test_cancelled_units_are_put_back_by_scan_and_their_reservation_ends(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 3))
    picks = await floor.pick_all(place)
    fulfilment = picks["tasks"][0]["fulfilment_id"]
    request = cancel(order.placed, (order.line_id(), 2))
    await lab.tell(request)
    asked = await floor.states(order)
    reserved = (await lab.stock(sku, place))["reserved"]

    over = await floor.refused(f"/staff/fulfilments/{fulfilment}/put-backs", {"barcode": sku, "quantity": 3})
    first = await floor.do(f"/staff/fulfilments/{fulfilment}/put-backs", {"barcode": sku})
    await floor.do(f"/staff/fulfilments/{fulfilment}/put-backs", {"barcode": sku})
    nothing = await floor.refused(f"/staff/fulfilments/{fulfilment}/put-backs", {"barcode": sku})

    assert (asked, reserved) == (["cancel_requested"], 3)
    assert (over["code"], nothing["code"], first["due"][0]["quantity"]) == ("over_scan", "nothing_to_put_back", 1)
    facts = await lab.facts(inventory.PicksPutBack, order.order_id)
    assert [fact.lines[0].quantity for fact in facts] == [1, 2]
    assert {fact.cancellation_id for fact in facts} == {request.cancellation_id}
    assert (await lab.stock(sku, place))["reserved"] == 1
    await floor.pack(fulfilment)
    assert await floor.states(order) == ["packed"]
    await lab.check_books([sku])


async def test_cancelled_units_in_a_parcel_come_out_before_they_are_put_back(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order, parcel, _ = await floor.ready(sku, place, 2)
    await lab.tell(cancel(order.placed))
    put_backs = f"/staff/fulfilments/{parcel['fulfilment_id']}/put-backs"

    boxed = await floor.refused(put_backs, {"barcode": sku, "quantity": 2})
    await floor.void(await floor.book(parcel))
    await floor.do(f"/staff/parcels/{parcel['id']}/reopenings", {"reason": "order cancelled"})
    await floor.do(f"/staff/parcels/{parcel['id']}/discards")
    done = await floor.do(put_backs, {"barcode": sku, "quantity": 2})

    assert boxed["code"] == "void_first"
    assert done["state"] == "cancelled"
    row = await lab.stock(sku, place)
    assert (row["on_hand"], row["reserved"]) == (5, 0)
    await lab.check_books([sku])


async def test_what_has_left_is_refused_to_be_cancelled(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order, _, number = await floor.ready(sku, place)
    await floor.hand_over(place, number)

    await lab.tell(cancel(order.placed))

    (answer,) = await lab.facts(inventory.CancellationAnswered, order.order_id)
    assert [o.outcome for o in answer.outcomes] != ["cancelled"]
    assert await floor.states(order) == ["handed_over"]


async def test_work_past_its_cut_off_is_listed_first_and_says_why(floor: Floor, lab: Lab, tmp_path: Path) -> None:
    clock.use_stepped_file(tmp_path / "clock", environment="local")
    clock.step_to(clock.real())
    sku, place = await lab.stocked(9)
    await floor.release(Line(sku, 1), ship_by=clock.now() + 9 * DAY)
    late = await floor.release(Line(sku, 1), ship_by=clock.now() + 2 * DAY)
    clock.step_to(clock.now() + 3 * DAY)

    rows = (await lab.get("/staff/fulfilments", location=place))["data"]
    only_late = (await lab.get("/staff/fulfilments", location=place, late=True))["data"]
    page = await lab.get("/staff/fulfilments", location=place, limit=1)
    rest = await lab.get("/staff/fulfilments", location=place, limit=1, cursor=page["next_cursor"])

    assert [row["late"] for row in rows] == [True, False]
    assert [row["order_id"] for row in only_late] == [str(late.order_id)]
    assert rows[0]["why"] == "1 unit to pick, nobody is on it"
    assert [page["data"][0]["id"], rest["data"][0]["id"]] == [row["id"] for row in rows]


async def test_parcels_that_have_not_left_are_listed_and_found_by_their_label(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    _, parcel, number = await floor.ready(sku, place)
    assert [p["id"] for p in (await lab.get("/staff/parcels", location=place))["data"]] == [parcel["id"]]
    assert (await lab.get("/staff/parcels", location=place, state="closed"))["data"] == []

    await floor.hand_over(place, number)

    assert (await lab.get("/staff/parcels", location=place))["data"] == []
    (found,) = (await lab.get("/staff/parcels", tracking_number=number))["data"]
    assert (found["id"], found["state"]) == (parcel["id"], "handed_over")


async def test_fulfilment_orders_are_found_by_number_reference_and_tote(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 1))
    await floor.pick_all(place)
    for name in (order.placed.number, order.placed.reference.lower(), "t1"):
        (found,) = (await lab.get("/staff/fulfilments", location=place, named=name))["data"]
        assert (found["order_id"], found["totes"]) == (str(order.order_id), ["T1"])
    assert (await lab.get("/staff/fulfilments", location=place, named="T9"))["data"] == []
