"""What stays longer in its state than it may is told of once, listed until it moves on, and then no more."""

from datetime import timedelta

from deploy.local.stack import LocalStack
from shared import clock
from tests.inventory.floor import Floor
from tests.inventory.lab import Json, Lab, Line, order_placed


async def look(lab: Lab) -> None:
    """Let the hour of the next look come."""
    async with lab.database.transaction() as tx:
        await tx.execute("update overdue_look set due_at = $1", clock.now())
    await lab.run_jobs()


async def age(lab: Lab, table: str, identity: str, days: int) -> None:
    """Let a thing have stood in its state for so many days."""
    async with lab.database.transaction() as tx:
        assert await tx.execute(
            f"update {table} set since = since - make_interval(days => $2) where id = $1", identity, days
        )


async def overdue(lab: Lab, subject: str) -> list[Json]:
    rows = (await lab.get("/staff/overdue", limit=500))["data"]
    return [row for row in rows if row["subject"] == subject]


async def test_a_parcel_left_on_the_bench_is_overdue_until_it_leaves(lab: Lab, stack: LocalStack) -> None:
    floor = Floor(lab, stack)
    sku, place = await lab.stocked(1)
    order, parcel, number = await floor.ready(sku, place)
    await look(lab)
    assert await overdue(lab, parcel["id"]) == []

    await age(lab, "parcel", parcel["id"], 2)
    await look(lab)
    await look(lab)
    (row,) = await overdue(lab, parcel["id"])
    await floor.hand_over(place, number)
    await look(lab)

    assert (row["kind"], row["state"], row["order_id"]) == ("parcel", "labelled", str(order.order_id))
    assert await overdue(lab, parcel["id"]) == []


async def test_a_reservation_for_a_later_day_is_not_overdue_before_it(lab: Lab) -> None:
    sku, _ = await lab.stocked(2)
    later = order_placed(Line(sku, 1), ship_after=clock.now() + timedelta(days=40))
    soon = order_placed(Line(sku, 1))
    await lab.tell(later)
    await lab.tell(soon)
    ids = [
        (await lab.get("/staff/reservations", order_id=str(order.order_id)))["data"][0]["id"] for order in (later, soon)
    ]

    for identity in ids:
        await age(lab, "reservation", identity, 15)
    await look(lab)

    assert [len(await overdue(lab, identity)) for identity in ids] == [0, 1]


async def test_an_inbound_that_nobody_unloads_is_overdue(lab: Lab) -> None:
    sku, place = await lab.stocked(1)
    lines = [{"sku": sku, "quantity": 5}]
    inbound = await lab.do(
        "/staff/inbounds",
        {"location": place, "reference": "PO-1", "expected_at": clock.now().isoformat(), "lines": lines},
    )
    await lab.do(f"/staff/inbounds/{inbound['id']}/arrive")

    await age(lab, "inbound", inbound["id"], 2)
    await look(lab)

    (row,) = await overdue(lab, inbound["id"])
    assert (row["kind"], row["state"], row["order_id"]) == ("inbound", "arrived", None)
