"""Labels that a restored database does not know: taken over by the parcels that wait for them, or given back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.shipping.models import Step
from services.shipping.queries import labels as label_queries
from shared import clock
from shared.auth import Role
from tests.shipping.rig import Parcel, ShippingRig, parcel_closed
from tests.waiting import wait_until

PAUSE = {"kind": "booking", "scope": "*", "reason": "a restore"}


@asynccontextmanager
async def booking_paused(shipping: ShippingRig) -> AsyncIterator[None]:
    assert (await shipping.post(Role.OPERATOR, "/staff/pauses", PAUSE)).is_success
    try:
        yield
    finally:
        assert (await shipping.post(Role.OPERATOR, "/staff/pauses/resume", PAUSE)).is_success


async def restore_to_before(shipping: ShippingRig, parcel: Parcel) -> None:
    """Forget a parcel's shipment and all that was made for it."""
    async with shipping.database.transaction() as tx:
        of_it = "shipment_id in (select id from shipment where parcel_id = $1)"
        await tx.execute(f"delete from label_file where label_id in (select id from label where {of_it})",
                         parcel.parcel_id)  # fmt: skip
        await tx.execute("update shipment set label_id = null where parcel_id = $1", parcel.parcel_id)
        for table in ("carrier_job", "tracking_event", "label"):
            await tx.execute(f"delete from {table} where {of_it}", parcel.parcel_id)
        await tx.execute("delete from shipment where parcel_id = $1", parcel.parcel_id)


async def asked(shipping: ShippingRig, parcel: Parcel) -> bool:
    """Say whether the carrier's answer to a void is recorded: what is left is to ask how it was settled, or nothing."""
    async with shipping.database.transaction() as tx:
        steps = await tx.fetch(
            "select j.step from carrier_job j join shipment s on s.id = j.shipment_id where s.parcel_id = $1",
            parcel.parcel_id,
        )
    return all(row["step"] == Step.CHECK_REFUND for row in steps)


async def reconcile(shipping: ShippingRig, *, give_back: bool = False) -> dict[str, str]:
    """Reconcile with the carrier; give what became of each label that was not known, by its number."""
    since = (clock.now() - timedelta(hours=1)).isoformat()
    body = {"since": since, "give_back": give_back, "reason": "a restore"}
    answer = await shipping.post(Role.OPERATOR, "/staff/carrier-labels/reconcile", body)
    assert answer.status_code == 200, answer.text
    return {one["tracking_number"]: one["outcome"] for one in answer.json()["data"]}


async def test_a_parcel_whose_label_was_forgotten_takes_it_over_and_none_is_bought(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    number = str((await shipping.until(parcel, "label_purchased"))["tracking_number"])
    async with booking_paused(shipping):
        await restore_to_before(shipping, parcel)
        await shipping.hear(parcel_closed(parcel))
        assert await reconcile(shipping) == {number: "taken_over"}
        assert await reconcile(shipping) == {}

    assert (await shipping.until(parcel, "label_purchased"))["tracking_number"] == number
    assert len(await shipping.sold(parcel)) == 1


async def test_a_label_of_no_parcel_is_named_and_given_back_only_when_that_is_asked(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    number = str(shown["tracking_number"])
    await restore_to_before(shipping, parcel)

    assert await reconcile(shipping) == {number: "unknown"}
    assert await reconcile(shipping, give_back=True) == {number: "given_back"}
    assert await reconcile(shipping, give_back=True) == {}
    audited = (await shipping.as_role(Role.OPERATOR).get("/staff/audit")).json()["data"]
    assert [(row["act"], row["after"]) for row in audited][:1] == [("label.reconcile", "given_back")]


async def test_a_label_whose_giving_back_was_forgotten_is_not_refused_the_second_time(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    path, crushed = f"/staff/shipments/{shown['id']}/void", {"reason": "the box was crushed"}
    assert (await shipping.post(Role.WAREHOUSE_LEAD, path, crushed)).is_success
    await wait_until(lambda: asked(shipping, parcel), what="the carrier is asked")

    async with shipping.database.transaction() as tx:  # as if the backup were of the moment before
        label_id = await tx.value("select label_id from shipment where parcel_id = $1", parcel.parcel_id)
        label = await label_queries.get_label(tx, label_id)
        assert label is not None
        await label_queries.put_job(tx, label, Step.VOID, tx.now)

    await wait_until(lambda: asked(shipping, parcel), what="the carrier is asked again")
    assert (await shipping.shipment(parcel))["status"] in {"void_requested", "voided"}


async def test_when_the_carrier_does_not_answer_the_operator_is_told_to_come_back(shipping: ShippingRig) -> None:
    fault = {"kind": "server_error", "route": "GET /v2/shipments$", "times": 3}
    assert (await shipping.carrier.post("/simulator/faults", json=fault)).is_success
    body = {"since": clock.now().isoformat(), "reason": "a restore"}

    refused = await shipping.post(Role.OPERATOR, "/staff/carrier-labels/reconcile", body)

    assert (refused.status_code, refused.json()["code"]) == (503, "carrier_away")
