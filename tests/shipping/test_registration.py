"""The carrier and our address at it: one adapter, one registration, told again what it signs with."""

from datetime import timedelta

import pytest

from services.shipping.actions.webhooks import renew_registration
from services.shipping.carriers import registry
from shared import clock
from tests.shipping.rig import Parcel, ShippingRig, forget_settings, step
from tests.waiting import wait_until

HOOK = "/carriers/easypost/webhooks"


@pytest.mark.usefixtures("shipping")
async def test_a_carrier_has_one_adapter_with_one_breaker_however_it_is_named() -> None:
    assert registry.carrier() is registry.carrier(registry.ADAPTER)
    with pytest.raises(KeyError, match="pigeon"):
        registry.carrier("pigeon")


async def test_our_address_is_registered_at_the_carrier_once(shipping: ShippingRig) -> None:
    async def registered() -> list[str]:
        hooks = (await shipping.carrier.get("/v2/webhooks")).json()["webhooks"]
        return [hook["url"] for hook in hooks if hook["url"].startswith(shipping.url)]

    assert await wait_until(registered, what="the webhook is registered") == [f"{shipping.url}{HOOK}"]


async def test_a_new_secret_is_told_to_the_carrier_at_the_next_start_and_its_messages_are_taken(
    shipping: ShippingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wait_until(lambda: _registered(shipping), what="the carrier knows the secret of before")
    monkeypatch.setenv("SHIPPING_CARRIER_WEBHOOK_SECRET", "a new word between us")
    await forget_settings()
    await renew_registration(shipping.database)
    parcel = Parcel()
    await shipping.journey(parcel, step(1, "in_transit", "picked_up"))
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    await wait_until(lambda: _registered(shipping), what="the carrier is told the new one")
    await shipping.hand_over(parcel, str(shown["tracking_number"]), at=clock.now() - timedelta(hours=2))
    await shipping.until(parcel, "picked_up")
    hooks = (await shipping.carrier.get("/v2/webhooks")).json()["webhooks"]
    assert [hook["url"] for hook in hooks] == [f"{shipping.url}{HOOK}"]


async def _registered(shipping: ShippingRig) -> bool:
    async with shipping.database.transaction() as tx:
        return bool(await tx.value("select count(*) from webhook_registration where registered_at is not null"))
