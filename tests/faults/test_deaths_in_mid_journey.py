"""Each process is killed in turn while orders are picked, packed and shipped; and what arrived arrives again."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from deploy.local import names
from deploy.local.stack import LocalStack
from deploy.local.supervisor import watched
from shared import relay
from tests.faults.crowd import Crowd
from tests.faults.look import dropped, rows
from tests.faults.sending import events, send
from tests.journeys.shop import DAY, Json, PlacedOrder
from tests.waiting import wait_until

APIS = [names.api_of(service) for service in names.SERVICES]
WORKERS = [names.worker_of(service) for service in names.SERVICES]
EVERYTHING = [*APIS, *WORKERS, names.POSTGRES, names.BROKER, names.SIMULATOR, names.MAILBOX]
ORDERS = 10
SCANNED = {"after_hours": 3, "status": "in_transit", "status_detail": "picked_up"}
DELIVERED = {"after_hours": 20, "status": "delivered", "status_detail": "arrived_at_destination"}
DAMAGED = {"after_hours": 20, "status": "return_to_sender", "status_detail": "damaged"}
THE_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_AGAIN = 0.1  # the share of events that arrive once more
_STATE = """
select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  and not relispartition and relname not in ('event_log', 'outbox')
"""


@pytest.mark.parametrize("name", EVERYTHING)
async def test_a_process_killed_in_mid_journey_changes_nothing(
    stepped_stack: LocalStack, crowd: Crowd, name: str
) -> None:
    shop = crowd.shop
    await shop.until_morning()
    pid = stepped_stack.processes[name].pid
    async with watched(stepped_stack):
        orders = [await _placed(crowd, SCANNED, DELIVERED) for _ in range(ORDERS)]
        await shop.driver.rest()
        await shop.pick()
        parcels = await shop.pack()
        stepped_stack.kill(name)
        orders.append(await _placed(crowd, SCANNED, DELIVERED))
        assert len(await shop.hand_over(parcels)) == ORDERS
        await shop.step(DAY)
        await crowd.verify()
        assert [await order.status() for order in orders] == [("completed", "delivered")] * ORDERS + [
            ("open", "allocated")
        ]
        assert stepped_stack.processes[name].pid != pid
        assert len(await shop.ship()) == 1
        await shop.step(DAY)
    assert await orders[-1].status() == ("completed", "delivered")


@pytest.mark.broker
async def test_events_that_arrive_again_stale_and_shuffled_change_nothing(
    stepped_stack: LocalStack, crowd: Crowd, dice: random.Random
) -> None:
    """F12: all of them by a replay, a tenth of them once more in no order at all."""
    await crowd.shop.until_morning()
    orders = [await _placed(crowd, SCANNED, end) for end in (DELIVERED, DAMAGED, DELIVERED, DAMAGED)]
    await crowd.shop.driver.rest()
    await crowd.shop.ship()
    await crowd.shop.step(DAY)
    assert await crowd.cancel((await _placed(crowd)).id)
    await crowd.shop.driver.rest()
    before = await _digests(stepped_stack), [await order.read() for order in orders]

    seen = await _drops(stepped_stack)
    logged = {service: await events(stepped_stack, service, "event_log") for service in names.SERVICES}
    for service in names.SERVICES:
        assert await relay.replay(stepped_stack.dsn(service), THE_BEGINNING) == len(logged[service])
    seen = await _see_dropped(stepped_stack, seen, logged)
    stale = {service: dice.sample(events, k=int(len(events) * _AGAIN)) for service, events in logged.items()}
    await send(stepped_stack, [event for events in stale.values() for event in events])
    await _see_dropped(stepped_stack, seen, stale)

    assert (await _digests(stepped_stack), [await order.read() for order in orders]) == before
    await crowd.verify()


@pytest.mark.broker
async def test_events_that_arrive_for_the_first_time_shuffled_and_twice_are_applied_in_order(
    stepped_stack: LocalStack, crowd: Crowd, dice: random.Random
) -> None:
    """F12: the state is that of the clean run."""
    shop = crowd.shop
    drafts = [shop.draft(dice.randint(1, 3), 1) for _ in range(6)]
    clean = await _place_and_cancel(crowd, drafts)
    await shop.driver.rest()

    await stepped_stack.stop_processes(["orders-worker"])
    again = [{**draft, "reference": f"{draft['reference']}-again"} for draft in drafts]
    mixed = await _place_and_cancel(crowd, again)
    waiting = await events(stepped_stack, "orders", "outbox")
    assert len({event["key"] for event in waiting}) < len(waiting)
    twice = [*waiting, *dice.sample(waiting, k=len(waiting) // 3)]
    dice.shuffle(twice)
    await send(stepped_stack, twice)
    await stepped_stack.restart("orders-worker")

    crowd.shuffled |= {("doorstep.orders", str(order.id)) for order in mixed}
    await crowd.verify()
    assert [await _shape(order) for order in mixed] == [await _shape(order) for order in clean]


async def _placed(crowd: Crowd, *journey: Json) -> PlacedOrder:
    body = crowd.shop.draft(1, 1)
    order = PlacedOrder(crowd.shop, await crowd.place(body), str(body["reference"]))
    if journey:
        await crowd.shop.script(order, *journey)
    return order


async def _place_and_cancel(crowd: Crowd, drafts: Sequence[Json]) -> list[PlacedOrder]:
    """Place these orders, and ask to cancel every other one."""
    made = [PlacedOrder(crowd.shop, await crowd.place(draft), str(draft["reference"])) for draft in drafts]
    for order in made[::2]:
        await crowd.cancel(order.id)
    return made


async def _shape(order: PlacedOrder) -> Json:
    """Give what of an order does not depend on when and as what it was placed."""
    read = await order.read()
    lines = [{name: value for name, value in line.items() if name != "id"} for line in read["lines"]]
    return {**{name: read[name] for name in ("status", "fulfilment_status", "payment_status")}, "lines": lines}


async def _drops(stack: LocalStack) -> dict[str, int]:
    return {service: await dropped(stack, service) for service in names.SERVICES}


async def _see_dropped(
    stack: LocalStack, before: dict[str, int], sent: dict[str, list[asyncpg.Record]]
) -> dict[str, int]:
    """Wait until every service has dropped what of these events it reads; give its count of drops."""
    wanted = {
        service: before[service] + sum(len(sent[topic.removeprefix("doorstep.")]) for topic in topics)
        for service, topics in names.SUBSCRIPTIONS.items()
    }

    async def all_dropped() -> bool:
        found = await _drops(stack)
        return all(found[service] >= wanted[service] for service in wanted)

    await wait_until(all_dropped, deadline=120, what=f"events are dropped: {wanted}")
    return wanted


async def _digests(stack: LocalStack) -> dict[str, str]:
    """Give a digest of every table but those that hold what was published."""
    found: dict[str, str] = {}
    for service in names.SERVICES:
        for table in await rows(stack, service, _STATE):
            name = table["relname"]
            digest = f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as digest from {name} t"
            found[f"{service}.{name}"] = (await rows(stack, service, digest))[0]["digest"]
    return found
