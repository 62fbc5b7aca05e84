"""Parcels a carrier says nothing of; a module of its own, since only one shipping service runs at a time."""

from shared.auth import Role
from shared.events.shipping import ShipmentDelivered
from tests.shipping.rig import ShippingRig, parts
from tests.shipping.test_tracking import JOURNEY, on_its_way


async def test_a_silent_parcel_is_asked_about_when_no_messages_come(polling_shipping: ShippingRig) -> None:
    parcel, _ = await on_its_way(polling_shipping, *JOURNEY)
    shown = await polling_shipping.until(parcel, "delivered")
    sources = {one["source"] for one in parts(shown, "tracking")}
    assert sources == {"poll"}
    assert len(await polling_shipping.told(parcel, ShipmentDelivered)) == 1


async def test_paused_polling_asks_nothing(polling_shipping: ShippingRig) -> None:
    switch = {"kind": "polling", "scope": "*", "reason": "carrier maintenance"}
    await polling_shipping.post(Role.OPERATOR, "/staff/pauses", switch)
    try:
        parcel, _ = await on_its_way(polling_shipping, *JOURNEY)
        assert "poll_tracking" not in await polling_shipping.scheduler.due_times()
    finally:
        await polling_shipping.post(Role.OPERATOR, "/staff/pauses/resume", switch)
    await polling_shipping.until(parcel, "delivered")
