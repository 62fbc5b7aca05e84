"""What a remedy makes whole: the units its case is about, each of them once, and only for the trouble it answers."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from shared.auth import Role
from shared.events import inventory, orders, shipping
from shared.events.base import Destination, LineCount, Money
from shared.ids import new_id
from tests.care.conftest import DAY, HOUR, MINUTE, Json, Order, now, progress
from tests.care.rig import CareRig
from tests.waiting import until_waiting


@dataclass
class TwoParcels:
    """An order of two lines that travels in two parcels, one line in each."""

    care: CareRig
    value: int = 24_00
    promised_in: int = 60

    def __post_init__(self) -> None:
        self.order_id = new_id()
        self.carrier = f"carrier-{new_id()}"
        self.lines = (new_id(), new_id())
        self.parcels = (new_id(), new_id())

    async def left_the_house(self) -> "TwoParcels":
        await self.care.tell(
            orders.OrderPlaced(
                order_id=self.order_id,
                number=f"T-{str(self.order_id)[-8:]}",
                reference=str(self.order_id),
                storefront_id=new_id(),
                lines=tuple(
                    orders.OrderLine(line_id=line_id, reference=sku, sku=sku, quantity=1)
                    for line_id, sku in zip(self.lines, ("MUG-1", "CAP-1"), strict=True)
                ),
                destination=Destination(country_code="DE", postal_zone="10"),
                service_level="standard",
                promise=orders.Promise(
                    revision=1, ship_by=now() + DAY, deliver_by_latest=now() + self.promised_in * DAY
                ),
                value=Money(amount=self.value, currency="EUR"),
                progress=progress("placed"),
            )
        )
        for line_id, parcel_id in zip(self.lines, self.parcels, strict=True):
            await self.handed_over(line_id, parcel_id)
            await self.scanned(parcel_id)
            await self.care.later(MINUTE)
        return self

    async def handed_over(self, line_id: UUID, parcel_id: UUID) -> None:
        units = (LineCount(line_id=line_id, sku="SKU", quantity=1),)
        await self.care.tell(
            inventory.ParcelHandedOver(
                order_id=self.order_id,
                parcel_id=parcel_id,
                fulfilment_id=new_id(),
                location="berlin",
                contents=units,
                handed_over=units,
                tracking_number=str(parcel_id),
                manifest=str(parcel_id),
                progress=progress("handed_over", holder="carrier"),
            )
        )

    async def scanned(self, parcel_id: UUID, position: str = "in_transit", exception: str = "") -> None:
        await self.care.tell(
            shipping.ShipmentProgressed(
                order_id=self.order_id,
                shipment_id=parcel_id,
                parcel_id=parcel_id,
                carrier=self.carrier,
                service="Ground",
                tracking_number=str(parcel_id),
                position=position,
                flags=("damaged",) if exception == "damage" else (),
                exception=exception,
                scanned_at=now(),
            )
        )

    async def delivered(self, parcel_id: UUID) -> None:
        await self.care.tell(
            shipping.ShipmentDelivered(
                order_id=self.order_id,
                shipment_id=parcel_id,
                parcel_id=parcel_id,
                carrier=self.carrier,
                service="Ground",
                tracking_number=str(parcel_id),
                delivered_at=now(),
            )
        )

    async def remedies(self) -> list[Json]:
        return await self.care.rows("select * from remedy where order_id = $1 order by asked_at, id", self.order_id)


def lines_of(remedy: Json) -> list[UUID]:
    return [UUID(unit["line_id"]) for unit in remedy["lines"]]


async def test_only_what_was_damaged_is_sent_again_by_itself(care: CareRig) -> None:
    order = await TwoParcels(care).left_the_house()
    sound, broken = order.parcels
    await order.delivered(sound)
    await order.scanned(broken, "delivered", "damage")
    (reship,) = await order.remedies()
    assert (reship["kind"], reship["automatic"], lines_of(reship)) == ("reship", True, [order.lines[1]])
    assert reship["cost"] == order.value // 2


async def test_a_reshipment_of_a_lost_parcel_names_the_parcel_that_may_still_turn_up(care: CareRig) -> None:
    order = await TwoParcels(care).left_the_house()
    _, missing = order.parcels
    await order.scanned(missing, "lost", "lost")
    (reship,) = await order.remedies()
    assert (reship["kind"], reship["parcel_id"], lines_of(reship)) == ("reship", missing, [order.lines[1]])


async def test_a_parcel_that_is_only_late_is_not_sent_again_beside_a_lost_one(care: CareRig) -> None:
    order = await TwoParcels(care, promised_in=3).left_the_house()
    late, missing = order.parcels
    await care.tell(
        shipping.ShipmentProgressed(
            order_id=order.order_id,
            shipment_id=late,
            parcel_id=late,
            carrier=order.carrier,
            service="Ground",
            tracking_number=str(late),
            position="in_transit",
            scanned_at=now(),
            estimate=shipping.Estimate(deliver_at=now() + 9 * DAY, source="carrier"),
        )
    )
    (new_date,) = await order.remedies()
    await care.tell(orders.RemedyExecuted(order_id=order.order_id, remedy_id=new_date["id"], kind="new_promise"))
    await order.scanned(missing, "lost", "lost")
    (reship,) = [one for one in await order.remedies() if one["kind"] == "reship"]
    assert lines_of(reship) == [order.lines[1]]


async def test_units_that_a_remedy_cancelled_are_not_taken_off_twice(care: CareRig) -> None:
    order = await Order(care, value=120_00, quantity=2, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned("lost")
    case = await care.case(order.order_id, kind="lost")
    one = [{"line_id": str(order.line_id), "quantity": 1}]
    cancel = await care.act(f"/cases/{case['id']}/remedies", {"kind": "cancel_line", "reason": "asked", "lines": one})
    await care.tell(
        orders.LinesCancelled(
            order_id=order.order_id,
            cancellation_id=new_id(),
            lines=(LineCount(line_id=order.line_id, sku="MUG-1", quantity=1),),
        )
    )
    await order.remedy_executed(cancel)
    await care.later(HOUR)
    left = (await care.get(f"/cases/{case['id']}"))["units"]
    assert [unit["quantity"] for unit in left] == [1]


async def test_a_report_stays_with_the_parcel_that_had_left_when_it_was_made(care: CareRig) -> None:
    order = await TwoParcels(care).left_the_house()
    third = new_id()
    await care.act("/reports", {"order_id": str(order.order_id), "kind": "missing_item"})
    await order.handed_over(order.lines[0], third)
    await care.later(DAY)
    subjects = await care.rows("select subject, cleared_at from exception where kind = 'missing_item'")
    assert subjects == [{"subject": f"parcel:{order.parcels[1]}", "cleared_at": None}]


async def test_a_report_from_before_the_hand_over_is_about_the_first_parcel_that_leaves(care: CareRig) -> None:
    order = await Order(care).placed()
    await care.act("/reports", {"order_id": str(order.order_id)})
    await order.handed_over()
    (found,) = await care.rows("select subject from exception where kind = 'damage'")
    assert found["subject"] == f"parcel:{order.parcel_id}"


async def test_a_report_made_while_the_parcel_leaves_is_about_it(care: CareRig) -> None:
    order = await Order(care).placed()
    await order.planned(now())
    async with care.database.transaction() as tx:
        # The hand-over is written and cannot be committed yet: it waits for its fulfilment.
        await tx.execute("select from watch_fulfilment where fulfilment_id = $1 for update", order.fulfilment_id)
        leaves = asyncio.create_task(order.leaves(now()))
        await until_waiting(care.database)
        reports = asyncio.create_task(care.post("/reports", {"order_id": str(order.order_id)}))
        await until_waiting(care.database, 2)
    await leaves
    assert (await reports).is_success
    await care.rest()
    (report,) = await care.rows("select parcel_id from watch_report where order_id = $1", order.order_id)
    assert report["parcel_id"] == order.parcel_id


async def test_a_report_names_no_parcel_of_another_order(care: CareRig) -> None:
    mine, other = Order(care), Order(care)
    for order in (mine, other):
        await (await order.placed()).handed_over()
    body = {"order_id": str(mine.order_id), "parcel_id": str(other.parcel_id)}
    refused = await care.post("/reports", body)
    assert refused.status_code == 422
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [
        ("/parcel_id", "unknown_parcel")
    ]


async def test_only_the_parcel_that_was_scanned_as_delivered_can_be_missed(care: CareRig) -> None:
    order = await TwoParcels(care).left_the_house()
    there, on_its_way = order.parcels
    await order.delivered(there)
    body = {"order_id": str(order.order_id), "kind": "not_received"}
    early = await care.post("/reports", {**body, "parcel_id": str(on_its_way)})
    assert (early.status_code, early.json()["code"]) == (409, "not_delivered")
    await care.act("/reports", body)
    (found,) = await care.rows("select subject from exception where kind = 'not_received'")
    assert found["subject"] == f"parcel:{there}"


async def informed(care: CareRig, case: Json) -> None:
    async with care.database.transaction() as tx:
        await tx.execute(
            "update care_case set informed_at = $2, informed_how = 'email' where id = $1", case["id"], now()
        )


async def test_a_loss_is_not_made_good_by_an_apology(care: CareRig) -> None:
    order = await Order(care, value=120_00, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned("lost")
    case = await care.case(order.order_id, kind="lost")
    await informed(care, case)
    sorry = await care.act(f"/cases/{case['id']}/remedies", {"kind": "goodwill_credit", "reason": "sorry"})
    await order.remedy_executed(sorry)
    assert (await care.case(order.order_id, kind="lost"))["state"] == "open"
    refund = await care.act(f"/cases/{case['id']}/remedies", {"kind": "refund", "reason": "lost"}, role=Role.CARE_LEAD)
    await order.remedy_executed(refund)
    assert (await care.case(order.order_id, kind="lost"))["state"] == "resolved"


async def test_a_second_loss_is_not_made_good_by_the_reshipment_for_the_first(care: CareRig) -> None:
    order = await TwoParcels(care).left_the_house()
    first, second = order.parcels
    await order.scanned(first, "lost", "lost")
    (reship,) = await order.remedies()
    case = await care.case(order.order_id, kind="lost")
    await informed(care, case)
    await care.later(HOUR)
    await order.scanned(second, "lost", "lost")
    await executed(care, order.order_id, reship)
    assert (await care.case(order.order_id, kind="lost"))["state"] != "resolved"


async def test_what_a_person_took_up_again_is_not_ended_by_what_was_done_before(care: CareRig) -> None:
    order = await Order(care, value=12_00, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await care.later(HOUR)
    (reship,) = await care.rows("select * from remedy where order_id = $1", order.order_id)
    await order.remedy_executed(reship)
    case = await care.case(order.order_id, state="resolved")
    await care.act(f"/cases/{case['id']}/reopen", {"reason": "it came broken again"})
    again = await care.case(order.order_id)
    assert (again["state"], again["informed_at"]) == ("in_progress", None)
    await care.later(HOUR)
    assert (await care.case(order.order_id))["state"] == "in_progress"


async def test_a_reshipment_called_off_before_it_left_leaves_its_units_owed_and_a_person_to_decide(
    care: CareRig,
) -> None:
    order = await Order(care, value=12_00, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    (reship,) = await care.rows("select * from remedy where order_id = $1", order.order_id)
    await order.remedy_executed(reship)
    assert await owed(care, order.order_id) == [(2, 12_00)]
    await order.remedy_refused(reship, "reship_called_off")
    assert await owed(care, order.order_id) == [(0, 0)]
    case = await care.case(order.order_id)
    assert case["next_action"] == "reship was refused (reship called off): choose another remedy"
    remedies = await care.rows("select kind, state from remedy where order_id = $1", order.order_id)
    assert remedies == [{"kind": "reship", "state": "refused"}]
    (left,) = (await care.get(f"/cases/{case['id']}"))["units"]
    assert left["quantity"] == 2


async def test_a_reshipment_called_off_after_its_case_ended_is_noted_there(care: CareRig) -> None:
    order = await Order(care, value=12_00, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await care.later(HOUR)
    (reship,) = await care.rows("select * from remedy where order_id = $1", order.order_id)
    await order.remedy_executed(reship)
    await order.remedy_refused(reship, "reship_called_off")
    case = await care.case(order.order_id, state="resolved")
    entries = await care.rows("select act from case_entry where case_id = $1 order by id", case["id"])
    assert entries[-1]["act"] == "refused"


async def owed(care: CareRig, order_id: UUID) -> list[tuple[int, int]]:
    """Give the units made whole and what was spent on it."""
    rows = await care.rows(
        "select l.made_whole, coalesce((select sum(spent) from authority_use), 0)::int as spent from watch_line l "
        "where l.order_id = $1",
        order_id,
    )
    return [(row["made_whole"], row["spent"]) for row in rows]


async def executed(care: CareRig, order_id: UUID, remedy: Json) -> None:
    await care.tell(orders.RemedyExecuted(order_id=order_id, remedy_id=remedy["id"], kind=remedy["kind"]))
