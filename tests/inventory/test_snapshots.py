"""Snapshots tell what is available as allocation sees it, and not more often than asked for."""

import asyncio
from datetime import timedelta

import pytest

from services.inventory.actions.locations import save_locations
from services.inventory.actions.skus import save_skus
from services.inventory.actions.snapshots import publish_snapshots
from services.inventory.schemas.stock import SaveLocations, SaveSkus
from shared import clock
from shared.events import inventory
from tests.inventory.lab import Lab, Line, order_placed
from tests.waiting import wait_until, wait_until_held_up

DAY = timedelta(days=1)
SIZE = {"weight_grams": 300, "length_mm": 100, "width_mm": 80, "height_mm": 60}


async def test_a_snapshot_is_published_for_what_changed_and_then_none(lab: Lab) -> None:
    sku, place = await lab.stocked(4)
    await lab.tell(order_placed(Line(sku, 3)))

    await lab.run_jobs()
    await lab.run_jobs()

    facts = await lab.facts(inventory.StockChanged, sku)
    assert [(fact.location, fact.on_hand, fact.reserved, fact.available) for fact in facts] == [(place, 4, 3, 1)]


async def test_the_next_snapshot_of_a_row_waits_a_second_and_tells_the_last_state(lab: Lab) -> None:
    sku, place = await lab.stocked(4)
    await lab.run_jobs()
    for _ in range(3):
        await lab.tell(order_placed(Line(sku)))
    await lab.run_jobs()
    assert len(await lab.facts(inventory.StockChanged, sku)) == 1

    async with lab.database.transaction() as tx:
        gap = await tx.value("select due_at - sent_at from snapshot where sku = $1 and location = $2", sku, place)
    assert gap == timedelta(seconds=1)


async def test_a_snapshot_says_when_more_is_expected(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    expected_at = clock.now().replace(microsecond=0) + 2 * DAY
    body = {"location": place, "reference": "PO", "lines": [{"sku": sku, "quantity": 3}]}
    await lab.do("/staff/inbounds", {**body, "expected_at": expected_at.isoformat()})

    await lab.run_jobs()

    assert (await lab.facts(inventory.StockChanged, sku))[-1].next_available_at == expected_at


async def test_of_stock_in_a_location_that_is_off_none_is_told_as_available(lab: Lab) -> None:
    sku, place = await lab.stocked(5)

    await lab.location(code=place, active=False)
    off = await _told(lab, sku)
    await lab.location(code=place, active=True)
    on = await _told(lab, sku)

    assert (off.on_hand, off.available, off.backorderable, off.next_available_at) == (5, 0, True, None)
    assert (on.on_hand, on.available, on.backorderable) == (5, 5, True)


async def test_a_sku_that_is_off_is_told_as_neither_available_nor_to_be_had_later(lab: Lab) -> None:
    sku, _ = await lab.stocked(5)

    await lab.do("/staff/skus", {"skus": [{"code": sku, "name": "Mug", **SIZE, "active": False}]})
    off = await _told(lab, sku)
    await lab.do("/staff/skus", {"skus": [{"code": sku, "name": "Mug", **SIZE}]})
    on = await _told(lab, sku)

    assert (off.on_hand, off.available, off.backorderable) == (5, 0, False)
    assert (on.available, on.backorderable) == (5, True)


@pytest.mark.parametrize("switched", ["sku", "location"])
async def test_what_is_switched_on_while_its_switching_off_is_told_is_told_as_on(lab: Lab, switched: str) -> None:
    await lab.run_jobs()
    sku, place = await lab.stocked(5)
    thing = {"code": sku, "name": "Mug", **SIZE}
    house = {
        "code": place, "name": "House", "line1": "1 Test Street", "city": "Berlin", "postal_code": "10115",
        "country_code": "DE", "zone": "DE", "time_zone": "Europe/Berlin",
    }  # fmt: skip

    async with lab.database.transaction() as tx:
        if switched == "sku":
            await save_skus(tx, SaveSkus.model_validate({"skus": [{**thing, "active": False}]}))
            on = asyncio.create_task(lab.do("/staff/skus", {"skus": [thing]}))
        else:
            await save_locations(tx, SaveLocations.model_validate({"locations": [{**house, "active": False}]}))
            on = asyncio.create_task(lab.do("/staff/locations", {"locations": [house]}))
        await publish_snapshots(tx)
        await wait_until_held_up(lab.database, on)
    await on

    facts = await lab.facts(inventory.StockChanged, sku)
    assert [fact.available for fact in facts] == [0]
    assert (await _told(lab, sku)).available == 5


async def _told(lab: Lab, sku: str) -> inventory.StockChanged:
    """Give the snapshot that is due now, or will be in a moment."""

    async def is_told() -> bool:
        await lab.run_jobs()
        async with lab.database.transaction() as tx:
            return not await tx.value("select count(due_at) from snapshot where sku = $1", sku)

    await wait_until(is_told, what="the snapshot is told")
    return (await lab.facts(inventory.StockChanged, sku))[-1]
