"""Messages: told once, with every silence and its reason kept."""

import asyncpg

from shared.events import orders
from tests.care.conftest import DAY, HOUR, MINUTE, Desk, Facts, Json, Order, now
from tests.care.rig import CareRig
from tests.care.test_made_whole import TwoParcels
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


async def test_a_second_remedy_within_minutes_is_told_with_the_first(care: CareRig) -> None:
    order = Order(care, value=12_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    case = await care.case(order.order_id)
    (reship,) = await care.rows("select * from remedy where order_id = $1", order.order_id)
    sorry = await care.act(f"/cases/{case['id']}/remedies", {"kind": "goodwill_credit", "reason": "sorry"})
    for remedy in (reship, sorry):
        await order.remedy_executed(remedy)
    await care.later(25 * MINUTE)
    told = await care.rows(
        "select * from message where order_id = $1 and topic = 'remedy' and state = 'observed'", order.order_id
    )
    assert len(told) == 1
    assert "sent the goods once more" in told[0]["body"]
    assert "credited you an amount" in told[0]["body"]


async def test_a_third_message_of_a_day_waits_for_the_next(care: CareRig) -> None:
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned("delivery_attempted", attempts=1)
    await care.later(HOUR)
    await order.scanned("in_transit", flags=("damaged",), exception="damage", attempts=1)
    await care.later(HOUR)
    await order.scanned("lost", flags=("damaged",), exception="lost", attempts=1)
    await care.later(HOUR)

    async def states() -> dict[str, str]:
        rows = await care.rows("select topic, state from message where order_id = $1", order.order_id)
        return {row["topic"]: row["state"] for row in rows}

    assert await states() == {"delivery_attempt": "observed", "damage": "observed", "loss": "planned"}
    await care.later(DAY)
    assert (await states())["loss"] == "observed"


async def test_the_new_date_of_an_urgent_case_is_told_at_once(care: CareRig) -> None:
    order = Order(care, promised_in=12 * HOUR, perishable=True)
    await (await order.placed()).handed_over()
    await order.scanned("lost")
    assert (await care.case(order.order_id))["priority"] == "P1"
    await order.promise_revised(3)
    (told,) = await care.rows(
        "select state from message where order_id = $1 and state_told = 'new_date'", order.order_id
    )
    assert told["state"] == "observed"


async def test_of_a_lost_parcel_the_customer_hears_though_the_rest_of_the_order_arrived(care: CareRig) -> None:
    order = await TwoParcels(care).left_the_house()
    there, missing = order.parcels
    await order.delivered(there)
    await order.scanned(missing, "lost", "lost")
    await care.tell(orders.OrderCompleted(order_id=order.order_id, outcome="partially_delivered"))
    await care.later(HOUR)
    told = await care.rows("select topic, state from message where order_id = $1", order.order_id)
    assert told == [{"topic": "loss", "state": "observed"}]


async def test_what_arrived_meanwhile_is_not_told_as_delayed(care: CareRig) -> None:
    order = await TwoParcels(care).left_the_house()
    quick, _ = order.parcels
    await order.scanned(quick, "undeliverable", "delivery_problem")
    await order.delivered(quick)
    await care.later(HOUR)
    (silent,) = await care.rows("select state, silence from message where order_id = $1", order.order_id)
    assert silent["state"] == "suppressed"
