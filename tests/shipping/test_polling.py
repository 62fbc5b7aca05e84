"""Parcels a carrier says nothing of; a module of its own, since only one shipping service runs at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from services.shipping.queries.shipments import claim_silent
from shared import clock
from shared.auth import Role
from shared.events.shipping import ShipmentDelivered
from tests.shipping.rig import ShippingRig, parts
from tests.shipping.test_tracking import JOURNEY, on_its_way
from tests.waiting import wait_until_held_up


@asynccontextmanager
async def paused(shipping: ShippingRig) -> AsyncIterator[None]:
    """Have nobody asked for as long as the block lasts."""
    switch = {"kind": "polling", "scope": "*", "reason": "carrier maintenance"}
    await shipping.post(Role.OPERATOR, "/staff/pauses", switch)
    try:
        yield
    finally:
        await shipping.post(Role.OPERATOR, "/staff/pauses/resume", switch)


async def test_a_silent_parcel_is_asked_about_when_no_messages_come(polling_shipping: ShippingRig) -> None:
    # Else it may be asked about in the moment before the carrier has it, and then again only in an hour.
    async with paused(polling_shipping):
        parcel, _ = await on_its_way(polling_shipping, *JOURNEY)
    shown = await polling_shipping.until(parcel, "delivered")
    sources = {one["source"] for one in parts(shown, "tracking")}
    assert sources == {"poll"}
    assert len(await polling_shipping.told(parcel, ShipmentDelivered)) == 1


async def test_paused_polling_asks_nothing(polling_shipping: ShippingRig) -> None:
    async with paused(polling_shipping):
        parcel, _ = await on_its_way(polling_shipping, *JOURNEY)
        assert "poll_tracking" not in await polling_shipping.scheduler.due_times()
    await polling_shipping.until(parcel, "delivered")


async def test_of_two_who_look_for_silent_parcels_one_asks_about_each(polling_shipping: ShippingRig) -> None:
    database = polling_shipping.database

    async def claim() -> list[tuple[UUID, UUID]]:
        async with database.transaction() as tx:
            return await claim_silent(tx, lease=clock.real(), limit=32)

    async with paused(polling_shipping):
        parcel, _ = await on_its_way(polling_shipping, *JOURNEY)
        shown = await polling_shipping.shipment(parcel)
        async with database.transaction() as tx:
            first = await claim_silent(tx, lease=clock.real(), limit=32)
            looking = asyncio.create_task(claim())
            await wait_until_held_up(database, looking)
        second = await looking

    assert str(shown["id"]) in {str(shipment_id) for shipment_id, _ in first}
    assert not set(first) & set(second)
