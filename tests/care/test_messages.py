"""Messages: told once, with every silence and its reason kept."""

import asyncpg

from shared.events import orders
from tests.care.conftest import DAY, MINUTE, Desk, Facts, Json, Order, now
from tests.care.rig import CareRig
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


async def test_of_revisions_in_a_row_the_customer_hears_the_last_and_its_case_is_informed(care: CareRig) -> None:
    order = Order(care, promised_in=5 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned(estimate={"deliver_at": now() + 7 * DAY, "source": "carrier"})
    await order.promise_revised(8, revision=2)
    await care.later(MINUTE)
    await order.promise_revised(9, revision=3)
    await care.later(25 * MINUTE)
    told = await care.rows("select * from message where order_id = $1 order by promise_revision", order.order_id)
    assert [(row["promise_revision"], row["state"]) for row in told] == [(2, "suppressed"), (3, "observed")]
    assert told[0]["silence"].startswith("superseded")
    assert (await care.case(order.order_id))["informed_at"] is not None


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
