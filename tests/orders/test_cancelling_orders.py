"""Cancelling at every stage: each unit gets one outcome."""

import asyncio
from collections.abc import Coroutine

import httpx
import pytest

from shared.events.orders import CancellationRequested, LinesCancelled, OrderReleased, PromiseSettled
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import Shop
from tests.waiting import until_waiting


async def test_a_cancelled_order_ends_with_one_answer_per_line(shop: Shop) -> None:
    order = await shop.place()
    asked = await order.do("/cancellations", {"reason": "customer"})
    assert asked.status_code == httpx.codes.ACCEPTED
    assert [line["outcome"] for line in asked.json()["lines"]] == ["pending", "pending"]

    await neighbours.answer_last(order, "cancelled", "cancelled")

    shown = await order.now()
    answer = await order.do(f"/cancellations/{asked.json()['id']}", None, method="GET")
    assert [line["outcome"] for line in answer.json()["lines"]] == ["cancelled", "cancelled"]
    assert (shown["status"], [line["cancelled"] for line in shown["lines"]]) == ("cancelled", [2, 1])
    assert len(await order.told(LinesCancelled)) == 1
    assert [fact["outcome"] for fact in await order.told(PromiseSettled)] == ["withdrawn"]


async def test_an_answer_that_a_restored_inventory_gives_again_changes_nothing(shop: Shop) -> None:
    order = await shop.place()
    await order.do("/cancellations", {"reason": "customer"})
    await neighbours.answer_last(order, "cancelled", "cancelled")
    before = await order.now(), await order.rig.facts(order.id)

    await neighbours.answer_last(order, "cancelled", "cancelled")

    assert str(order.id) not in order.rig.applier.parked_keys
    assert (await order.now(), await order.rig.facts(order.id)) == before


async def test_stock_that_comes_while_a_cancellation_waits_releases_nothing(shop: Shop) -> None:
    order = await shop.place()
    await order.do("/cancellations", {})
    await order.rig.hear(neighbours.reserved(order))
    assert await order.told(OrderReleased) == []

    await neighbours.answer_last(order, "cancelled", "cancelled")

    assert await order.told(OrderReleased) == []


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_a_cancellation_and_a_release_never_both_win(shop: Shop, cancelled_first: bool) -> None:
    order = await shop.place()
    acts: list[Coroutine[None, None, object]] = [
        order.do("/cancellations", {}),
        order.rig.hear(neighbours.reserved(order)),
    ]
    async with order.rig.database.transaction() as tx:
        await tx.execute("select from orders where id = $1 for no key update", order.id)
        waiting = []
        for act in acts if cancelled_first else reversed(acts):
            waiting.append(asyncio.create_task(act))
            await until_waiting(order.rig.database, len(waiting))
    await asyncio.gather(*waiting)

    facts = await order.rig.facts(order.id)
    decided = [fact for fact in facts if fact in {"order_released", "cancellation_requested"}]
    assert decided == ["cancellation_requested"] if cancelled_first else ["order_released", "cancellation_requested"]


async def test_picked_units_count_as_cancelled_once_they_are_put_back(shop: Shop) -> None:
    order = await shop.place()
    parcel = Parcel(order)
    await parcel.pack()
    asked = (await order.do("/cancellations", {})).json()
    await neighbours.answer_last(order, "put_back_pending", "put_back_pending")
    assert (await order.now())["status"] == "open"

    await order.rig.hear(neighbours.put_back(order, parcel.fulfilment_id, asked["id"]))

    assert (await order.now())["status"] == "cancelled"


async def test_what_has_left_the_house_is_not_cancelled(shop: Shop) -> None:
    order = await shop.place()
    parcel = Parcel(order)
    await parcel.send()
    await order.do("/cancellations", {})
    await neighbours.answer_last(order, "refused_shipped", "intercept_requested")
    assert (await order.now())["fulfilment_status"] == "shipped"

    await parcel.deliver()

    assert (await order.now())["status"] == "completed"
    assert (await order.do("/cancellations", {})).json()["code"] == "order_ended"


async def test_a_second_cancellation_of_the_same_units_is_refused(shop: Shop) -> None:
    order = await shop.place()
    await order.do("/cancellations", {"lines": [{"reference": "1", "quantity": 2}]})

    again = await order.do("/cancellations", {"lines": [{"reference": "1", "quantity": 1}]})
    rest = await order.do("/cancellations", {})

    assert again.json()["errors"][0]["pointer"] == "/lines/0/quantity"
    assert [(line["sku"], line["quantity"]) for line in rest.json()["lines"]] == [(shop.skus[1], 1)]


async def test_units_that_a_customer_asked_to_cancel_are_not_cancelled_again_by_a_rejection(shop: Shop) -> None:
    order = await shop.place()
    await order.do("/cancellations", {"lines": [{"reference": "1", "quantity": 2}]})

    await shop.rig.staff("POST", f"/staff/orders/{order.id}/reject", {"reason": "fraud"})

    asked = await order.told(CancellationRequested)
    assert [[line["quantity"] for line in fact["lines"]] for fact in asked] == [[2], [1]]
