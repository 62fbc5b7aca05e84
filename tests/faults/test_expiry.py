"""What was reserved for a payment expires in the moment it is paid for, cancelled or wanted no more."""

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from deploy.local.stack import LocalStack
from shared import clock
from tests.faults.crowd import Crowd
from tests.faults.look import rows, see_held
from tests.faults.test_deaths_in_mid_journey import DELIVERED, SCANNED
from tests.journeys.shop import DAY, HOUR, PRICE, PlacedOrder
from tests.waiting import wait_until

EACH = 3
_EXPIRED = "select 1 from reservation where order_id = any($1::uuid[]) and state = 'expired'"
_SOFT = "select 1 from reservation where order_id = any($1::uuid[]) and state = 'soft_reserved'"
_WAITS = "select 1 from pg_locks where not granted"


@dataclass(frozen=True)
class Unpaid:
    """Orders that will expire, by what is done about them in the moment they do."""

    paid: Sequence[PlacedOrder]
    reduced: Sequence[PlacedOrder]
    cancelled: Sequence[PlacedOrder]
    forgotten: Sequence[PlacedOrder]

    @property
    def ids(self) -> list[UUID]:
        return [order.id for order in (*self.paid, *self.reduced, *self.cancelled, *self.forgotten)]

    async def act(self, crowd: Crowd) -> None:
        """Let their customers pay, take less and pay, or cancel."""
        for order in self.reduced:
            assert await crowd.change(order.id, {"lines": [{"reference": "0", "quantity": 1}]})
        for order in (*self.paid, *self.reduced):
            await crowd.pay(order.id, "authorized", 2 * PRICE)
        for order in self.cancelled:
            assert await crowd.cancel(order.id)


@pytest.mark.parametrize("first", ["the expiry", "the customers"])
async def test_of_a_payment_a_change_a_cancellation_and_an_expiry_at_once_each_order_has_one_outcome(
    stepped_stack: LocalStack, crowd: Crowd, tmp_path: Path, first: str
) -> None:
    """F14: whoever locks first holds the lock while the others come."""
    await crowd.shop.until_morning()
    ends, orders = clock.now() + HOUR, await _unpaid(crowd)
    assert len(await rows(stepped_stack, "inventory", _SOFT, orders.ids)) == len(orders.ids)
    held = tmp_path / "held"
    place = "expiry.claimed" if first == "the expiry" else "demand.locked"
    await stepped_stack.restart("inventory-worker", {"DOORSTEP_FAILPOINT": f"{place}:1:hold={held}"})
    await crowd.shop.driver.rest()  # it reads events again before anybody holds a lock

    if first == "the expiry":
        stepped_stack.kill("orders-worker", signal.SIGSTOP)  # its own timer would cancel what is paid a moment later
        clock.step_to(ends)
        await see_held(held)
        await orders.act(crowd)
        stepped_stack.kill("orders-worker", signal.SIGCONT)
        await _see(stepped_stack, _WAITS, what="the customers' acts wait for the expiry's locks")
    else:
        await orders.act(crowd)
        await see_held(held)
        clock.step_to(ends)
        await _see(stepped_stack, _EXPIRED, orders.ids, what="what nobody has locked expires")
    held.unlink()
    await crowd.shop.driver.rest()
    for order in (*orders.paid, *orders.reduced):
        await crowd.shop.script(order, SCANNED, DELIVERED)
    await crowd.shop.ship()
    await crowd.shop.step(DAY)

    await crowd.verify()
    assert [await order.status() for order in orders.paid] == [("completed", "delivered")] * EACH
    assert [await order.buckets() for order in orders.paid] == [{"delivered": 2}] * EACH
    assert [await order.buckets() for order in orders.reduced] == [{"delivered": 1}] * EACH
    for order in (*orders.cancelled, *orders.forgotten):
        assert (await order.buckets(), (await order.status())[0]) == ({"cancelled": 2}, "cancelled")
    await stepped_stack.restart("inventory-worker")


@pytest.mark.parametrize("first", ["the hand-over", "the cancellation"])
async def test_of_a_hand_over_a_cancellation_and_an_expiry_at_once_each_order_has_one_outcome(
    stepped_stack: LocalStack, crowd: Crowd, tmp_path: Path, first: str
) -> None:
    """F14: paid in time, and on the dock when the time for paying is over."""
    shop, held = crowd.shop, tmp_path / "held"
    await shop.until_morning()
    ends, orders = clock.now() + HOUR, await _waiting_for_payment(crowd, EACH)
    await _pay(crowd, orders)
    await shop.pick()
    parcels = await shop.pack()
    process = "inventory-api" if first == "the hand-over" else "inventory-worker"
    await stepped_stack.restart(process, {"DOORSTEP_FAILPOINT": f"demand.locked:1:hold={held}"})
    await shop.driver.rest()

    async def cancel() -> None:
        for order in orders:
            assert await crowd.cancel(order.id)

    async with asyncio.TaskGroup() as acts:
        cancelling = acts.create_task(cancel()) if first == "the cancellation" else None
        handing = None if cancelling else acts.create_task(shop.hand_over(parcels))
        await see_held(held)
        clock.step_to(ends)
        handing = handing or acts.create_task(shop.hand_over(parcels))
        cancelling = cancelling or acts.create_task(cancel())
        await _see(stepped_stack, _WAITS, what=f"the other waits for the locks of {first}")
        held.unlink()
    left = len(handing.result())
    for warehouse in shop.warehouses.values():
        await warehouse.put_back_all()
    await shop.step(DAY)

    await crowd.verify()
    outcomes = [((await order.status())[0], await order.buckets()) for order in orders]
    assert outcomes.count(("completed", {"delivered": 2})) == left
    assert outcomes.count(("cancelled", {"cancelled": 2})) == EACH - left
    assert left == EACH if first == "the hand-over" else left < EACH
    await stepped_stack.restart(process)


async def _unpaid(crowd: Crowd) -> Unpaid:
    made = await _waiting_for_payment(crowd, 4 * EACH)
    return Unpaid(*(made[start : start + EACH] for start in range(0, 4 * EACH, EACH)))


async def _waiting_for_payment(crowd: Crowd, count: int) -> list[PlacedOrder]:
    expires_at = (clock.now() + timedelta(hours=1)).isoformat()
    made: list[PlacedOrder] = []
    for _ in range(count):
        body = crowd.shop.draft(2)
        body["payment"] = {"status": "pending", "expires_at": expires_at}
        made.append(PlacedOrder(crowd.shop, await crowd.place(body), str(body["reference"])))
    await crowd.shop.driver.rest()
    return made


async def _pay(crowd: Crowd, orders: Sequence[PlacedOrder]) -> None:
    for order in orders:
        await crowd.pay(order.id, "authorized", 2 * PRICE)
        await crowd.shop.script(order, SCANNED, DELIVERED)
    await crowd.shop.driver.rest()


async def _see(stack: LocalStack, sql: str, *values: object, what: str) -> None:
    async def is_so() -> bool:
        return bool(await rows(stack, "inventory", sql, *values))

    await wait_until(is_so, what=what)
