"""Care hears facts, sees trouble, and gives every exception exactly one disposition."""

from datetime import timedelta
from functools import partial

import asyncpg

from shared.events import inventory, orders, shipping
from shared.ids import new_id
from tests.care.conftest import DAY, HOUR, MINUTE, Desk, Facts, Order, now, progress
from tests.care.rig import CareRig
from tests.waiting import wait_until


async def test_a_damaged_parcel_opens_a_case_with_its_evidence(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    case = await desk.case(order, kind="damage")
    assert case["family"] == "condition"
    assert case["exceptions"][0]["evidence"]["carrier"] == order.carrier
    assert case["exceptions"][0]["disposition"] == "case"
    assert [offer["remedy"] for offer in case["suggestions"]][:2] == ["reship", "refund"]


async def test_the_same_trouble_reported_again_opens_no_second_case(facts: Facts, order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await desk.case(order, kind="damage")
    await order.scanned(flags=("damaged",), exception="damage")
    await facts.repeat_last()
    await order.scanned(position="out_for_delivery", flags=("damaged",), attempts=2)
    await desk.exception(order, "failed_attempt")
    assert len([case for case in await desk.cases(order) if case["family"] == "condition"]) == 1


async def test_a_lost_parcel_joins_the_case_of_its_delay(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over(now() - 30 * DAY)
    await order.scanned(scanned_at=now() - 29 * DAY)
    await desk.exception(order, "lost", level="confirmed")
    cases = [case for case in await desk.cases(order) if case["family"] == "delivery"]
    assert [case["kind"] for case in cases] == ["lost"]


async def test_a_stalled_parcel_clears_and_its_case_heals_itself(order: Order, desk: Desk) -> None:
    await (await order.placed(now() - 7 * DAY)).handed_over(now() - 6 * DAY - 4 * HOUR)
    await order.scanned(scanned_at=now() - 6 * DAY - 2 * HOUR)
    await desk.case(order, kind="stalled", state="waiting_carrier")
    await order.scanned()
    healed = await desk.case(order, kind="stalled", state="self_healed")
    assert healed["resolution"] == "self_healed"
    assert all(found["cleared_at"] for found in healed["exceptions"])


async def test_a_first_failed_attempt_is_told_and_opens_no_case(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.scanned(position="delivery_attempted", attempts=1)
    await desk.exception(order, "failed_attempt", disposition="informed")
    assert await desk.cases(order) == []
    assert [message["topic"] for message in await desk.messages(order)] == ["delivery_attempt"]


async def test_what_was_only_told_becomes_a_case_when_it_fails_again(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.scanned(position="delivery_attempted", attempts=1)
    told = await desk.exception(order, "failed_attempt", disposition="informed")
    await order.scanned(position="delivery_attempted", attempts=2)
    case = await desk.case(order, kind="failed_attempt")
    assert [found["id"] for found in case["exceptions"]] == [told["id"]]
    levels = (await desk.exception(order, "failed_attempt", disposition="case"))["levels"]
    assert [level["level"] for level in levels] == ["at_risk", "confirmed"]


async def test_an_unhealed_short_is_a_case_and_heals_with_new_stock(order: Order, desk: Desk) -> None:
    await order.placed()
    short = {"order_id": order.order_id, "line_id": order.line_id, "sku": "MUG-1", "quantity": 1}
    await order.facts.tell(inventory.ShortfallOpened(**short, progress=progress("short")))
    case = await desk.case(order, kind="short_pick")
    assert case["family"] == "stock"
    await order.facts.tell(inventory.ShortfallHealed(**short, location="hamburg"))
    await desk.case(order, kind="short_pick", state="self_healed")


async def test_a_parcel_to_be_stopped_is_a_case_until_the_order_ends(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    outcomes = [
        inventory.CancellationOutcome(line_id=order.line_id, sku="MUG-1", quantity=1, outcome=outcome)
        for outcome in ("intercept_requested", "refused_shipped")
    ]
    answer = {"order_id": order.order_id, "cancellation_id": new_id(), "outcomes": tuple(outcomes)}
    await order.facts.tell(inventory.CancellationAnswered(**answer))
    case = await desk.case(order, kind="stuck_flow")
    assert case["exceptions"][0]["evidence"]["step"] == f"cancellation:{answer['cancellation_id']}/intercept_requested"
    await order.facts.tell(orders.OrderCompleted(order_id=order.order_id, outcome="delivered"))
    await desk.case(order, kind="stuck_flow", state="self_healed")


async def test_a_refused_cancellation_is_no_case(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    refused = inventory.CancellationOutcome(line_id=order.line_id, sku="MUG-1", quantity=2, outcome="refused_shipped")
    answer = {"order_id": order.order_id, "cancellation_id": new_id(), "outcomes": (refused,)}
    await order.facts.tell(inventory.CancellationAnswered(**answer))
    await order.scanned(position="delivery_attempted", attempts=1)
    await desk.exception(order, "failed_attempt")
    assert "stuck_flow" not in [found["kind"] for found in await desk.exceptions(order)]


async def test_a_hold_that_ends_with_its_order_is_no_step_of_it(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.scanned(position="delivery_attempted", attempts=1)
    await order.facts.tell(orders.OrderCompleted(order_id=order.order_id, outcome="delivered"))
    late = progress("hold_fraud", holder="risk", due=now() - HOUR)
    await order.facts.tell(
        orders.HoldReleased(order_id=order.order_id, hold_id=new_id(), reason="payment", progress=late)
    )
    await desk.exception(order, "failed_attempt")
    await order.scanned(position="returning_to_sender")
    await desk.exception(order, "returned_to_sender")
    assert "stuck_flow" not in [found["kind"] for found in await desk.exceptions(order)]


async def test_a_broken_promise_is_seen_when_its_day_ends(facts: Facts, desk: Desk) -> None:
    order = Order(facts, promised_in=timedelta(seconds=3))
    await (await order.placed()).handed_over()
    await order.scanned()
    exception = await desk.exception(order, "promise_breached")
    assert exception["level"] == "breached"
    await order.delivered()
    assert (await desk.case(order, family="delivery"))["kind"] == "promise_breached"


async def test_a_fact_that_overtakes_its_orders_placing_waits_for_it(order: Order, desk: Desk) -> None:
    await order.handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await order.placed()
    assert (await desk.case(order, kind="damage"))["state"] in {"open", "in_progress"}


async def test_damage_reported_by_the_customer_needs_no_carrier(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.delivered()

    async def reported() -> bool:
        body = {"order_id": str(order.order_id), "comment": "the mug has no handle"}
        return (await desk.post("/reports", body, role="support")).status_code == 202

    await wait_until(reported)
    assert (await desk.case(order, kind="damage"))["state"] == "open"


async def test_what_customers_say_of_a_parcel_is_a_case_of_its_kind(facts: Facts, desk: Desk) -> None:
    for kind, family in (("wrong_item", "condition"), ("missing_item", "condition"), ("not_received", "delivery")):
        order = Order(facts)
        await (await order.placed()).handed_over()
        await order.delivered()
        await wait_until(partial(report, desk, order, kind))
        case = await desk.case(order, kind=kind)
        assert (case["family"], case["state"], case["remedies"]) == (family, "open", [])
        assert case["exceptions"][0]["evidence"]["reported_by"] == "the customer"
        assert [message["topic"] for message in await desk.messages(order)] == ["report"]


async def report(desk: Desk, order: Order, kind: str) -> bool:
    body = {"order_id": str(order.order_id), "kind": kind}
    return (await desk.post("/reports", body, role="support")).status_code == 202


async def test_a_parcel_still_on_its_way_cannot_be_missed_at_the_door(order: Order, desk: Desk) -> None:
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await desk.case(order, kind="damage")
    body = {"order_id": str(order.order_id), "kind": "not_received"}
    refused = await desk.post("/reports", body, role="support")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_delivered")


async def test_every_exception_has_exactly_one_disposition(
    order: Order, desk: Desk, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    await desk.case(order, kind="damage")
    undecided = await database.fetch(
        "select id from exception where disposition is null or (disposition = 'case') <> (case_id is not null) "
        "or (disposition = 'suppressed' and disposition_reason = '')"
    )
    assert undecided == []


async def test_a_release_heard_after_its_planning_leaves_nobody_holding_the_order(
    order: Order, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    released = progress("released")
    await (await order.placed()).handed_over(now() + HOUR)

    async def heard(source: str, events: int) -> bool:
        query = "select sequence from stream_position where source = $1 and key = $2"
        return bool(await database.fetchval(query, source, str(order.order_id)) == events)

    async def holders() -> set[str]:
        query = "select about from watch_step where order_id = $1 and not ended"
        return {row["about"].partition(":")[0] for row in await database.fetch(query, order.order_id)}

    await wait_until(lambda: heard("inventory", 2))
    assert await holders() == {"fulfilment", "parcel"}
    await order.released(released)
    await wait_until(lambda: heard("orders", 2))
    assert await holders() == {"fulfilment", "parcel"}, "a late release must not revive the order's own step"


async def test_work_on_a_parcel_opened_again_may_miss_its_cut_off_anew(care: CareRig) -> None:
    order = await Order(care).placed()
    await order.planned(now())
    await care.later(10 * MINUTE)
    await order.packed()

    async def overdue() -> list[tuple[str, bool]]:
        rows = await care.rows("select * from exception where kind = 'fulfilment_overdue' order by detected_at")
        return [(row["level"], row["cleared_at"] is None) for row in rows]

    in_a_box = await overdue()
    await order.reopened()

    assert in_a_box == [("at_risk", False)]
    assert await overdue() == [("at_risk", False), ("at_risk", True)]
    steps = await care.rows("select about from watch_step where order_id = $1 and not ended", order.order_id)
    assert {row["about"] for row in steps} == {f"fulfilment:{order.fulfilment_id}"}


async def test_a_parcel_that_leaves_on_a_label_given_back_is_a_case_though_nobody_handed_it_over(care: CareRig) -> None:
    order = await Order(care).placed()
    await order.planned(now())
    await order.packed()
    await order.scanned("picked_up", flags=("voided_label_used",), exception="voided_label_used")
    case = await care.case(order.order_id, kind="voided_label_used")
    assert (case["family"], case["state"]) == ("delivery", "waiting_warehouse")
    await order.scanned("out_for_delivery", flags=("voided_label_used",))
    await order.delivered()
    open_still = await care.rows(
        "select kind from exception where order_id = $1 and cleared_at is null and kind = 'voided_label_used'",
        order.order_id,
    )
    assert open_still == []


async def test_an_address_in_doubt_is_a_case_until_the_hold_is_let_go(care: CareRig) -> None:
    order = await Order(care).placed()
    held = {"order_id": order.order_id, "hold_id": new_id(), "reason": "address"}
    await care.tell(orders.HoldApplied(**held, holder="support", progress=progress("hold_address", holder="support")))
    case = await care.case(order.order_id, kind="address_problem")
    assert (case["state"], case["next_action"]) == ("open", "mend the address with the customer")
    await care.later(MINUTE)
    await care.tell(orders.HoldReleased(**held, remaining=(), progress=progress("open", holder="orders")))
    assert (await care.case(order.order_id, kind="address_problem"))["state"] == "self_healed"


async def test_an_address_the_carrier_refuses_or_asks_about_is_a_case(care: CareRig) -> None:
    refused, asked = await Order(care).placed(), await Order(care).placed()
    await refused.packed()
    await care.tell(
        shipping.BookingFailed(
            order_id=refused.order_id,
            shipment_id=refused.parcel_id,
            parcel_id=refused.parcel_id,
            carrier="simulated",
            code="ADDRESS.VERIFY.FAILURE",
            reason="Unable to verify address.",
            address_refused=True,
            progress=progress("booking_failed", holder="staff"),
        )
    )
    await asked.handed_over()
    await asked.scanned(flags=("on_hold",), exception="address_problem")
    for order in (refused, asked):
        assert (await care.case(order.order_id, kind="address_problem"))["family"] == "delivery"


async def test_a_parcel_its_carrier_holds_is_a_case_until_it_moves_on(care: CareRig) -> None:
    order = await Order(care, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned(flags=("on_hold",), exception="hold")
    held = await care.case(order.order_id, kind="carrier_hold")
    await care.later(HOUR)
    told = await care.rows("select topic, state from message where order_id = $1", order.order_id)
    await order.scanned()
    assert (held["family"], held["state"]) == ("delivery", "open")
    assert told == [{"topic": "delivery_problem", "state": "observed"}]
    assert (await care.case(order.order_id))["state"] == "self_healed"


async def test_a_code_nobody_can_read_is_a_case_of_which_no_customer_hears(care: CareRig) -> None:
    order = await Order(care, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned(exception="unmapped", raw_status="beamed_up")
    case = await care.case(order.order_id, kind="unknown_code")
    assert (case["priority"], case["state"]) == ("P4", "open")
    assert await care.rows("select * from message where order_id = $1", order.order_id) == []


async def test_an_order_heard_as_completed_before_its_delivery_was_delivered_nevertheless(care: CareRig) -> None:
    order = await Order(care).placed()
    await order.handed_over()
    await care.tell(orders.OrderCompleted(order_id=order.order_id, outcome="delivered"))
    await order.delivery_scanned()
    (watch,) = await care.rows("select delivered_at from watch where order_id = $1", order.order_id)
    assert watch["delivered_at"] == now()


async def test_what_carriers_take_between_scans_and_between_facts_is_learned(care: CareRig) -> None:
    order = await Order(care, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned()
    await care.later(2 * HOUR)
    await order.scanned("out_for_delivery")
    await care.later(3 * HOUR)
    await order.delivered()
    rows = await care.rows("select stage, key, hours from sample where stage ~ 'scan|feed' order by stage, hours, key")
    service = f"{order.carrier}/Ground"
    assert [(row["stage"], row["key"], row["hours"]) for row in rows] == [
        ("feed_event_to_next", order.carrier, 2),
        ("feed_event_to_next", order.carrier, 3),
        ("scan_to_next_scan", service, 2),
        ("scan_to_next_scan", f"{service}/in_transit", 2),
        ("scan_to_next_scan", service, 3),
        ("scan_to_next_scan", f"{service}/out_for_delivery", 3),
    ]


async def test_how_early_we_saw_it_is_measured_by_the_carriers_own_first_word(care: CareRig) -> None:
    order = await Order(care, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned()
    await care.later(5 * DAY)
    (stalled,) = await care.rows("select * from exception where kind = 'stalled'")
    await order.scanned(flags=("damaged",), exception="damage")
    report = await care.get("/report")
    lead = round((now() - stalled["detected_at"]) / HOUR, 2)
    assert report["exceptions"]["stalled"]["detection_lead_hours"] == lead
    assert report["exceptions"]["damage"]["detection_lead_hours"] == 0
