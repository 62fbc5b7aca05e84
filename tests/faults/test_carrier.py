"""A carrier whose answers are lost, late or refused, and whose webhooks come twice, forged and in no order."""

from typing import Any

import httpx
import pytest

from cli.bots.warehouse import Parcel
from deploy.local import names
from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.faults.crowd import Crowd
from tests.faults.lengths import Lengths
from tests.faults.look import rows
from tests.faults.test_deaths_in_mid_journey import DELIVERED, SCANNED
from tests.journeys.shop import DAY, PlacedOrder

_LABELS = "select parcel_id, state from label where shipment_id in (select id from shipment where order_id = $1)"
_FACTS = "select 1 from event_log where key = $1 and type like 'doorstep.shipping.shipment_delivered.%'"
ORDERS = 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "route"),
    [("answer_lost", "/buy$"), ("answer_lost", "POST /v2/shipments$"), ("rate_limited", None), ("slow", "/buy$"),
     ("server_error", None), ("duplicate_webhooks", None), ("forged_webhooks", None), ("shuffled_webhooks", None)],
)  # fmt: skip
async def test_whatever_the_carrier_does_each_parcel_has_one_live_label_and_arrives_once(
    stepped_stack: LocalStack, crowd: Crowd, lengths: Lengths, kind: str, route: str | None
) -> None:
    """F17: for each of a few orders once, but webhooks always."""
    shop = crowd.shop
    await shop.until_morning()
    bodies = [shop.draft(1, 1) for _ in range(ORDERS)]
    orders = [PlacedOrder(shop, await crowd.place(body), str(body["reference"])) for body in bodies]
    armed: list[str] = []
    for order in orders:
        await shop.script(order, SCANNED, DELIVERED)
        fault = {"kind": kind, "route": route, "only_reference": order.reference}
        once = {} if kind.endswith("webhooks") else {"times": 1}
        seconds = lengths.carrier_seconds if kind == "slow" else 2
        body = {**fault, **once, "seconds": seconds}
        made: Any = await shop.carrier.door.act("/simulator/faults", body, key=str(new_id()))
        armed.append(made["id"])
    await shop.driver.rest()
    await shop.pick()
    parcels: list[Parcel] = await shop.pack()
    assert len(await shop.hand_over(parcels)) == ORDERS
    await shop.step(DAY)

    known: Any = await shop.carrier.door.act_get("/simulator/faults")
    struck = {fault["id"]: fault["hits"] for fault in known}
    assert all(struck[fault] >= 1 for fault in armed), struck
    await crowd.verify()
    assert [await order.status() for order in orders] == [("completed", "delivered")] * ORDERS
    for order in orders:
        assert [row["state"] for row in await rows(stepped_stack, "shipping", _LABELS, order.id)] == ["live"]
        assert len(await rows(stepped_stack, "shipping", _FACTS, str(order.id))) == 1
        assert len(await _sold(stepped_stack, order)) == 1


async def _sold(stack: LocalStack, order: PlacedOrder) -> list[object]:
    """Ask the carrier which parcels of an order it has sold labels for."""
    async with httpx.AsyncClient(base_url=stack.urls[names.SIMULATOR], trust_env=False) as client:
        answer = await client.get("/simulator/parcels", params={"print_custom_1": order.reference})
    return list(answer.raise_for_status().json()["parcels"])
