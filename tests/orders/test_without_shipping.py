"""Lines that need no shipping: given when nothing holds the order, and no stage of the goods."""

import httpx

from shared.events.orders import HoldReleased, OrderCompleted
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import Json, Placed, Shop


async def mixed(shop: Shop, **changes: object) -> Placed:
    """Place an order of a parcel and a voucher."""
    return await shop.place(
        lines=[shop.line("1", 0, 2, 1000), shop.line("2", 1, 1, 500, requires_shipping=False)], **changes
    )


async def parcel_of(order: Placed) -> Parcel:
    """Give the parcel of the goods alone."""
    goods: list[Json] = [line for line in (await order.now())["lines"] if line["requires_shipping"]]
    return Parcel(Placed(order.shop, {**order.first, "lines": goods}))


async def test_an_order_with_a_voucher_is_as_far_as_its_goods(shop: Shop) -> None:
    order = await mixed(shop)

    shown = await order.now()
    assert [line["delivered"] for line in shown["lines"]] == [0, 1]
    assert (shown["status"], shown["fulfilment_status"]) == ("placed", "unfulfilled")
    changed = await order.do("", {"lines": [{"reference": "1", "quantity": 1}]}, method="PATCH")
    assert changed.status_code == httpx.codes.OK, changed.text


async def test_it_ends_with_its_goods(shop: Shop) -> None:
    order = await mixed(shop)
    parcel = await parcel_of(order)
    await parcel.send()
    assert (await order.now())["fulfilment_status"] == "shipped"

    await parcel.deliver()

    assert [fact["outcome"] for fact in await order.told(OrderCompleted)] == ["delivered"]


async def test_nothing_is_given_while_the_payment_is_missing(shop: Shop) -> None:
    order = await shop.place(lines=[shop.line("1", 0, 1, 100, requires_shipping=False)], payment={"status": "pending"})
    shown = await order.now()
    assert (shown["status"], shown["fulfilment_status"]) == ("placed", "unfulfilled")
    assert shown["lines"][0]["open"] == 1

    await order.do("/payments", {"type": "captured"})

    shown = await order.now()
    assert (shown["status"], shown["fulfilment_status"], shown["holds"]) == ("completed", "delivered", [])
    assert len(await order.told(HoldReleased)) == 1


async def test_what_was_not_given_is_cancelled(shop: Shop) -> None:
    order = await mixed(shop, payment={"status": "pending"})
    await order.do("/cancellations", {})

    await neighbours.answer_last(order, "cancelled", "cancelled")

    assert (await order.now())["status"] == "cancelled"
