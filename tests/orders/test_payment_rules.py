"""Goods leave only for money that is there, and stays there."""

import asyncio
from datetime import timedelta

import pytest

from services.orders.actions import holds, paying
from services.orders.schemas.intake import ReportPayment
from shared import clock
from shared.auth import Principal, Scope
from shared.events.orders import CancellationRequested, HoldApplied, HoldReleased, OrderPlaced, OrderReleased
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import Json, MoveTo, Placed, Shop, euros
from tests.waiting import wait_until

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def authorized(ends_in: timedelta) -> Json:
    return {"status": "authorized", "expires_at": (clock.now() + ends_in).isoformat()}


async def release(order: Placed) -> None:
    """Let the order's hold go, as staff."""
    hold_id = (await order.now())["holds"][0]["id"]
    path = f"/staff/orders/{order.id}/holds/{hold_id}/release"
    answer = await order.rig.staff("POST", path, {"note": "they pay by invoice"})
    assert answer.json()["holds"] == []


async def test_an_authorization_about_to_end_holds_the_order_from_the_start(shop: Shop) -> None:
    order = await shop.place(payment=authorized(47 * HOUR))
    await order.rig.hear(neighbours.reserved(order))

    placed = (await order.told(OrderPlaced))[0]
    assert [hold["reason"] for hold in order.first["holds"]] == ["payment"]  # type: ignore[attr-defined]
    assert (placed["holds"], placed["soft_until"]) == (["payment"], placed["progress"]["due_at"])
    assert await order.told(OrderReleased) == []


async def test_a_hold_for_an_expiry_that_staff_let_go_does_not_come_back(shop: Shop, move_to: MoveTo) -> None:
    order = await shop.place(payment=authorized(7 * DAY))
    move_to(clock.now() + 6 * DAY)
    await order.rig.run_jobs()
    await release(order)

    await order.rig.run_jobs()

    assert (await order.now())["holds"] == []
    assert len(await order.told(HoldApplied)) == 1


async def test_another_authorization_that_ends_soon_holds_it_again(shop: Shop) -> None:
    order = await shop.place(payment=authorized(47 * HOUR))
    await release(order)

    body = {"type": "authorized", "expires_at": (clock.now() + 24 * HOUR).isoformat()}
    await order.do("/payments", body)

    assert [hold["reason"] for hold in (await order.now())["holds"]] == ["payment"]


async def test_an_authorization_that_ends_soon_lets_no_hold_go(shop: Shop) -> None:
    order = await shop.place(payment={"status": "pending"})
    await order.rig.hear(neighbours.reserved(order))

    await order.do("/payments", {"type": "authorized", "expires_at": (clock.now() + 24 * HOUR).isoformat()})
    assert await order.told(OrderReleased) == []

    await order.do("/payments", {"type": "captured"})
    assert len(await order.told(OrderReleased)) == 1


@pytest.mark.parametrize(("payment", "reported"), [({"status": "authorized"}, "voided"), (None, "failed")])
async def test_money_that_is_gone_before_the_release_holds_the_order(
    shop: Shop, payment: Json | None, reported: str
) -> None:
    order = await shop.place(payment=payment)

    await order.do("/payments", {"type": reported, "reference": "gone"})
    await order.rig.hear(neighbours.reserved(order))

    assert [fact["reason"] for fact in await order.told(HoldApplied)] == ["payment"]
    assert await order.told(OrderReleased) == []


async def test_a_void_stops_the_warehouse_and_a_new_authorization_lets_it_go_on(shop: Shop) -> None:
    order = await shop.place()
    await Parcel(order).pack()

    await order.do("/payments", {"type": "voided", "reference": "v"})
    assert [hold["reason"] for hold in (await order.now())["holds"]] == ["payment"]

    answer = await order.do("/payments", {"type": "authorized", "reference": "a"})
    assert answer.json()["status"] == "authorized"
    assert (await order.now())["holds"] == []


async def test_the_void_of_cancelled_units_holds_nothing(shop: Shop) -> None:
    order = await shop.place()
    await order.do("/cancellations", {"lines": [{"reference": "2", "quantity": 1}]})

    await order.do("/payments", {"type": "voided", "amount": euros(900)})

    assert await order.told(HoldApplied) == []


async def test_a_void_after_the_hand_over_holds_nothing(shop: Shop) -> None:
    order = await shop.place()
    await Parcel(order).send()

    await order.do("/payments", {"type": "voided"})

    assert await order.told(HoldApplied) == []


async def test_an_authorization_that_lapsed_cancels_the_order(shop: Shop, move_to: MoveTo) -> None:
    order = await shop.place(payment=authorized(7 * DAY))
    await order.rig.hear(neighbours.reserved(order))
    move_to(clock.now() + 6 * DAY)
    await order.rig.run_jobs()
    assert await order.told(CancellationRequested) == []

    move_to(clock.now() + DAY + 2 * HOUR)
    await order.rig.run_jobs()

    assert [fact["reason"] for fact in await order.told(CancellationRequested)] == ["payment"]


async def test_a_payment_hold_of_staff_cancels_no_order_that_is_paid(shop: Shop, move_to: MoveTo) -> None:
    order = await shop.place()
    await order.rig.staff("POST", f"/staff/orders/{order.id}/holds", {"reason": "payment"})

    move_to(clock.now() + 30 * DAY)
    await order.rig.run_jobs()

    assert await order.told(CancellationRequested) == []


async def test_a_capture_committed_a_moment_before_the_timer_leaves_no_hold(shop: Shop, move_to: MoveTo) -> None:
    order = await shop.place(payment=authorized(7 * DAY))
    move_to(clock.now() + 6 * DAY)
    database = order.rig.database
    who = Principal(shop.code, frozenset({Scope.STOREFRONT}), storefront_id=shop.id)

    async def timer() -> None:
        async with database.transaction() as tx:
            await holds.hold_expiring_authorizations(tx)

    async def waits() -> bool:
        async with database.transaction() as tx:
            return bool(await tx.value("select exists (select from pg_locks where not granted)"))

    async with database.transaction() as tx:
        await paying.report_payment(tx, who, str(order.id), ReportPayment(type="captured"))
        running = asyncio.create_task(timer())
        await wait_until(waits, what="the timer at the order's lock")
    await running

    assert await order.told(HoldApplied) == []


async def test_a_hold_that_is_let_go_says_what_remains(shop: Shop) -> None:
    order = await shop.place(payment={"status": "pending"})
    await order.rig.staff("POST", f"/staff/orders/{order.id}/holds", {"reason": "fraud"})

    await order.do("/payments", {"type": "captured"})

    assert [fact["remaining"] for fact in await order.told(HoldReleased)] == [["fraud"]]


@pytest.mark.parametrize("status", ["authorized", "captured"])
async def test_an_order_paid_in_part_waits_for_the_rest(shop: Shop, status: str) -> None:
    order = await shop.place(payment={"status": status, "amount": euros(500), "reference": "first"})
    await order.rig.hear(neighbours.reserved(order))
    assert [hold["reason"] for hold in (await order.now())["holds"]] == ["payment"]
    total = order.first["total"]["amount"]  # type: ignore[index]

    await order.do("/payments", {"type": status, "amount": euros(total - 500), "reference": "rest"})

    assert (await order.now())["holds"] == []
    assert len(await order.told(OrderReleased)) == 1


async def test_the_payment_an_order_came_with_is_not_booked_again_when_it_is_reported(shop: Shop) -> None:
    order = await shop.place(payment={"status": "captured", "reference": "pi-1"})

    answer = await order.do("/payments", {"type": "captured", "reference": "pi-1"})

    assert answer.json()["captured"] == order.first["total"]["amount"]  # type: ignore[index]


async def test_one_reference_stands_for_one_movement_of_money(shop: Shop) -> None:
    order = await shop.place()
    body = {"type": "captured", "amount": euros(300), "reference": "pi-2"}
    await order.do("/payments", body)

    again = await order.do("/payments", body)
    other = await order.do("/payments", body | {"amount": euros(200)})

    assert (again.json()["captured"], other.status_code) == (300, 422)
    assert [(error["pointer"], error["code"]) for error in other.json()["errors"]] == [
        ("/reference", "reported_already")
    ]


async def test_no_more_is_booked_as_paid_back_than_was_taken(shop: Shop) -> None:
    order = await shop.place()
    await order.do("/payments", {"type": "captured", "amount": euros(300), "reference": "c"})

    answer = await order.do("/payments", {"type": "refunded", "amount": euros(301), "reference": "r"})

    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/amount", "other_amount")]
    assert (await order.do("/payments", {"type": "refunded", "amount": euros(300), "reference": "r"})).is_success
