"""Labels between two chairs: bookings an operator pauses, attempts that come back late, voids under way."""

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from services.shipping.actions.booking import Done, LabelFile, Work
from services.shipping.actions.outcomes import record_booking, record_settlement
from services.shipping.models import Step
from services.shipping.queries import labels as label_queries
from shared.auth import Role
from shared.events.inventory import LocationSaved
from shared.events.shipping import LabelVoidRequested, ShipmentProgressed
from shared.jobs import Outcome
from tests.shipping.rig import Parcel, ShippingRig, parcel_handed_over
from tests.waiting import wait_until

if TYPE_CHECKING:
    from services.shipping.queries.labels import ClaimedJob


SOUTH = LocationSaved(
    location="SOUTH", name="South", country_code="US", postal_code="90210", zone="902", time_zone="UTC"
)


async def test_booking_paused_for_a_location_stops_that_location_only(shipping: ShippingRig) -> None:
    held, free = Parcel(location="SOUTH"), Parcel(location="NORTH")
    await shipping.hear(SOUTH)
    switch = {"kind": "booking", "scope": "SOUTH", "reason": "the printer there is broken"}
    assert (await shipping.post(Role.OPERATOR, "/staff/pauses", switch)).is_success
    try:
        await shipping.close(held)
        await shipping.close(free)
        await shipping.until(free, "label_purchased")
        bench = await shipping.as_role(Role.SERVICE).post(f"/internal/parcels/{held.parcel_id}/label?wait=1")
        assert (bench.status_code, bench.json()["code"]) == (503, "paused")
        assert await shipping.sold(held) == []
    finally:
        assert (await shipping.post(Role.OPERATOR, "/staff/pauses/resume", switch)).is_success
    await shipping.until(held, "label_purchased")


async def test_nothing_is_bought_of_a_carrier_that_is_paused(shipping: ShippingRig) -> None:
    known, held = Parcel(), Parcel()
    await shipping.close(known)
    await shipping.until(known, "label_purchased")
    switch = {"kind": "booking", "scope": "SimPost", "reason": "their drivers are on strike"}
    assert (await shipping.post(Role.OPERATOR, "/staff/pauses", switch)).is_success
    try:
        await shipping.close(held)
        await wait_until(lambda: _tried(shipping, held), what="the booking is tried and given back")
        assert await shipping.sold(held) == []
    finally:
        assert (await shipping.post(Role.OPERATOR, "/staff/pauses/resume", switch)).is_success
    await shipping.until(held, "label_purchased")


async def _tried(shipping: ShippingRig, parcel: Parcel) -> bool:
    async with shipping.database.transaction() as tx:
        error = await tx.value(
            "select j.last_error from carrier_job j join shipment s on s.id = j.shipment_id where s.parcel_id = $1",
            parcel.parcel_id,
        )
    return "paused by an operator" in (error or "")


async def test_a_location_that_is_saved_again_is_still_one(shipping: ShippingRig) -> None:
    await shipping.hear(SOUTH, SOUTH.model_copy(update={"name": "Far South"}))

    assert SOUTH.location not in shipping.applier.parked_keys
    async with shipping.database.transaction() as tx:
        assert await tx.value("select count(*) from location_copy where location = $1", SOUTH.location) == 1


@pytest.mark.parametrize(("kind", "scope"), [("booking", "NOWHERE"), ("polling", "SOUTH")])
async def test_a_scope_that_shipping_would_ignore_is_refused(shipping: ShippingRig, kind: str, scope: str) -> None:
    switch = {"kind": kind, "scope": scope, "reason": "a try"}
    refused = await shipping.post(Role.OPERATOR, "/staff/pauses", switch)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "unknown_scope"


async def test_an_attempt_that_comes_back_late_leaves_the_void_in_its_place(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.fault(parcel, "slow", route="/buy$", times=1, seconds=1)
    await shipping.close(parcel)
    await shipping.until(parcel, "booking")
    work = await _attempt(shipping, parcel)
    label_id = work.job.label_id
    await shipping.until(parcel, "label_purchased")
    async with shipping.database.transaction() as tx:
        label = await label_queries.get_label(tx, label_id)
        assert label is not None
        await label_queries.put_job(tx, label, Step.VOID, tx.now + timedelta(days=1))
        await record_booking(tx, work, Outcome(error=TimeoutError()))
        left = await tx.value("select step from carrier_job where label_id = $1", label_id)
    assert left == "void"


async def _attempt(shipping: ShippingRig, parcel: Parcel) -> Work:
    """Give a call for the label a parcel has now, or is being booked."""
    async with shipping.database.transaction() as tx:
        row = await tx.row("select id, label_id from shipment where parcel_id = $1", parcel.parcel_id)
    assert row is not None
    job = SimpleNamespace(shipment_id=row["id"], label_id=row["label_id"])
    return Work(shipping.database, cast("ClaimedJob", job))


async def test_a_label_fetched_twice_is_kept_as_it_was_first_printed(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    await shipping.until(parcel, "label_purchased")
    path = f"/staff/parcels/{parcel.parcel_id}/label"
    first = (await shipping.post(Role.PICKER, path, {})).json()
    work = await _attempt(shipping, parcel)

    async with shipping.database.transaction() as tx:
        await record_settlement(tx, work, Outcome(Done(file=LabelFile("image/png", b"the same in other bytes"))))

    assert (await shipping.post(Role.PICKER, path, {})).json() == first


async def test_a_parcel_that_left_while_its_void_was_under_way_is_recorded_and_flagged(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    path = f"/staff/shipments/{shown['id']}/void"
    assert (await shipping.post(Role.WAREHOUSE_LEAD, path, {"reason": "box was crushed"})).is_success
    await shipping.hear(parcel_handed_over(parcel, str(shown["tracking_number"])))
    assert str(parcel.order_id) not in shipping.applier.parked_keys
    left = await shipping.shipment(parcel)
    assert left["handed_over_at"] is not None
    assert (left["status"], left["flags"]) == ("handed_over", ["voided_label_used"])
    told = await shipping.told(parcel, ShipmentProgressed)
    assert [(fact["exception"], fact["position"]) for fact in told] == [("voided_label_used", "handed_over")]


async def test_a_void_says_who_holds_the_parcel_until_when(shipping: ShippingRig) -> None:
    parcel = Parcel()
    await shipping.close(parcel)
    shown = await shipping.until(parcel, "label_purchased")
    path = f"/staff/shipments/{shown['id']}/void"
    assert (await shipping.post(Role.WAREHOUSE_LEAD, path, {"reason": "box was crushed"})).is_success
    (requested,) = await shipping.told(parcel, LabelVoidRequested)
    progress = cast("dict[str, str]", requested["progress"])
    assert (progress["step"], progress["holder"]) == ("void_requested", "carrier")
    assert progress["due_at"]
