"""Shipping follows when a customer is forgotten: no label, no place and no word of a scan is left, numbers are."""

import asyncio

from services.shipping.carriers.base import Address, CarrierRejectedError, FieldReason
from services.shipping.queries import labels as label_queries
from shared.auth import Role
from shared.events.orders import CustomerErased
from tests.shipping.rig import Parcel, ShippingRig, parts, step
from tests.waiting import wait_until_held_up

SCAN = {"message": "left with a neighbour", "city": "REDONDO BEACH", "state": "CA", "zip": "90277"}


async def delivered(shipping: ShippingRig) -> tuple[Parcel, dict[str, object]]:
    """Send a parcel to its customer's door; gives it and its shipment."""
    parcel = Parcel()
    await shipping.journey(
        parcel, step(0, "in_transit", "picked_up"), step(0, "delivered", "arrived_at_destination", **SCAN)
    )
    await shipping.close(parcel)
    booked = await shipping.until(parcel, "label_purchased")
    await shipping.hand_over(parcel, str(parts(booked, "labels")[0]["tracking_number"]))
    return parcel, await shipping.until(parcel, "delivered")


async def test_label_files_and_what_scans_tell_go_and_the_rest_stays(shipping: ShippingRig) -> None:
    parcel, before = await delivered(shipping)
    other, _ = await delivered(shipping)
    assert "neighbour" in str(before)

    await shipping.hear(CustomerErased(order_id=parcel.order_id))

    after = await shipping.shipment(parcel)
    assert [word for word in ("neighbour", "REDONDO", "90277") if word in str(after)] == []
    assert after["status"] == "delivered"
    assert parts(after, "labels")[0]["tracking_number"] == parts(before, "labels")[0]["tracking_number"]
    assert await files_of(shipping, parcel) == [False]
    assert await files_of(shipping, other) == [True]
    assert "neighbour" in str(await shipping.shipment(other))


async def test_a_label_in_another_format_goes_with_its_file_and_is_fetched_no_more(shipping: ShippingRig) -> None:
    parcel, shown = await delivered(shipping)
    other, others = await delivered(shipping)
    picker = shipping.as_role(Role.PICKER)
    for shipment in (shown, others):
        assert (await picker.get(f"/staff/shipments/{shipment['id']}/label?format=zpl")).status_code == 200

    await shipping.hear(CustomerErased(order_id=parcel.order_id))

    assert [await copies_of(shipping, one) for one in (parcel, other)] == [0, 1]
    for wanted in ("zpl", "pdf"):
        gone = await picker.get(f"/staff/shipments/{shown['id']}/label?format={wanted}")
        assert (gone.status_code, gone.json()["code"]) == (409, "label_not_ready")


async def test_a_label_forgotten_while_another_format_of_it_is_fetched_stays_forgotten(shipping: ShippingRig) -> None:
    parcel, _ = await delivered(shipping)

    async def keep() -> None:
        async with shipping.database.transaction() as tx:
            await label_queries.keep_copy(tx, label_id, "zpl", "application/zpl", b"^XA")

    async with shipping.database.transaction() as tx:
        label_id = await tx.value("select label_id from shipment where order_id = $1", parcel.order_id)
        await tx.execute("delete from label_file where label_id = $1", label_id)
        keeping = asyncio.create_task(keep())
        await wait_until_held_up(shipping.database, keeping)
    await keeping

    assert await copies_of(shipping, parcel) == 0


async def copies_of(shipping: ShippingRig, parcel: Parcel) -> int:
    """Count the labels of an order that are kept in other formats."""
    async with shipping.database.transaction() as tx:
        return int(
            await tx.value(
                "select count(*) from label_copy c join shipment s on s.label_id = c.label_id where s.order_id = $1",
                parcel.order_id,
            )
        )


async def files_of(shipping: ShippingRig, parcel: Parcel) -> list[bool]:
    """Say of each label of an order whether its file is there; its address at the carrier goes with it."""
    async with shipping.database.transaction() as tx:
        rows = await tx.fetch(
            "select l.id, l.url from label l join shipment s on s.id = l.shipment_id where s.order_id = $1",
            parcel.order_id,
        )
        found = [await label_queries.get_file(tx, row["id"]) is not None for row in rows]
    assert [row["url"] is not None for row in rows] == found
    return found


async def test_an_export_holds_the_label_and_the_scans(shipping: ShippingRig) -> None:
    parcel, _ = await delivered(shipping)
    answer = await shipping.as_role(Role.ADMIN).get(f"/staff/personal-data/{parcel.order_id}")
    data = answer.json()["data"]
    assert len(data["label_file"]) == 1
    assert "left with a neighbour" in [row["message"] for row in data["tracking_event"]]


def test_a_refusal_is_told_without_the_address_it_quotes() -> None:
    recipient = Address(
        name="Elizabeth Swan", line1="179 N Harbor Dr", city="Redondo Beach", postal_code="90277", country_code="US"
    )
    refusal = CarrierRejectedError(
        "ADDRESS.VERIFY.FAILURE",
        "No such house: 179 N HARBOR DR, Redondo Beach",
        (FieldReason("name", "Elizabeth Swan is unknown"), FieldReason("city", "?")),
    )

    told = refusal.without(recipient.words())

    assert told.in_words() == "No such house: …, … (name: … is unknown; city: ?)"
    assert told.code == refusal.code
