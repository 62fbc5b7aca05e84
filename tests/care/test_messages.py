"""Messages: told once, with every silence and its reason kept."""

import asyncpg

from shared.events import orders
from tests.care.conftest import Desk, Facts, Json, Order
from tests.waiting import wait_until


async def messages(order: Order, desk: Desk, **like: object) -> list[Json]:
    async def found() -> list[Json]:
        rows = await desk.messages(order)
        return [row for row in rows if all(row[name] == value for name, value in like.items())]

    return await wait_until(found, what=f"messages like {like}")


async def test_damage_is_told_at_once_and_once(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await order.scanned(flags=("damaged",), exception="damage")
    await desk.case(order, kind="damage")
    assert [row["topic"] for row in await messages(order, desk)] == ["damage"]


async def test_the_storefront_that_writes_itself_is_not_doubled(facts: Facts, desk: Desk) -> None:
    order = Order(facts, notifications="storefront")
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    silent = await messages(order, desk, state="suppressed")
    assert silent[0]["silence"].startswith("storefront_writes")


async def test_revisions_in_a_row_share_one_message(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.promise_revised(11, revision=2)
    await order.promise_revised(12, revision=3)
    silent = await messages(order, desk, state="suppressed", promise_revision=3)
    assert silent[0]["silence"].startswith("coalesced")
    waiting = await messages(order, desk, topic="delay", promise_revision=2)
    assert waiting[0]["state"] == "planned"


async def test_a_message_waits_twenty_minutes_for_its_siblings(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.promise_revised(11)
    planned = (await messages(order, desk, state="planned"))[0]
    assert planned["send_at"] > planned["created_at"]


async def test_nobody_is_told_of_a_new_date_for_an_order_that_has_ended(
    order: Order, desk: Desk, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await order.placed()
    await order.facts.tell(orders.OrderCancelled(order_id=order.order_id, reason="customer"))
    await order.promise_revised(11)
    await order.facts.tell(
        orders.PromiseSettled(
            order_id=order.order_id, revision=2, outcome="withdrawn", settled_at="2026-01-01T00:00:00Z"
        )
    )

    async def settled() -> bool:
        question = "select promise_outcome = 'withdrawn' from watch where order_id = $1"
        return bool(await database.fetchval(question, order.order_id))

    await wait_until(settled)
    assert await desk.messages(order) == []
