"""Records that are no events, and an event that cannot be applied, in the topics of a suite at work."""

import signal
from datetime import datetime
from itertools import product
from statistics import median
from uuid import UUID

import pytest

from cli.bots.door import Door, StaffToken
from deploy.local import names
from deploy.local.stack import LocalStack
from shared import clock, db, outbox
from shared.auth import Role
from shared.events.orders import OrderCompleted
from shared.ids import new_id
from tests.faults.crowd import Crowd
from tests.faults.look import rows
from tests.journeys.shop import PlacedOrder
from tests.shared.traffic import Raw, send_raw_to
from tests.waiting import wait_until

STALL_SECONDS = 5.0
# A machine at its limits holds up one record now and then; what poison costs, it costs most times.
TRIES = 3
READERS = [service for service, topics in names.SUBSCRIPTIONS.items() if "doorstep.orders" in topics]
# The row by which each service knows an order, written when it hears of it.
KNOWN_BY = {"inventory": "order_demand", "shipping": "order_copy", "care": "watch"}
_LETTERS = "select id, reason, key, recorded_at from dead_letter where state = 'open' and key = $1"
_SENT = "select split_part(type, '.', 3) as name, published_at from event_log where key = $1"
_ANSWERED = """
select recorded_at from event_log where key = $1 and type like 'doorstep.inventory.cancellation_answered.%'
"""
_HELD = "select event_id, sequence, state from parked where source = 'orders' and key = $1 order by sequence"
_READ = "select sequence from stream_position where source = 'orders' and key = $1"


@pytest.mark.broker
@pytest.mark.parametrize("kind", ["bad JSON and no headers", "null", "2 MB", "an unknown type"])
async def test_poison_becomes_one_dead_letter_for_each_reader_and_what_comes_behind_it_is_not_held_up(
    stepped_stack: LocalStack, crowd: Crowd, kind: str
) -> None:
    """F15: between an order and its cancellation, in the same partition."""
    orders: list[UUID] = []
    stalls: list[float] = []
    async with crowd.posting():
        for _ in range(TRIES):
            orders.append(await crowd.place(crowd.shop.draft(1)))
            await _poison(stepped_stack, kind, orders[-1])
            poisoned_at = clock.real()
            assert await crowd.cancel(orders[-1])
            stalls.append(await _stalled(stepped_stack, orders[-1], poisoned_at))
    crowd.outcome.injected += f" (held up for {', '.join(f'{stall:.1f}' for stall in sorted(stalls))} s)"
    assert median(stalls) < STALL_SECONDS, stalls
    await crowd.shop.driver.rest()
    for service, order_id in product(READERS, orders):
        letters = await rows(stepped_stack, service, _LETTERS, str(order_id))
        assert [letter["reason"] for letter in letters] == [
            "unknown_type" if kind == "an unknown type" else "unreadable"
        ], service
        await _as_operator(stepped_stack, service, f"/staff/dead-letters/{letters[0]['id']}/discard")
    await crowd.verify()


@pytest.mark.broker
@pytest.mark.parametrize("service", ["inventory", "care"])
async def test_of_an_order_that_cannot_be_applied_the_later_events_wait_and_other_orders_flow(
    stepped_stack: LocalStack, crowd: Crowd, service: str
) -> None:
    """F16: until an operator has mended the cause and lets the event be tried again."""
    stepped_stack.kill("orders-worker", signal.SIGSTOP)
    body = crowd.shop.draft(1)
    order = PlacedOrder(crowd.shop, await crowd.place(body), str(body["reference"]))
    await crowd.cancel(order.id)
    await _as_owner(
        stepped_stack,
        service,
        f"alter table {KNOWN_BY[service]} add constraint fault check (order_id <> '{order.id}') not valid",
    )
    stepped_stack.kill("orders-worker", signal.SIGCONT)
    others: list[UUID] = []
    async with crowd.posting():

        async def is_dead() -> bool:
            held = await rows(stepped_stack, service, _HELD, str(order.id))
            return bool(held) and held[0]["state"] == "dead"

        await wait_until(is_dead, what="the event is given up")
        others.append(await crowd.place())

    await _see_known(stepped_stack, service, others[0])
    held = await rows(stepped_stack, service, _HELD, str(order.id))
    assert [row["sequence"] for row in held] == list(range(1, len(held) + 1))
    assert [row["state"] for row in held] == ["dead"] + ["parked"] * (len(held) - 1)
    assert await rows(stepped_stack, service, _READ, str(order.id)) == []

    crowd.outcome.healed()
    await _as_owner(stepped_stack, service, f"alter table {KNOWN_BY[service]} drop constraint fault")
    await _as_operator(stepped_stack, service, f"/staff/parked/{held[0]['event_id']}/replay")
    await _see_known(stepped_stack, service, order.id)
    await crowd.verify()
    assert (await order.status())[0] == "cancelled"


async def _stalled(stack: LocalStack, order_id: UUID, poisoned_at: datetime) -> float:
    """Give the seconds that poison held its partition up, by what the databases noted.

    From its publication to each reader's dead letter, and from the cancellation's to inventory's answer.
    """
    key = str(order_id)

    async def noted() -> list[float]:
        letters = [row for service in READERS for row in await rows(stack, service, _LETTERS, key)]
        sent = {row["name"]: row["published_at"] for row in await rows(stack, "orders", _SENT, key)}
        answers = await rows(stack, "inventory", _ANSWERED, key)
        if len(letters) < len(READERS) or not answers or "cancellation_requested" not in sent:
            return []
        began = max(poisoned_at, sent.get("order_framed", poisoned_at))
        waits = [answers[0]["recorded_at"] - sent["cancellation_requested"],
                 *(letter["recorded_at"] - began for letter in letters)]  # fmt: skip
        return [wait.total_seconds() for wait in waits]

    return max(await wait_until(noted, what="poison is a dead letter, and what is behind it is read"))


async def _poison(stack: LocalStack, kind: str, order_id: UUID) -> None:
    key = str(order_id).encode()
    readable = (("ce_id", str(new_id()).encode()),)
    records = {
        "bad JSON and no headers": Raw(key, b"{not json"),
        "null": Raw(key, None, readable),
        "2 MB": Raw(key, b"x" * 2 * 1024 * 1024),
    }
    if kind in records:
        await send_raw_to(stack.bootstrap, "doorstep.orders", records[kind])
        return
    # What a newer orders service would publish.
    connection = await db.connect(stack.dsn("orders"), application="fault tests")
    fact = OrderCompleted(order_id=order_id, outcome="framed")
    try:
        async with connection.transaction():
            await outbox.append(connection, [outbox.Pending(fact, clock.now(), "fault", None)], epoch=1)
            renamed = "update outbox set type = 'doorstep.orders.order_framed.v1' where key = $1 and type = $2"
            await connection.execute(renamed, fact.key, fact.event_type)
    finally:
        await connection.close()


async def _see_known(stack: LocalStack, service: str, order_id: UUID) -> None:
    async def is_known() -> bool:
        return bool(await rows(stack, service, f"select 1 from {KNOWN_BY[service]} where order_id = $1", order_id))

    await wait_until(is_known, what=f"{service} hears of {order_id}")


async def _as_owner(stack: LocalStack, service: str, statement: str) -> None:
    connection = await db.connect(stack.dsn(service, "owner"), application="fault tests")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _as_operator(stack: LocalStack, service: str, path: str) -> None:
    door = Door(service, stack.urls[service], StaffToken(stack.staff_key, Role.OPERATOR, "fault tests"))
    await door.act(path, {"reason": "the cause is mended"}, key=str(new_id()))
    await door.close()
