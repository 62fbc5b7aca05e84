"""What waits at a location is counted by the service, and the lists of it are narrowed there, however long they are."""

from datetime import timedelta

from deploy.local.stack import LocalStack
from shared import clock
from shared.ids import new_id
from tests.inventory.floor import Floor
from tests.inventory.lab import Json, Lab, Line


async def test_work_is_counted_by_whose_hands_it_is_in(lab: Lab, stack: LocalStack) -> None:
    floor = Floor(lab, stack)
    sku, place = await lab.stocked(20)
    orders = {}
    for stage in ("packed", "packing", "picked"):
        orders[stage] = await floor.release(Line(sku, 2))
        picks = await floor.pick_all(place)
        fulfilment = picks["tasks"][0]["fulfilment_id"]
        if stage == "packed":
            await floor.pack(fulfilment)
        elif stage == "packing":
            await floor.do(f"/staff/fulfilments/{fulfilment}/parcels", {"contents": [{"barcode": sku, "quantity": 1}]})
    orders["picking"] = await floor.release(Line(sku, 2))
    picks = await floor.next_list(place)
    await floor.scan(picks, sku, 1, picks["tasks"][0]["tote"])
    orders["open"] = await floor.release(Line(sku, 1))

    counted = (await lab.get("/staff/workload", location=place))["works"]
    ready = (await lab.get("/staff/fulfilments", location=place, stage="picked"))["data"]

    assert {work["stage"]: work["count"] for work in counted} == dict.fromkeys(orders, 1)
    assert not any(work["late"] for work in counted)
    assert [work["order_id"] for work in ready] == [str(orders["picked"].order_id)]


async def test_parcels_are_listed_by_states_and_carrier_and_counted_whole(lab: Lab, stack: LocalStack) -> None:
    floor = Floor(lab, stack)
    sku, place = await lab.stocked(20)
    closed = []
    for carrier in ("", "USPS", "USPS", "DHL"):
        await floor.release(Line(sku, 1))
        picks = await floor.pick_all(place)
        parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"])
        if carrier:
            await floor.book(parcel, carrier)
        else:
            closed.append(parcel["id"])

    async def listed(**wanted: str | list[str]) -> list[Json]:
        answer = await lab.client.get("/staff/parcels", params={"location": place, **wanted})
        assert answer.is_success, answer.text
        found: list[Json] = answer.json()["data"]
        return found

    counted = (await lab.get("/staff/workload", location=place))["parcels"]
    assert [(row["state"], row["carrier"], row["count"]) for row in counted] == [
        ("closed", "", 1), ("labelled", "DHL", 1), ("labelled", "USPS", 2),
    ]  # fmt: skip
    assert len(await listed(state=["staged", "labelled"], carrier="usps")) == 2
    assert len(await listed(state=["staged", "labelled"], carrier="usps", limit="1")) == 1
    assert [parcel["id"] for parcel in await listed(state="closed")] == closed
    assert len(await listed()) == 4


async def test_a_delivery_that_is_long_expected_is_first_however_many_came_after(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    ids = []
    for days in (-3, 2, 1):
        body = {
            "location": place, "reference": str(new_id()), "lines": [{"sku": sku, "quantity": 1}],
            "expected_at": (clock.now() + timedelta(days=days)).isoformat(),
        }  # fmt: skip
        ids.append((await lab.do("/staff/inbounds", body))["id"])
    await lab.do(f"/staff/inbounds/{ids[2]}/close")

    first = (await lab.get("/staff/inbounds", location=place, expected="true", limit="1"))["data"]
    every = (await lab.get("/staff/inbounds", location=place, expected="true"))["data"]

    assert [inbound["id"] for inbound in first] == [ids[0]]
    assert [inbound["id"] for inbound in every] == ids[:2]
    assert (await lab.get("/staff/workload", location=place))["inbounds"] == 2
