"""Released work follows its order: another destination, other dates, another promise."""

from datetime import datetime, timedelta

from shared import clock
from shared.events import inventory, orders
from shared.events.base import Destination, LineCount
from tests.inventory.floor import Floor, Released
from tests.inventory.lab import Lab, Line

DAY = timedelta(days=1)


def amended(order: Released, ship_after: datetime | None) -> orders.OrderAmended:
    lines = tuple(LineCount(line_id=one.line_id, sku=one.sku, quantity=one.quantity) for one in order.placed.lines)
    return orders.OrderAmended(
        order_id=order.order_id, changed=("ship_after",), lines=lines, ship_after=ship_after,
        destination=Destination(country_code="DE", postal_zone="10"),
    )  # fmt: skip


def revised(order: Released, ship_by: datetime) -> orders.PromiseRevised:
    return orders.PromiseRevised(
        order_id=order.order_id, slip_minutes=60, attributed_to="stock", reason="late delivery",
        promise=orders.Promise(revision=2, ship_by=ship_by, deliver_by_latest=ship_by + 3 * DAY),
    )  # fmt: skip


async def test_what_shall_leave_later_is_not_picked_before_and_goes_on_when_it_may(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 1))
    await lab.tell(amended(order, clock.now() + DAY))

    waiting = await floor.post("/staff/pick-lists/next", {"location": place, "mode": "single"})
    await lab.tell(amended(order, None))
    picks = await floor.next_list(place)

    assert waiting.status_code == 204
    assert [tote["order_id"] for tote in picks["totes"]] == [str(order.order_id)]


async def test_what_shall_leave_later_leaves_the_list_it_was_planned_on(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 1))
    planned = await floor.do(
        "/staff/pick-lists", {"location": place, "mode": "single"}, role="warehouse_lead", subject="lea"
    )

    await lab.tell(amended(order, clock.now() + DAY))

    after = await lab.get(f"/staff/pick-lists/{planned['id']}")
    assert (after["state"], after["remaining"]) == ("done", 0)
    assert await floor.states(order) == ["open"]


async def test_a_date_that_was_taken_back_no_longer_ranks_the_order(floor: Floor, lab: Lab) -> None:
    sku, _ = await lab.stocked(5)
    order = await floor.release(Line(sku, 1), ship_after=clock.now() + DAY)

    await lab.tell(amended(order, None))

    async with lab.database.transaction() as tx:
        assert await tx.value("select ship_after from order_demand where order_id = $1", order.order_id) is None


async def test_a_later_promise_moves_the_work_to_its_truck_and_tells_so(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order = await floor.release(Line(sku, 1), ship_by=clock.now() + 2 * DAY)
    planned = await floor.do(
        "/staff/pick-lists", {"location": place, "mode": "single"}, role="warehouse_lead", subject="lea"
    )
    (before,) = await lab.facts(inventory.FulfilmentPlanned, order.order_id)

    ship_by = clock.now() + 9 * DAY
    await lab.tell(revised(order, ship_by))

    work = await floor.work(order)
    (fulfilment,) = work["fulfilments"]
    cut_off_at = datetime.fromisoformat(fulfilment["cut_off_at"])
    after = await lab.get(f"/staff/pick-lists/{planned['id']}")
    told = await lab.facts(inventory.FulfilmentPlanned, order.order_id)
    assert datetime.fromisoformat(work["ship_by"]) == ship_by
    assert before.cut_off_at < ship_by - DAY <= cut_off_at <= ship_by
    assert [fact.cut_off_at for fact in told] == [before.cut_off_at, cut_off_at]
    assert told[1].lines == before.lines
    assert datetime.fromisoformat(after["cut_off_at"]) == cut_off_at


async def test_an_order_promised_later_lets_a_more_urgent_one_go_first(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    first = await floor.release(Line(sku, 1), ship_by=clock.now() + 2 * DAY)
    second = await floor.release(Line(sku, 1), ship_by=clock.now() + 4 * DAY)

    await lab.tell(revised(first, clock.now() + 9 * DAY))

    picks = await floor.next_list(place)
    assert [tote["order_id"] for tote in picks["totes"]] == [str(second.order_id)]


async def test_work_that_has_left_keeps_its_cut_off(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order, _, number = await floor.ready(sku, place)
    await floor.hand_over(place, number)
    (before,) = (await floor.work(order))["fulfilments"]

    await lab.tell(revised(order, clock.now() + 9 * DAY))

    assert (await floor.work(order))["fulfilments"][0]["cut_off_at"] == before["cut_off_at"]
    assert len(await lab.facts(inventory.FulfilmentPlanned, order.order_id)) == 1
