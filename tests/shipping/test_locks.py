"""Who waits for whom, who passes over whom, and what is not done twice, around a parcel and its label."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from services.shipping.actions import booking
from services.shipping.actions.outcomes import record_booking
from services.shipping.actions.tracking import record_tracking
from services.shipping.carriers.easypost_messages import parse_tracker
from services.shipping.carriers.registry import ADAPTER
from services.shipping.models import Source, Step
from services.shipping.queries import labels as label_queries
from shared import clock
from shared.auth import Role
from shared.db import Transaction
from shared.events.shipping import LabelVoidRequested, ShipmentProgressed
from shared.jobs import Outcome
from tests.shipping.rig import Parcel, ShippingRig, order_cancelled, parcel_handed_over, parts
from tests.shipping.test_tracking import message, send
from tests.twins import refuse_twin
from tests.waiting import wait_until_held_up

CRUSHED = {"reason": "the box was crushed"}


async def by_staff(shipping: ShippingRig, parcel: Parcel) -> None:
    shown = await shipping.shipment(parcel)
    refused = await shipping.post(Role.WAREHOUSE_LEAD, f"/staff/shipments/{shown['id']}/void", CRUSHED)
    assert refused.json()["code"] == "nothing_to_void"


async def by_the_bench(shipping: ShippingRig, parcel: Parcel) -> None:
    refused = await shipping.post(Role.SERVICE, f"/internal/parcels/{parcel.parcel_id}/void", CRUSHED)
    assert refused.json()["code"] == "nothing_to_void"


async def by_cancelling(shipping: ShippingRig, parcel: Parcel) -> None:
    await shipping.hear(order_cancelled(parcel))


@pytest.mark.parametrize("give_back", [by_staff, by_the_bench, by_cancelling])
async def test_the_label_of_a_parcel_that_is_leaving_is_not_given_back(
    shipping: ShippingRig, give_back: Callable[[ShippingRig, Parcel], Awaitable[None]]
) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    number = str((await shipping.until(parcel, "label_purchased"))["tracking_number"])

    async with shipping.database.transaction() as tx:
        await tx.execute("select from shipment where parcel_id = $1 for no key update", parcel.parcel_id)
        leaving = asyncio.create_task(shipping.hear(parcel_handed_over(parcel, number)))
        await wait_until_held_up(shipping.database, leaving)
        giving_back = asyncio.ensure_future(give_back(shipping, parcel))
        await wait_until_held_up(shipping.database, leaving, giving_back)
    await leaving
    await giving_back

    left = await shipping.shipment(parcel)
    assert left["status"] == "handed_over"
    assert [label["state"] for label in parts(left, "labels")] == ["live"]
    assert await shipping.told(parcel, LabelVoidRequested) == []


async def test_who_was_away_for_longer_than_the_lease_of_a_booking_buys_no_second_label(
    shipping: ShippingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed: list[booking.Work] = []
    claim = booking._claim  # noqa: SLF001

    async def noted(tx: Transaction, steps: tuple[Step, ...], shipment_id: UUID | None) -> list[booking.Work]:
        works = await claim(tx, steps, shipment_id)
        claimed.extend(works)
        return works

    monkeypatch.setattr(booking, "_claim", noted)
    parcel = Parcel()
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    as_it_was = next(work for work in claimed if str(work.job.shipment_id) == shown["id"])
    assert as_it_was.job.carrier_shipment_id is None

    with pytest.raises(booking.OvertakenError) as overtaken:
        await booking.perform(as_it_was)
    async with shipping.database.transaction() as tx:
        await record_booking(tx, as_it_was, Outcome(error=overtaken.value))

    assert len(await shipping.sold(parcel)) == 1
    assert parts(await shipping.shipment(parcel), "labels") == parts(shown, "labels")


async def test_a_parcel_that_leaves_while_its_label_is_given_back_is_flagged(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    path = f"/internal/parcels/{parcel.parcel_id}/void"

    async with shipping.database.transaction() as tx:
        await tx.execute("select from shipment where parcel_id = $1 for no key update", parcel.parcel_id)
        giving_back = asyncio.create_task(shipping.post(Role.SERVICE, path, CRUSHED))
        await wait_until_held_up(shipping.database, giving_back)
        leaving = asyncio.create_task(shipping.hear(parcel_handed_over(parcel, str(shown["tracking_number"]))))
        await wait_until_held_up(shipping.database, giving_back, leaving)
    assert (await giving_back).is_success
    await leaving

    told = await shipping.told(parcel, ShipmentProgressed)
    assert [(fact["exception"], fact["position"]) for fact in told] == [("voided_label_used", "handed_over")]


async def _calls(tx: Transaction) -> list[UUID]:
    """Claim the calls to the carrier that will be due tomorrow; give their labels."""
    tx.now += timedelta(days=2)
    steps = label_queries.SETTLING_STEPS
    return [job.label_id for job in await label_queries.claim_jobs(tx, lease=clock.real(), steps=steps, limit=16)]


async def test_of_two_who_would_call_the_carrier_for_a_label_one_does(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    await shipping.until(parcel, "label_purchased")
    async with shipping.database.transaction() as tx:
        label_id = await tx.value("select label_id from shipment where parcel_id = $1", parcel.parcel_id)
        label = await label_queries.get_label(tx, label_id)
        assert label is not None
        await label_queries.put_job(tx, label, Step.CHECK_REFUND, tx.now + timedelta(days=1))

    async def other() -> list[UUID]:
        async with shipping.database.transaction() as tx:
            return await _calls(tx)

    async with shipping.database.transaction() as tx:
        first = await _calls(tx)
        claiming = asyncio.create_task(other())
        await wait_until_held_up(shipping.database, claiming)

    assert label_id in first
    assert not set(first) & set(await claiming)


async def test_a_message_that_comes_twice_at_once_is_taken_once(shipping: ShippingRig) -> None:
    number = f"94{Parcel().parcel_id.hex[-18:]}"
    body = message(number, (1, "in_transit", "picked_up"))
    said = parse_tracker(json.dumps(json.loads(body)["result"]).encode())

    async with shipping.database.transaction() as tx:
        assert await record_tracking(tx, ADAPTER, said, Source.WEBHOOK) == 1
        again = asyncio.create_task(send(shipping, body))
        await wait_until_held_up(shipping.database, again)

    assert (await again).status_code == 204
    async with shipping.database.transaction() as tx:
        assert await tx.value("select count(*) from tracking_event where tracking_number = $1", number) == 1


async def test_a_parcel_is_one_shipment_and_what_the_carrier_sold_is_one_label(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    await shipping.until(parcel, "label_purchased")
    its = {"parcel_id": parcel.parcel_id}
    given_back = {"state": "void_requested", "void_requested_at": str(clock.now())}
    await refuse_twin(shipping.database, "shipment_parcel_id_key", "shipment", its)
    await refuse_twin(shipping.database, "label_adapter_carrier_shipment_id_key", "label", its, **given_back)
