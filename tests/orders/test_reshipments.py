"""Reshipments: placed as linked orders, called off for the parcel they replace alone, their units owed again."""

import httpx

from shared.events.orders import (
    CancellationRequested,
    OrderPlaced,
    OrderReleased,
    RemedyExecuted,
    RemedyRefused,
)
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import Placed, Shop
from tests.orders.test_remedies import granted, sent


async def linked(order: Placed) -> Placed:
    """Give the reshipment of an order."""
    reference = f"{order.first['reference']}-R1"
    answer = await order.shop.call("GET", f"/v1/orders/ref:{reference}")
    assert answer.status_code == httpx.codes.OK, answer.text
    return Placed(order.shop, answer.json())


async def lost_again(shop: Shop) -> tuple[Placed, Placed]:
    """Give an order and the reshipment of all of it, which is lost as well."""
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "reship", units=2))
    again = await linked(order)
    parcel = Parcel(again)
    await parcel.send()
    await parcel.scan("lost")
    return order, again


async def test_a_reshipment_is_carried_out_once_its_goods_are_reserved(shop: Shop) -> None:
    order, _ = await sent(shop)
    remedy = granted(order, "reship")
    await order.rig.hear(remedy)
    again = await linked(order)
    assert await order.told(RemedyExecuted) == []

    await order.rig.hear(neighbours.reserved(again))

    executed = (await order.told(RemedyExecuted))[0]
    placed = (await again.told(OrderPlaced))[0]
    assert executed["reship_order_id"] == str(again.id)
    assert (placed["reship_of"], placed["remedy_id"]) == (str(order.id), str(remedy.remedy_id))
    assert placed["value"]["amount"] == (await order.now())["lines"][0]["unit_price"]["amount"]
    assert [line[2] for line in again.lines] == [1]
    assert len(await again.told(OrderReleased)) == 1


async def test_a_reshipment_without_stock_is_refused_and_its_order_cancelled(shop: Shop) -> None:
    order, _ = await sent(shop)
    await order.rig.hear(granted(order, "reship"))
    again = await linked(order)

    await order.rig.hear(neighbours.backordered(again))
    asked = (await again.told(CancellationRequested))[0]
    await order.rig.hear(neighbours.answered(again, asked["cancellation_id"], ["cancelled"]))

    assert [fact["code"] for fact in await order.told(RemedyRefused)] == ["no_stock"]
    assert (await again.now())["status"] == "cancelled"
    await order.rig.hear(granted(order, "refund", units=2))
    assert len(await order.shop_refunds()) == 1


async def test_a_lost_parcel_that_is_found_calls_its_reshipment_off(shop: Shop) -> None:
    order, parcel = await sent(shop)
    await parcel.scan("lost")
    assert (await order.now())["status"] == "completed"
    await order.rig.hear(granted(order, "reship", units=2, parcel_id=parcel.parcel_id))
    again = await linked(order)
    await order.rig.hear(neighbours.reserved(again))

    await parcel.deliver()
    await order.rig.run_jobs()

    assert [fact["reason"] for fact in await again.told(CancellationRequested)] == ["other"]


async def test_another_parcel_that_moves_calls_no_reshipment_off(shop: Shop) -> None:
    order, silent = await sent(shop)
    await silent.scan("in_transit")
    await order.rig.hear(granted(order, "reship", units=2, parcel_id=silent.parcel_id))
    again = await linked(order)
    await order.rig.hear(neighbours.reserved(again))

    await Parcel(order).scan("in_transit")
    await order.rig.run_jobs()
    assert await again.told(CancellationRequested) == []

    await silent.scan("in_transit")
    await order.rig.run_jobs()
    assert len(await again.told(CancellationRequested)) == 1


async def test_a_parcel_seen_while_its_reshipment_waits_for_stock_calls_it_off_once_it_has_some(shop: Shop) -> None:
    order, silent = await sent(shop)
    await order.rig.hear(granted(order, "reship", units=2, parcel_id=silent.parcel_id))
    again = await linked(order)
    await silent.scan("in_transit")
    await order.rig.run_jobs()
    assert await again.told(CancellationRequested) == []

    await order.rig.hear(neighbours.reserved(again))
    await order.rig.run_jobs()

    assert len(await again.told(CancellationRequested)) == 1


async def test_units_whose_reshipment_was_cancelled_are_owed_again(shop: Shop) -> None:
    order, parcel = await sent(shop)
    await parcel.scan("lost")
    await order.rig.hear(granted(order, "reship", units=2, parcel_id=parcel.parcel_id))
    again = await linked(order)
    await order.rig.hear(neighbours.reserved(again))
    await again.do("/cancellations", {})
    await neighbours.answer_last(again, "cancelled")

    assert [fact["code"] for fact in await order.told(RemedyRefused)] == ["reship_called_off"]
    await order.rig.hear(granted(order, "refund", units=2))

    assert [refund["kind"] for refund in await order.shop_refunds()] == ["refund"]
    assert len(await order.told(RemedyRefused)) == 1


async def test_a_lost_reshipment_is_paid_back_from_the_order_that_was_paid_for(shop: Shop) -> None:
    order, again = await lost_again(shop)

    remedy = granted(again, "refund", units=2)
    await order.rig.hear(remedy, granted(again, "refund", units=1))

    assert [fact["code"] for fact in await again.told(RemedyRefused)] == ["already_made_whole"]
    (refund,) = await order.shop_refunds()
    assert await again.shop_refunds() == []
    assert (refund["amount"]["amount"], refund["lines"][0]["line_id"]) == (2580, str(order.lines[0][0]))
    await order.do("/payments", {"type": "refunded", "refund_id": refund["id"]})
    (executed,) = await again.told(RemedyExecuted)
    assert (executed["remedy_id"], executed["amount"]["amount"]) == (str(remedy.remedy_id), 2580)
    assert (await order.now())["payment_status"] == "partially_refunded"


async def test_what_could_not_be_paid_back_for_a_lost_reshipment_is_owed_still(shop: Shop) -> None:
    order, again = await lost_again(shop)
    await order.rig.hear(granted(again, "refund", units=2))
    (refund,) = await order.shop_refunds()

    await order.do("/payments", {"type": "failed", "refund_id": refund["id"]})

    assert [fact["code"] for fact in await again.told(RemedyRefused)] == ["refund_failed"]
    await order.rig.hear(granted(again, "refund", units=2))
    assert [one["amount"]["amount"] for one in await order.shop_refunds()] == [2580]


async def test_a_reshipment_that_has_left_is_not_called_off(shop: Shop) -> None:
    order, parcel = await sent(shop)
    await parcel.scan("lost")
    await order.rig.hear(granted(order, "reship", units=2, parcel_id=parcel.parcel_id))
    again = await linked(order)
    await Parcel(again).send()

    await parcel.deliver()
    await order.rig.run_jobs()

    assert await again.told(CancellationRequested) == []
