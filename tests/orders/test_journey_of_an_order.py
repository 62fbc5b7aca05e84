"""From POST to the doorstep, as orders sees it."""

import httpx

from shared.events.orders import OrderCompleted, OrderPlaced, OrderReleased, PromiseMade, PromiseSettled
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import Shop


async def test_an_order_is_accepted_with_its_promise_and_placed_once(shop: Shop) -> None:
    body = shop.order()

    answer = await shop.call("POST", "/v1/orders", body)

    order = answer.json()
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert answer.headers["location"] == f"/v1/orders/{order['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (order["status"], order["fulfilment_status"], order["payment_status"]) == (
        "placed", "unfulfilled", "authorized",
    )  # fmt: skip
    assert order["promise"]["revision"] == 1
    assert order["total"] == {"amount": 2 * 1290 + 900 + 490, "currency": "EUR"}
    assert [line["open"] for line in order["lines"]] == [2, 1]
    assert len(await shop.rig.told(OrderPlaced, order["id"])) == 1
    assert len(await shop.rig.told(PromiseMade, order["id"])) == 1


async def test_an_order_travels_from_placed_to_delivered(shop: Shop) -> None:
    order = await shop.place()
    parcel = Parcel(order)

    await order.rig.hear(neighbours.reserved(order))
    released = await order.told(OrderReleased)
    assert len(released) == 1
    assert (await order.now())["fulfilment_status"] == "allocated"

    await parcel.send()
    shown = await order.now()
    assert (shown["status"], shown["fulfilment_status"]) == ("open", "shipped")
    assert shown["shipments"][0]["amount_due"] == shown["total"]

    await parcel.scan("out_for_delivery")
    await parcel.deliver()
    shown = await order.now()
    assert (shown["status"], shown["fulfilment_status"]) == ("completed", "delivered")
    assert [line["delivered"] for line in shown["lines"]] == [2, 1]
    assert [fact["outcome"] for fact in await order.told(OrderCompleted)] == ["delivered"]
    assert [fact["outcome"] for fact in await order.told(PromiseSettled)] == ["kept"]
    assert len(await order.told(OrderReleased)) == 1


async def test_units_of_a_parcel_opened_again_are_picked_until_it_is_closed_again(shop: Shop) -> None:
    order = await shop.place()
    parcel = Parcel(order)
    await parcel.pack()
    before = await order.now()

    await parcel.reopen()
    opened = await order.now()
    told = (await order.do("/timeline", None, method="GET")).json()["data"]
    await parcel.send()

    assert [line["packed"] for line in before["lines"]] == [2, 1]
    assert [(line["picked"], line["packed"]) for line in opened["lines"]] == [(2, 0), (1, 0)]
    assert (opened["fulfilment_status"], opened["shipments"][0]["status"]) == ("picking", "packing")
    assert "parcel_reopened" not in [entry["fact"] for entry in told]
    assert (await order.now())["fulfilment_status"] == "shipped"
