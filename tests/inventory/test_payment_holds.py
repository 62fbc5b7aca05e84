"""Stock held for a payment becomes firm when it comes, and is given back when it does not."""

from datetime import datetime, timedelta

from shared import clock
from shared.events import inventory
from shared.events.orders import OrderCancelled
from tests.inventory.lab import Lab, Line, hold_released, order_placed

HOUR = timedelta(hours=1)


def _soon() -> datetime:
    return clock.now() + HOUR


def _past() -> datetime:
    return clock.now() - HOUR


async def test_an_unpaid_order_is_reserved_softly(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = order_placed(Line(sku), soft_until=_soon())

    await lab.tell(order)
    await lab.run_jobs()

    (fact,) = await lab.facts(inventory.StockReserved, order.order_id)
    assert fact.soft_until == order.soft_until
    assert await lab.reservations(order) == [("soft_reserved", place, 1)]


async def test_the_payment_makes_the_reservation_firm(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = order_placed(Line(sku), soft_until=_soon())
    await lab.tell(order)

    await lab.tell(hold_released(order))

    assert await lab.reservations(order) == [("allocated", place, 1)]
    assert (await lab.facts(inventory.StockReserved, order.order_id))[-1].soft_until is None
    await lab.check_books([sku])


async def test_another_hold_gone_while_the_payment_is_open_changes_nothing(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = order_placed(Line(sku), soft_until=_soon())
    await lab.tell(order)

    await lab.tell(hold_released(order, "payment"))

    assert await lab.reservations(order) == [("soft_reserved", place, 1)]


async def test_without_payment_the_reservation_expires_and_says_so(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = order_placed(Line(sku, 3), soft_until=_past())
    await lab.tell(order)

    await lab.run_jobs()

    (fact,) = await lab.facts(inventory.ReservationReleased, order.order_id)
    assert fact.reason == "expired"
    assert (fact.lines[0].reserved, fact.lines[0].backordered, fact.lines[0].released) == (0, 0, 3)
    assert (await lab.stock(sku, place))["reserved"] == 0
    await lab.check_books([sku])


async def test_expired_units_go_to_those_who_wait(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    unpaid, waiting = order_placed(Line(sku), soft_until=_past()), order_placed(Line(sku))
    await lab.tell(unpaid)
    await lab.tell(waiting)

    await lab.run_jobs()

    assert await lab.reservations(waiting) == [("allocated", place, 1)]
    assert (await lab.kinds(waiting.order_id)) == ["stock_backordered", "stock_reserved"]


async def test_a_payment_that_comes_too_late_finds_stock_again(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    order = order_placed(Line(sku), soft_until=_past())
    await lab.tell(order)
    await lab.run_jobs()

    await lab.tell(hold_released(order))

    assert await lab.reservations(order) == [("allocated", place, 1)]
    assert (await lab.kinds(order.order_id))[-1] == "stock_reserved"
    await lab.check_books([sku])


async def test_a_cancelled_order_stays_without_stock_when_its_hold_goes(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    order = order_placed(Line(sku), soft_until=_soon())
    await lab.tell(order)

    await lab.tell(OrderCancelled(order_id=order.order_id, reason="payment"))
    await lab.tell(hold_released(order))

    assert await lab.reservations(order) == [("released", place, 1)]
    await lab.check_books([sku])
