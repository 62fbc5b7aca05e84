"""Parcels of a storefront's trial orders: moved along by hand, to where a carrier could say they are."""

from services.shipping.states import POSITIONS, ShipmentStatus
from shared.auth import Role
from shared.events.shipping import ShipmentDelivered
from tests.shipping.rig import Parcel, ShippingRig, parcel_handed_over


async def test_a_test_parcel_is_moved_along_by_hand_and_a_real_one_is_not(shipping: ShippingRig) -> None:
    parcel = Parcel(test=True)
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    await shipping.hear(parcel_handed_over(parcel, str(shown["tracking_number"])))
    path = f"/internal/test/shipments/{shown['id']}/advance"
    seen = [(await shipping.post(Role.SERVICE, path, {})).json()["status"] for _ in range(4)]
    assert seen == ["picked_up", "in_transit", "out_for_delivery", "delivered"]
    assert len(await shipping.told(parcel, ShipmentDelivered)) == 1
    real = Parcel()
    await shipping.close(real)
    booked = await shipping.until(real, "label_purchased")
    refused = await shipping.post(Role.SERVICE, f"/internal/test/shipments/{booked['id']}/advance", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_a_test")


async def test_a_test_parcel_is_moved_to_positions_only(shipping: ShippingRig) -> None:
    parcel = Parcel(test=True)
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    await shipping.hear(parcel_handed_over(parcel, str(shown["tracking_number"])))
    for target in sorted(set(ShipmentStatus) - set(POSITIONS)):
        path = f"/internal/test/shipments/{shown['id']}/advance"
        refused = await shipping.post(Role.SERVICE, path, {"position": target})
        assert refused.status_code == 422, f"{target}: {refused.text}"
        (error,) = refused.json()["errors"]
        assert error["pointer"] == "/position"
        assert all(position in error["detail"] for position in POSITIONS)
    assert (await shipping.shipment(parcel))["status"] == "handed_over"
