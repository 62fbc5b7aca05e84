"""Every cancellation request gets exactly one answer with an outcome for each line and unit."""

from datetime import timedelta

from shared import clock
from shared.events import inventory
from shared.events.base import Destination, LineCount
from shared.events.orders import OrderAmended, OrderCancelled, OrderPlaced, OrderRejected
from tests.inventory.lab import Lab, Line, cancel, hold_released, order_placed


async def _outcomes(lab: Lab, order_id: object) -> list[tuple[str, int]]:
    (answer,) = await lab.facts(inventory.CancellationAnswered, order_id)
    return sorted((outcome.outcome, outcome.quantity) for outcome in answer.outcomes)


async def test_unpicked_units_are_cancelled_and_their_stock_is_free_at_once(lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = order_placed(Line(sku, 3))
    await lab.tell(order)

    await lab.tell(cancel(order))

    assert await _outcomes(lab, order.order_id) == [("cancelled", 3)]
    assert await lab.reservations(order) == [("released", place, 3)]
    assert (await lab.stock(sku, place))["available"] == 5
    await lab.check_books([sku])


async def test_a_backordered_order_is_cancelled(lab: Lab) -> None:
    sku = await lab.sku()
    order = order_placed(Line(sku, 2))
    await lab.tell(order)

    await lab.tell(cancel(order))

    assert await _outcomes(lab, order.order_id) == [("cancelled", 2)]
    assert await lab.reservations(order) == [("released", "", 2)]


async def test_part_of_a_line_is_cancelled_where_it_costs_least(lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    line = Line(sku, 5)
    order = order_placed(line)
    await lab.tell(order)

    await lab.tell(cancel(order, (line.line_id, 3)))

    assert await lab.reservations(order) == [("allocated", place, 2), ("released", "", 2), ("released", place, 1)]
    released = (await lab.facts(inventory.ReservationReleased, order.order_id))[-1]
    assert (released.reason, released.lines[0].reserved, released.lines[0].released) == ("cancelled", 2, 3)


async def test_what_was_never_reserved_is_answered_too(lab: Lab) -> None:
    order = order_placed(Line("S-never-heard-of"))

    await lab.tell(cancel(order))

    assert await _outcomes(lab, order.order_id) == [("cancelled", 1)]


async def test_a_second_request_finds_nothing_left_and_is_answered(lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    order = order_placed(Line(sku, 2))
    await lab.tell(order)

    await lab.tell(cancel(order))
    await lab.tell(cancel(order))

    assert len(await lab.facts(inventory.CancellationAnswered, order.order_id)) == 2
    assert (await lab.stock(sku, place))["reserved"] == 0
    await lab.check_books([sku])


async def test_a_redelivered_request_is_answered_once(lab: Lab) -> None:
    sku, _ = await lab.stocked(3)
    order = order_placed(Line(sku, 2))
    await lab.tell(order)
    wave = await lab.tell(cancel(order))

    await lab.apply(wave)

    assert len(await lab.facts(inventory.CancellationAnswered, order.order_id)) == 1


async def test_a_request_told_twice_in_two_events_is_answered_once(lab: Lab) -> None:
    sku, place = await lab.stocked(3)
    line = Line(sku, 3)
    order = order_placed(line)
    await lab.tell(order)
    request = cancel(order, (line.line_id, 1))

    await lab.tell(request)
    await lab.tell(request)

    assert len(await lab.facts(inventory.CancellationAnswered, order.order_id)) == 1
    assert (await lab.stock(sku, place))["reserved"] == 2


async def test_cancelled_units_go_to_those_who_wait(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    happy, waiting = order_placed(Line(sku, 2)), order_placed(Line(sku, 1))
    await lab.tell(happy)
    await lab.tell(waiting)

    await lab.tell(cancel(happy))
    await lab.run_jobs()

    assert await lab.reservations(waiting) == [("allocated", place, 1)]
    await lab.check_books([sku])


def _amended(order: OrderPlaced, quantities: dict[str, int]) -> OrderAmended:
    """Make the fact that lines are ordered by these totals, by SKU."""
    lines = tuple(
        LineCount(line_id=line.line_id, sku=line.sku, quantity=quantities[line.sku])
        for line in order.lines
        if line.sku in quantities
    )
    destination = Destination(country_code="DE", postal_zone="10")
    return OrderAmended(order_id=order.order_id, changed=("lines",), lines=lines, destination=destination)


async def test_an_amendment_gives_back_what_is_no_longer_ordered(lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    dropped = await lab.sku()
    order = order_placed(Line(sku, 4), Line(dropped, 2))
    await lab.tell(order)

    await lab.tell(_amended(order, {sku: 1}))

    assert await lab.reservations(order) == [("allocated", place, 1), ("released", "", 2), ("released", place, 3)]
    assert (await lab.facts(inventory.ReservationReleased, order.order_id))[-1].reason == "amended"


async def test_units_taken_off_an_order_after_they_expired_are_not_sought_again_when_it_is_paid(lab: Lab) -> None:
    sku, place = await lab.stocked(2)
    order = order_placed(Line(sku, 2), soft_until=clock.now() - timedelta(hours=1))
    await lab.tell(order)
    await lab.run_jobs()

    await lab.tell(_amended(order, {sku: 1}))
    await lab.tell(hold_released(order))

    assert await lab.reservations(order) == [("allocated", place, 1), ("released", place, 1)]
    await lab.check_books([sku])


async def test_an_amendments_totals_count_cancelled_units_too(lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    line = Line(sku, 5)
    order = order_placed(line)
    await lab.tell(order)
    await lab.tell(cancel(order, (line.line_id, 2)))

    await lab.tell(_amended(order, {sku: 4}))

    assert (await lab.stock(sku, place))["reserved"] == 2
    await lab.check_books([sku])


async def test_a_cancelled_or_rejected_order_holds_nothing(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    cancelled, rejected = order_placed(Line(sku, 1)), order_placed(Line(sku, 1))
    await lab.tell(cancelled)
    await lab.tell(rejected)

    await lab.tell(OrderRejected(order_id=rejected.order_id, reason="fraud"))
    await lab.tell(OrderCancelled(order_id=cancelled.order_id, reason="staff"))
    await lab.run_jobs()

    assert await lab.reservations(rejected) == [("released", "", 1)]
    assert await lab.reservations(cancelled) == [("released", place, 1)]
    assert (await lab.stock(sku, place))["available"] == 1
    await lab.check_books([sku])
