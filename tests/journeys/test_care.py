"""What goes wrong on the way reaches care first, and the customer is made whole."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared import clock
from tests.journeys.shop import DAY, PRICE, PlacedOrder, Shop

SCANNED = {"after_hours": 3, "status": "in_transit", "status_detail": "picked_up"}
DELIVERED = {"after_hours": 30, "status": "delivered", "status_detail": "arrived_at_destination"}


async def case_of(shop: Shop, order: PlacedOrder, family: str) -> dict[str, object]:
    cases = [case for case in await shop.cases(order) if case["family"] == family]
    assert len(cases) == 1, cases
    return cases[0]


async def test_a_delay_is_a_case_before_the_promise_breaks_and_a_new_date_is_promised(shop: Shop) -> None:
    # Promised by the storefront: our own promise counts working days, and the days left would depend on today's.
    order = await shop.place(1, deliver_by=(clock.now() + 8 * DAY).date().isoformat())
    first = (await order.read())["promise"]["deliver_by_latest"]
    await shop.script(
        order,
        SCANNED,
        {"after_hours": 40, "status": "in_transit", "status_detail": "delayed"},
        {"after_hours": 24 * 14, "status": "delivered", "status_detail": "arrived_at_destination"},
    )
    await shop.ship()
    await shop.step(8 * DAY)
    exceptions = await shop.exceptions(order)
    assert exceptions["transit_risk"]["detected_at"] < first
    detail = await shop.care.act_get(f"/staff/cases/{(await case_of(shop, order, 'delivery'))['id']}")
    assert isinstance(detail, dict)
    remedies = [(remedy["kind"], remedy["state"]) for remedy in detail["remedies"]]  # type: ignore[union-attr,index,call-overload]
    assert remedies == [("new_promise", "executed")]
    current = (await order.read())["promise"]
    assert (current["revision"], current["source"]) == (2, "agent")
    assert current["deliver_by_latest"] > first
    await shop.step(8 * DAY)
    assert (await order.status())[1] == "delivered"


async def test_a_damaged_parcel_is_reshipped_and_the_customer_made_whole(shop: Shop) -> None:
    order = await shop.place(1)
    await shop.script(
        order, SCANNED, {"after_hours": 20, "status": "in_transit", "status_detail": "damaged"},
        {"after_hours": 44, "status": "return_to_sender", "status_detail": "return"},
    )  # fmt: skip
    await shop.ship()
    await shop.step(DAY)
    case = await case_of(shop, order, "condition")
    remedies = await reshipped(shop, case)
    reship = PlacedOrder(shop, UUID(str(remedies[0]["reship_order_id"])), f"{order.reference}-R1")
    assert (await reship.read())["reference"] == f"{order.reference}-R1"
    await shop.script(reship, SCANNED, DELIVERED)
    await shop.until_morning()
    await shop.ship()
    await shop.step(3 * DAY)
    assert (await reship.status()) == ("completed", "delivered")
    assert (await case_of(shop, order, "condition"))["state"] in {"resolved", "closed"}
    assert (await shop.on_shelf(shop.north))["on_hand"] == 8


async def reshipped(shop: Shop, case: dict[str, object]) -> list[dict[str, object]]:
    """Give the case's executed reshipment; grant it if the playbook left that to a person."""
    detail = await shop.care.act_get(f"/staff/cases/{case['id']}")
    assert isinstance(detail, dict)
    remedies = [r for r in detail["remedies"] if isinstance(r, dict) and r["kind"] == "reship"]  # type: ignore[union-attr]
    if not remedies:
        await shop.grant(case, "reship")
        return await reshipped(shop, case)
    assert [remedy["state"] for remedy in remedies] == ["executed"]
    return remedies  # type: ignore[return-value]


async def test_a_lost_parcel_is_refunded_after_the_storefront_confirms(shop: Shop) -> None:
    order = await shop.place(10)
    await shop.script(order, SCANNED, {"after_hours": 24, "status": "failure", "status_detail": "lost"})
    await shop.ship()
    await order.pay("captured")
    await shop.step(2 * DAY)
    case = await case_of(shop, order, "delivery")
    remedy = await shop.grant(case, "refund")
    assert remedy["state"] in {"granted", "executed"}
    assert await shop.storefront.confirm_refunds() == 1
    await shop.driver.rest()
    read = await order.read()
    assert read["payment_status"] == "refunded"
    assert read["payment"]["refunded"] == 10 * PRICE or read["payment"]["refunded"]["amount"] == 10 * PRICE
    assert (await case_of(shop, order, "delivery"))["state"] in {"resolved", "closed"}


async def test_a_short_without_any_other_stock_becomes_a_case(shop: Shop) -> None:
    order = await shop.place(10)
    shop.luck.shelf[shop.skus[0]] = (3, "not_found")
    await shop.pick()
    await shop.step(timedelta(hours=1))
    assert (await order.status())[1] == "backordered"
    assert (await shop.exceptions(order))["short_pick"]["disposition"] == "case"


async def test_a_parcel_left_on_the_dock_is_noticed_without_a_scan(shop: Shop) -> None:
    order = await shop.place(1)
    await shop.pick()
    parcels = await shop.pack()
    await shop.warehouses[shop.north].hand_over(parcels, clock.now())
    await shop.driver.rest()
    # A carrier's day, and a weekend that may lie before it.
    await shop.step(4 * DAY)
    assert "no_first_scan" in await shop.exceptions(order)


@pytest.mark.wide  # weeks of silence take long
async def test_a_silent_parcel_is_stalled_then_suspected_lost_and_clears_with_its_next_scan(shop: Shop) -> None:
    order = await shop.place(1)
    await shop.script(
        order, SCANNED, {"after_hours": 24 * 12, "status": "in_transit", "status_detail": "arrived_at_facility"},
        {"after_hours": 24 * 12 + 5, "status": "delivered", "status_detail": "arrived_at_destination"},
    )  # fmt: skip
    await shop.ship()
    await shop.step(10 * DAY)
    raised = await shop.exceptions(order)
    assert "stalled" in raised or "loss_suspected" in raised
    await shop.step(4 * DAY)
    assert (await order.status())[1] == "delivered"
    assert all(
        entry["cleared_at"] for kind, entry in (await shop.exceptions(order)).items() if kind != "promise_breached"
    )


async def test_the_customer_is_told_of_a_delay_once(shop: Shop) -> None:
    order = await shop.place(1)
    await shop.script(
        order, SCANNED, {"after_hours": 30, "status": "in_transit", "status_detail": "delayed"},
        {"after_hours": 24 * 15, "status": "delivered", "status_detail": "arrived_at_destination"},
    )  # fmt: skip
    await shop.ship()
    await shop.step(7 * DAY)
    answer = await shop.care.act_get(f"/staff/messages?order_id={order.id}")
    assert isinstance(answer, dict)
    messages = [entry for entry in answer["data"] if isinstance(entry, dict)]  # type: ignore[union-attr]
    sent = [message for message in messages if message["state"] == "sent"]
    assert sent
    told = [(message["topic"], message["promise_revision"], message["promised_by"]) for message in sent]
    assert len(told) == len(set(told))
    assert all(message["silence"] for message in messages if message["state"] == "suppressed")
