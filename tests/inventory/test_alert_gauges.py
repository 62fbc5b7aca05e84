"""What the worker measures of its tables so that somebody is woken: drifted stock, work whose truck leaves."""

from prometheus_client import REGISTRY

from services.inventory.app import service
from shared import upkeep
from tests.inventory.floor import Floor
from tests.inventory.lab import Lab


async def _measure(lab: Lab, minute: int = 0) -> None:
    await upkeep.measure(lab.database, "inventory", service.gauges, minute=minute)


def _told(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_a_stock_row_that_parts_from_its_ledger_is_measured_within_the_hour(lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    await _measure(lab)
    before = _told("doorstep_drift", of="stock")
    correct = "update stock set on_hand = on_hand + $1 where sku = $2 and location = $3"
    async with lab.database.transaction() as tx:
        await tx.execute(correct, 1, sku, place)

    await _measure(lab, minute=59)
    not_yet = _told("doorstep_drift", of="stock")
    await _measure(lab, minute=60)
    drifted = _told("doorstep_drift", of="stock")

    async with lab.database.transaction() as tx:
        await tx.execute(correct, -1, sku, place)
    await _measure(lab)
    assert before is not None
    assert (not_yet, drifted, _told("doorstep_drift", of="stock")) == (before, before + 1, before)


async def test_work_whose_truck_leaves_in_half_an_hour_is_measured_until_it_is_on_it(floor: Floor, lab: Lab) -> None:
    sku, place = await lab.stocked(5)
    order, _, number = await floor.ready(sku, place)
    await _measure(lab)
    early = _told("doorstep_near_cut_off", location=place)
    async with lab.database.transaction() as tx:
        await tx.execute(
            "update fulfilment set cut_off_at = $1::timestamptz + interval '20 minutes' where order_id = $2",
            tx.now,
            order.order_id,
        )

    await _measure(lab)
    near = _told("doorstep_near_cut_off", location=place)
    await floor.hand_over(place, number)
    await _measure(lab)

    assert (early, near, _told("doorstep_near_cut_off", location=place)) == (None, 1.0, None)
