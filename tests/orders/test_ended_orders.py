"""An order that has ended waits for nothing and nobody: its holds end with it."""

from datetime import timedelta

import pytest

from shared import clock
from shared.events.orders import HoldReleased
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import Json, Placed, Shop


async def holds_of(order: Placed) -> list[Json]:
    """Read all holds of an order, ended ones too."""
    async with order.rig.database.transaction() as tx:
        rows = await tx.fetch("select reason, state, released_by from hold where order_id = $1", order.id)
    return [dict(row) for row in rows]


async def hold(order: Placed, reason: str) -> None:
    await order.rig.staff("POST", f"/staff/orders/{order.id}/holds", {"reason": reason})


async def ends_cancelled(order: Placed) -> None:
    await order.do("/cancellations", {})
    await neighbours.answer_last(order, "cancelled", "cancelled")


async def ends_rejected(order: Placed) -> None:
    await order.rig.staff("POST", f"/staff/orders/{order.id}/reject", {"reason": "fraud"})


async def ends_completed(order: Placed) -> None:
    parcel = Parcel(order)
    await parcel.send()
    await parcel.deliver()


@pytest.mark.parametrize(
    ("end", "fact"),
    [
        (ends_cancelled, "order_cancelled"),
        (ends_rejected, "order_rejected"),
        (ends_completed, "order_completed"),
    ],
)
async def test_the_holds_of_an_order_end_with_it(shop: Shop, end: object, fact: str) -> None:
    order = await shop.place()
    for reason in ("payment", "fraud"):
        await hold(order, reason)
    assert callable(end)

    await end(order)

    assert await holds_of(order) == [
        {"reason": reason, "state": "released", "released_by": "orders"} for reason in ("payment", "fraud")
    ]
    told = await order.told(HoldReleased)
    assert [entry["remaining"] for entry in told] == [["fraud"], []]
    assert {entry["progress"]["due_at"] for entry in told} == {None}
    facts = await order.rig.facts(order.id)
    assert facts.index(fact) < facts.index("hold_released")


async def test_a_day_asked_for_is_no_step_of_an_order_that_has_ended(shop: Shop) -> None:
    order = await shop.place(ship_after=(clock.real() + timedelta(days=60)).isoformat())
    await hold(order, "manual")

    await ends_cancelled(order)

    assert [entry["progress"]["step"] for entry in await order.told(HoldReleased)] == ["cancelled"]
