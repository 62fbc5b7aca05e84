"""Those who wait are served by priority, earliest promise and order time, or at least get a date."""

from datetime import datetime, timedelta

from shared import clock
from shared.events import inventory
from tests.inventory.lab import Json, Lab, Line, order_placed

DAY = timedelta(days=1)


def _in(days: int) -> datetime:
    return clock.now().replace(microsecond=0) + days * DAY


async def _announce(lab: Lab, sku: str, place: str, quantity: int, expected_at: datetime) -> Json:
    return await lab.do(
        "/staff/inbounds",
        {
            "location": place,
            "reference": "PO-1",
            "expected_at": expected_at.isoformat(),
            "lines": [{"sku": sku, "quantity": quantity}],
        },
    )


async def test_a_receipt_serves_those_who_wait_in_the_same_breath(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    order = order_placed(Line(sku, 3))
    await lab.tell(order)

    answer = await lab.receive(sku, place, 5)

    assert answer["backorders_filled"] == 2
    assert answer["lines"][0]["available"] == 3
    assert await lab.reservations(order) == [("allocated", place, 1), ("allocated", place, 2)]
    assert await lab.kinds(order.order_id) == ["stock_backordered", "stock_reserved"]
    await lab.check_books([sku])


async def test_priority_comes_first_then_the_earlier_promise_then_the_older_order(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()
    late = order_placed(Line(sku), ship_by=_in(9))
    older, younger = (order_placed(Line(sku), ship_by=_in(3)) for _ in range(2))
    urgent = order_placed(Line(sku), ship_by=_in(20), priority=5)
    for order in (late, older, younger, urgent):
        await lab.tell(order)

    served = []
    for _ in range(4):
        await lab.receive(sku, place, 1)
        for order in (late, older, younger, urgent):
            if order not in served and (await lab.kinds(order.order_id))[-1] == "stock_reserved":
                served.append(order)

    assert served == [urgent, older, younger, late]


async def test_an_inbound_gives_backorders_their_date_first_in_line_first(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()
    first, second, third = (order_placed(Line(sku, 2), ship_by=_in(number)) for number in (1, 2, 3))
    await lab.tell(first, second, third)
    soon, later = _in(2), _in(6)

    await _announce(lab, sku, place, 3, soon)
    await _announce(lab, sku, place, 1, later)
    await lab.run_jobs()

    dates = [
        (await lab.facts(inventory.StockBackordered, o.order_id))[-1].lines[0].expected_at
        for o in (first, second, third)
    ]
    assert dates == [soon, later, None]


async def test_a_new_backorder_queues_behind_those_who_wait(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()
    soon = _in(2)
    await _announce(lab, sku, place, 3, soon)
    first, second = order_placed(Line(sku, 2)), order_placed(Line(sku, 2))

    await lab.tell(first)
    await lab.tell(second)

    (known,) = await lab.facts(inventory.StockBackordered, first.order_id)
    (unknown,) = await lab.facts(inventory.StockBackordered, second.order_id)
    assert known.lines[0].expected_at == soon
    assert known.progress.due_at == soon + DAY  # receiving takes its time
    assert unknown.lines[0].expected_at is None


async def test_a_later_date_of_the_inbound_reaches_the_order(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()
    inbound = await _announce(lab, sku, place, 3, _in(2))
    order = order_placed(Line(sku, 2))
    await lab.tell(order)

    moved = _in(8)
    await lab.do(f"/staff/inbounds/{inbound['id']}/reschedule", {"expected_at": moved.isoformat(), "reason": "strike"})
    await lab.run_jobs()

    facts = await lab.facts(inventory.StockBackordered, order.order_id)
    assert [fact.lines[0].expected_at for fact in facts][-1] == moved


async def test_an_inbound_is_received_and_closes_with_what_came_over_and_short(lab: Lab) -> None:
    first, second = await lab.skus(2)
    place = await lab.location()
    body = {
        "location": place,
        "reference": "PO-7",
        "expected_at": _in(1).isoformat(),
        "lines": [{"sku": first, "quantity": 5}, {"sku": second, "quantity": 4}],
    }
    inbound = await lab.do("/staff/inbounds", body)
    assert inbound["state"] == "announced"

    arrived = await lab.do(f"/staff/inbounds/{inbound['id']}/arrive")
    await lab.receive(first, place, 7, inbound_id=inbound["id"])
    await lab.receive(second, place, 1, inbound_id=inbound["id"])
    closed = await lab.do(f"/staff/inbounds/{inbound['id']}/close")

    assert (arrived["state"], closed["state"]) == ("arrived", "closed")
    assert {(line["sku"], line["over"], line["short"]) for line in closed["lines"]} == {(first, 2, 0), (second, 0, 3)}
    assert [fact.quantity for fact in await lab.facts(inventory.InboundReceived, first)] == [7]
    refused = await lab.post(
        "/staff/stock/receive",
        {"lines": [{"sku": first, "location": place, "quantity": 1}], "inbound_id": inbound["id"]},
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "inbound_closed")


async def test_an_inbound_closes_by_itself_when_all_has_come(lab: Lab) -> None:
    sku, place = await lab.sku(), await lab.location()
    inbound = await _announce(lab, sku, place, 2, _in(1))

    await lab.receive(sku, place, 2, inbound_id=inbound["id"])

    assert (await lab.get(f"/staff/inbounds/{inbound['id']}"))["state"] == "closed"


async def test_units_in_transfer_are_nowhere_until_they_arrive(lab: Lab) -> None:
    sku, source = await lab.stocked(5)
    target = await lab.location()
    body = {
        "source": source,
        "target": target,
        "expected_at": _in(1).isoformat(),
        "lines": [{"sku": sku, "quantity": 3}],
    }

    inbound = await lab.do("/staff/stock/transfer", body)
    assert (await lab.stock(sku, source))["on_hand"] == 2
    await lab.receive(sku, target, 3, inbound_id=inbound["id"])

    assert (await lab.stock(sku, target))["on_hand"] == 3
    await lab.check_books([sku])
    acts = {row["act"] for row in (await lab.get("/staff/ledger", document=f"inbound:{inbound['id']}"))["data"]}
    assert acts == {"transfer_out", "transfer_in"}


async def test_reserved_units_do_not_travel(lab: Lab) -> None:
    sku, source = await lab.stocked(5)
    await lab.tell(order_placed(Line(sku, 4)))
    target = await lab.location()
    body = {
        "source": source,
        "target": target,
        "expected_at": _in(1).isoformat(),
        "lines": [{"sku": sku, "quantity": 3}],
    }

    answer = await lab.post("/staff/stock/transfer", body)

    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_stock")
    assert (await lab.get("/staff/inbounds", location=target))["data"] == []


async def test_a_location_that_is_switched_on_again_serves_those_who_wait(lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    await lab.location(code=place, active=False)
    order = order_placed(Line(sku, 2))
    await lab.tell(order)
    while_off = await lab.reservations(order)

    await lab.location(code=place, active=True)
    await lab.run_jobs()

    assert while_off == [("backordered", "", 2)]
    assert await lab.reservations(order) == [("allocated", place, 2)]
    await lab.check_books([sku])
