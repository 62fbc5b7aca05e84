"""Holds, payments, amendments, cancellations, dates: what people and timers do to an order."""

from datetime import timedelta

import httpx

from shared import clock
from shared.auth import Role
from shared.events.inventory import LineStock, ReservationReleased
from shared.events.orders import (
    CancellationRequested,
    HoldApplied,
    HoldReleased,
    LinesWrittenOff,
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderReleased,
    PromiseRevised,
    PromiseSettled,
)
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import MoveTo, Placed, Shop, euros

HOUR = timedelta(hours=1)


async def test_an_unpaid_order_waits_for_its_payment(shop: Shop) -> None:
    order = await shop.place(payment={"status": "pending"})
    placed = (await order.told(OrderPlaced))[0]
    await order.rig.hear(neighbours.reserved(order))
    assert placed["holds"] == ["payment"]
    assert placed["soft_until"] is not None
    assert await order.told(OrderReleased) == []

    answer = await order.do("/payments", {"type": "authorized", "reference": "p1"})

    assert answer.json()["status"] == "authorized"
    assert [fact["remaining"] for fact in await order.told(HoldReleased)] == [[]]
    assert len(await order.told(OrderReleased)) == 1


async def test_a_part_of_the_money_does_not_release_the_order(shop: Shop) -> None:
    order = await shop.place(payment={"status": "pending"})
    await order.rig.hear(neighbours.reserved(order))

    await order.do("/payments", {"type": "authorized", "amount": euros(100)})

    assert await order.told(OrderReleased) == []


async def test_the_same_payment_report_counts_once(shop: Shop) -> None:
    order = await shop.place()
    for _ in range(2):
        answer = await order.do("/payments", {"type": "captured", "amount": euros(1000), "reference": "c1"})

    assert answer.json()["captured"] == 1000
    assert answer.json()["status"] == "partially_captured"


async def test_money_in_another_currency_is_refused(shop: Shop) -> None:
    order = await shop.place()

    answer = await order.do("/payments", {"type": "captured", "amount": {"amount": 1, "currency": "USD"}})

    assert answer.json()["errors"][0]["pointer"] == "/amount/currency"


async def test_an_expired_reservation_cancels_the_unpaid_order(shop: Shop) -> None:
    order = await shop.place(payment={"status": "pending"})
    lines = tuple(
        LineStock(line_id=line, sku=sku, reserved=0, backordered=0, released=quantity)
        for line, sku, quantity in order.lines
    )
    await order.rig.hear(ReservationReleased(order_id=order.id, reason="expired", lines=lines))

    assert (await order.told(CancellationRequested))[0]["reason"] == "payment"
    await neighbours.answer_last(order, "cancelled", "cancelled")
    assert (await order.now())["status"] == "cancelled"
    assert [fact["reason"] for fact in await order.told(OrderCancelled)] == ["payment"]


async def test_an_unpaid_order_without_stock_is_cancelled_by_time(shop: Shop, move_to: MoveTo) -> None:
    order = await shop.place(payment={"status": "pending", "expires_at": (clock.now() + HOUR).isoformat()})
    await order.rig.hear(neighbours.backordered(order))
    await order.rig.run_jobs()
    assert await order.told(CancellationRequested) == []

    move_to(clock.now() + 3 * HOUR)
    await order.rig.run_jobs()

    assert [fact["reason"] for fact in await order.told(CancellationRequested)] == ["payment"]


async def test_an_authorization_that_ends_soon_holds_the_order(shop: Shop, move_to: MoveTo) -> None:
    expires_at = clock.now() + timedelta(days=7)
    order = await shop.place(payment={"status": "authorized", "expires_at": expires_at.isoformat()})
    await order.rig.run_jobs()
    assert await order.told(HoldApplied) == []

    move_to(expires_at - timedelta(hours=47))
    await order.rig.run_jobs()
    assert [fact["reason"] for fact in await order.told(HoldApplied)] == ["payment"]

    await order.do("/payments", {"type": "authorized"})
    assert (await order.now())["holds"] == []


async def test_the_day_the_customer_asked_for_releases_the_order(shop: Shop, move_to: MoveTo) -> None:
    day = clock.now() + timedelta(days=3)
    order = await shop.place(ship_after=day.isoformat())
    await order.rig.hear(neighbours.reserved(order))
    assert await order.told(OrderReleased) == []
    assert (await order.do("/explain", None, method="GET")).json()["blocking"]["step"] == "ship_after"

    move_to(day)
    await order.rig.run_jobs()

    assert len(await order.told(OrderReleased)) == 1


async def test_a_paused_release_waits_and_goes_on_when_resumed(shop: Shop) -> None:
    switch = {"kind": "release", "scope": str(shop.id), "reason": "stocktaking"}
    await shop.rig.staff("POST", "/staff/pauses", switch)
    order = await shop.place()
    await order.rig.hear(neighbours.reserved(order))
    assert await order.told(OrderReleased) == []
    assert (await order.do("/explain", None, method="GET")).json()["blocking"]["step"] == "release_paused"

    await shop.rig.staff("POST", "/staff/pauses/resume", switch)
    await shop.rig.run_jobs()

    assert len(await order.told(OrderReleased)) == 1


async def test_a_hold_keeps_the_order_and_its_release_lets_it_go(shop: Shop) -> None:
    order = await shop.place()
    held = await shop.rig.staff("POST", f"/staff/orders/{order.id}/holds", {"reason": "fraud"}, role=Role.SUPPORT)
    await order.rig.hear(neighbours.reserved(order))
    assert await order.told(OrderReleased) == []
    explained = (await order.do("/explain", None, method="GET")).json()["blocking"]
    assert (explained["step"], explained["holder"]) == ("hold_fraud", "risk")

    hold_id = held.json()["holds"][0]["id"]
    await shop.rig.staff("POST", f"/staff/orders/{order.id}/holds/{hold_id}/release", {"note": "checked"})

    assert len(await order.told(OrderReleased)) == 1
    again = await shop.rig.staff("POST", f"/staff/orders/{order.id}/holds/{hold_id}/release", {"note": "twice"})
    assert again.json()["code"] == "hold_not_found"


async def test_nothing_is_released_until_all_units_have_stock(shop: Shop) -> None:
    order = await shop.place()
    await order.rig.hear(neighbours.backordered(order))
    assert (await order.now())["fulfilment_status"] == "backordered"
    assert await order.told(OrderReleased) == []

    await order.rig.hear(neighbours.reserved(order))

    released = await order.told(OrderReleased)
    assert [line["quantity"] for line in released[0]["lines"]] == [2, 1]


async def test_partial_shipments_release_each_unit_once(shop: Shop) -> None:
    order = await shop.place(policy={"partial_shipments": "allowed"})
    await order.rig.hear(neighbours.backordered(order), neighbours.reserved(order), neighbours.reserved(order))

    released = await order.told(OrderReleased)

    assert [[line["quantity"] for line in fact["lines"]] for fact in released] == [[1, 1], [1]]
    assert [fact["release_no"] for fact in released] == [1, 2]


async def test_a_storefront_that_does_not_wait_has_the_missing_units_cancelled(shop: Shop) -> None:
    order = await shop.place(policy={"backorder": "cancel"})
    await order.rig.hear(neighbours.backordered(order))
    asked = (await order.told(CancellationRequested))[0]
    assert (asked["reason"], [line["quantity"] for line in asked["lines"]]) == ("inventory", [1])


async def test_stock_that_takes_longer_than_allowed_is_cancelled(shop: Shop, move_to: MoveTo) -> None:
    order = await shop.place(policy={"max_backorder_days": 5})
    await order.rig.hear(neighbours.backordered(order))
    await order.rig.run_jobs()
    assert await order.told(CancellationRequested) == []

    move_to(clock.now() + timedelta(days=6))
    await order.rig.run_jobs()

    assert len(await order.told(CancellationRequested)) == 1


async def test_stock_that_comes_late_moves_the_promise_and_says_why(shop: Shop) -> None:
    order = await shop.place()
    before = (await order.now())["promise"]
    await order.rig.hear(neighbours.backordered(order, expected_at=clock.now() + timedelta(days=20)))

    after = (await order.now())["promise"]
    revised = (await order.told(PromiseRevised))[0]
    assert (before["revision"], after["revision"]) == (1, 2)
    assert after["deliver_by_latest"] > before["deliver_by_latest"]
    assert (revised["attributed_to"], revised["slip_minutes"] > 0) == ("stock", True)
    assert [fact["outcome"] for fact in await order.told(PromiseSettled)] == ["withdrawn"]


async def test_an_order_is_amended_before_its_pick(shop: Shop) -> None:
    order = await shop.place()
    address = {**shop.order()["shipping_address"], "city": "Altona", "postal_code": "22765"}
    body = {"shipping_address": address, "lines": [{"reference": "1", "quantity": 1}]}

    answer = await order.do("", body, method="PATCH", if_match='"1"')

    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.headers["etag"] == '"2"'
    assert answer.json()["total"]["amount"] == 1290 + 900 + 490
    fact = (await order.told(OrderAmended))[0]
    assert sorted(fact["changed"]) == ["lines", "shipping_address"]
    assert [line["quantity"] for line in fact["lines"]] == [1, 1]
    recipient = await shop.rig.staff("GET", f"/internal/orders/{order.id}/recipient", role=Role.SERVICE)
    assert recipient.json()["city"] == "Altona"


async def test_a_stale_edit_is_refused(shop: Shop) -> None:
    order = await shop.place()
    await order.rig.hear(neighbours.reserved(order))

    answer = await order.do("", {"lines": [{"reference": "1", "quantity": 1}]}, method="PATCH", if_match='"1"')

    assert answer.status_code == httpx.codes.PRECONDITION_FAILED


async def test_a_line_amended_to_nothing_is_told_as_such(shop: Shop) -> None:
    order = await shop.place()

    await order.do("", {"lines": [{"reference": "2", "quantity": 0}]}, method="PATCH")

    assert [line["quantity"] for line in (await order.told(OrderAmended))[0]["lines"]] == [2, 0]


async def test_lines_only_get_fewer(shop: Shop) -> None:
    order = await shop.place()
    for lines, code in (
        ([{"reference": "1", "quantity": 5}], "only_fewer"),
        ([{"reference": "9", "quantity": 1}], "unknown_line"),
        ([{"reference": "1", "quantity": 0}, {"reference": "2", "quantity": 0}], "nothing_left"),
    ):
        answer = await order.do("", {"lines": lines}, method="PATCH")
        assert answer.json()["errors"][0]["code"] == code


async def test_after_the_pick_began_it_says_what_is_still_possible(shop: Shop) -> None:
    order = await shop.place()
    await Parcel(order).pack()

    answer = await order.do("", {"lines": [{"reference": "1", "quantity": 1}]}, method="PATCH")

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (httpx.codes.CONFLICT, "too_late")
    assert (problem["stage"], problem["still_possible"]) == ("packed", ["cancellation"])


async def test_an_order_that_has_ended_is_too_late_to_change(shop: Shop) -> None:
    order = await shop.place()
    parcel = Parcel(order)
    await parcel.send()
    await parcel.deliver()

    answer = await order.do("", {"contact": {"locale": "fr"}}, method="PATCH")

    problem = answer.json()
    assert (problem["code"], problem["stage"], problem["still_possible"]) == ("too_late", "completed", [])


async def test_of_a_contact_only_the_fields_sent_are_changed(shop: Shop) -> None:
    order = await shop.place()

    answer = await order.do("", {"contact": {"email": "new@example.com"}}, method="PATCH")

    assert answer.status_code == httpx.codes.OK, answer.text
    recipient = (await shop.rig.staff("GET", f"/internal/orders/{order.id}/recipient", role=Role.SERVICE)).json()
    assert (recipient["email"], recipient["phone"], recipient["locale"]) == ("new@example.com", "+49 40 1234567", "de")
    assert [fact["changed"] for fact in await order.told(OrderAmended)] == [["contact"]]
    found = await shop.rig.staff("GET", "/staff/look-up?q=new@example.com", role=Role.SUPPORT)
    assert [entry["order_id"] for entry in found.json()["data"]] == [str(order.id)]


async def test_a_later_day_asked_for_moves_the_promise(shop: Shop) -> None:
    order = await shop.place()
    day = clock.now() + timedelta(days=40)

    answer = await order.do("", {"ship_after": day.isoformat()}, method="PATCH")

    assert answer.json()["promise"]["revision"] == 2
    assert answer.json()["promise"]["ship_by"] >= day.isoformat()[:10]


async def test_a_rejected_order_is_not_released_and_gives_its_stock_back(shop: Shop) -> None:
    order = await shop.place(payment={"status": "pending"})
    answer = await shop.rig.staff("POST", f"/staff/orders/{order.id}/reject", {"reason": "fraud"})
    assert answer.json()["status"] == "rejected"
    await order.rig.hear(neighbours.reserved(order))
    await neighbours.answer_last(order, "cancelled", "cancelled")

    shown = await order.now()
    assert (shown["status"], [line["cancelled"] for line in shown["lines"]]) == ("rejected", [2, 1])
    assert await order.told(OrderReleased) == []


async def test_staff_revise_a_promise_and_the_audit_knows(shop: Shop) -> None:
    order = await shop.place()
    latest = clock.now() + timedelta(days=60)
    body = {"deliver_by_latest": latest.isoformat(), "reason": "the house is flooded", "attributed_to": "warehouse"}

    answer = await shop.rig.staff("POST", f"/staff/orders/{order.id}/promises", body, role=Role.SUPPORT)

    assert (answer.json()["promise"]["revision"], answer.json()["promise"]["source"]) == (2, "agent")
    trail = await shop.rig.staff("GET", f"/staff/audit?subject={order.id}", role=Role.OPERATOR)
    assert [entry["act"] for entry in trail.json()["data"]] == ["revise_promise"]


async def test_units_on_their_way_that_are_written_off_let_an_order_end(shop: Shop) -> None:
    order = await shop.place(lines=[shop.line("1", 0, 2, 100)])
    parcel = Parcel(order)
    await parcel.send()

    answer = await write_off(order, 1)
    assert (answer.json()["status"], answer.json()["lines"][0]["in_transit"]) == ("open", 1)
    answer = await write_off(order, 1)

    assert (answer.json()["status"], answer.json()["lines"][0]["written_off"]) == ("completed", 2)
    told = await order.told(LinesWrittenOff)
    assert [[line["quantity"] for line in fact["lines"]] for fact in told] == [[1], [2]]
    trail = await shop.rig.staff("GET", f"/staff/orders/{order.id}/timeline", role=Role.SUPPORT)
    assert "lines_written_off" in [entry["fact"] for entry in trail.json()["data"]]


async def test_units_in_the_house_are_cancelled_not_written_off(shop: Shop) -> None:
    order = await shop.place(lines=[shop.line("1", 0, 1, 100)])
    await order.rig.hear(neighbours.reserved(order))

    answer = await write_off(order, 1)

    assert [error["code"] for error in answer.json()["errors"]] == ["too_many"]
    assert (await order.now())["lines"][0]["reserved"] == 1


async def test_a_written_off_parcel_that_arrives_after_all_is_delivered(shop: Shop) -> None:
    order = await shop.place(lines=[shop.line("1", 0, 1, 100)])
    parcel = Parcel(order)
    await parcel.send()
    await write_off(order, 1)

    await parcel.deliver()

    line = (await order.now())["lines"][0]
    assert (line["delivered"], line["written_off"]) == (1, 0)


async def write_off(order: Placed, quantity: int) -> httpx.Response:
    body = {"line_id": str(order.lines[0][0]), "quantity": quantity, "reason": "burnt with the truck"}
    return await order.rig.staff("POST", f"/staff/orders/{order.id}/write-offs", body)


async def test_an_address_that_cannot_be_right_holds_the_order_until_it_is_mended(shop: Shop) -> None:
    address = shop.order()["shipping_address"]
    order = await shop.place(shipping_address={**address, "postal_code": "2045"})
    await order.rig.hear(neighbours.reserved(order))
    held = await order.now()
    assert [(hold["reason"], hold["holder"]) for hold in held["holds"]] == [("address", "support")]
    assert (await order.told(OrderPlaced))[0]["progress"]["step"] == "hold_address"
    assert await order.told(OrderReleased) == []

    wrong = {**address, "postal_code": ""}
    etag = (await shop.call("GET", f"/v1/orders/{order.id}")).headers["etag"]
    still_wrong = await order.do("", {"shipping_address": wrong}, method="PATCH", if_match=etag)
    mended = await order.do("", {"shipping_address": address}, method="PATCH", if_match=still_wrong.headers["etag"])

    assert mended.json()["holds"] == []
    assert [fact["reason"] for fact in await order.told(HoldReleased)] == ["address"]
    assert len(await order.told(OrderReleased)) == 1


async def test_a_new_address_that_cannot_be_right_holds_the_order(shop: Shop) -> None:
    order = await shop.place()
    address = {**shop.order()["shipping_address"], "postal_code": "HAMBURG"}

    answer = await order.do("", {"shipping_address": address}, method="PATCH", if_match='"1"')
    await order.rig.hear(neighbours.reserved(order))

    assert [hold["reason"] for hold in answer.json()["holds"]] == ["address"]
    assert [fact["reason"] for fact in await order.told(HoldApplied)] == ["address"]
    assert await order.told(OrderReleased) == []
