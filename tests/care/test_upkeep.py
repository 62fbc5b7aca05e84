"""What only time brings: escalations once per step, shorter clocks, cases that close, remedies nobody answers."""

from datetime import datetime

import pytest
from prometheus_client import REGISTRY

from services.care.app import service
from shared import upkeep
from shared.auth import Role
from shared.ids import new_id
from tests.care.conftest import DAY, HOUR, MINUTE, Json, Order, now
from tests.care.rig import CareRig

BY_PHONE = {"reason": "a new day is agreed", "customer_informed": "by phone"}


async def damaged(care: CareRig, *, value: int = 120_00) -> Order:
    order = Order(care, value=value, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    return await order.scanned("delivered", flags=("damaged",), exception="damage")


async def test_a_customer_knows_when_they_hear_from_us_and_is_asked_for_a_rating_a_day_after_it_was_settled(
    care: CareRig,
) -> None:
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.delivered()
    before = await care.customer_sees(order.order_id)
    assert (before["heard_by"], before["may_rate"]) == (None, True)

    await care.act("/reports", {"order_id": str(order.order_id), "comment": "in pieces"}, role=Role.SUPPORT)
    case = await care.case(order.order_id)
    owed = await care.rows(
        "select due_at from case_clock where case_id = $1 and kind <> 'resolve' and fulfilled_at is null", case["id"]
    )
    during = await care.customer_sees(order.order_id)
    assert datetime.fromisoformat(during["heard_by"]) == min(row["due_at"] for row in owed)
    assert not during["may_rate"]

    await care.act(f"/cases/{case['id']}/resolve", {"reason": "made good", "customer_informed": "by phone"})
    await care.later(DAY - MINUTE)
    assert not (await care.customer_sees(order.order_id))["may_rate"]
    await care.later(2 * MINUTE)
    after = await care.customer_sees(order.order_id)
    assert (after["heard_by"], after["may_rate"]) == (None, True)


async def clock_of(care: CareRig, case: Json, kind: str) -> Json:
    (row,) = await care.rows("select * from case_clock where case_id = $1 and kind = $2", case["id"], kind)
    return row


async def escalations(care: CareRig, case: Json, about: str) -> list[str]:
    rows = await care.rows(
        "select detail from case_entry where case_id = $1 and act = 'escalated' and detail like $2 order by id",
        case["id"],
        f"{about}%",
    )
    return [row["detail"] for row in rows]


async def test_a_clock_escalates_at_three_quarters_at_its_end_and_half_beyond_once_each(care: CareRig) -> None:
    order = await damaged(care)
    case = await care.case(order.order_id, kind="damage")
    first = await clock_of(care, case, "first_response")
    assert (case["priority"], first["due_at"] - first["started_at"]) == ("P3", 24 * HOUR)
    told: list[list[str]] = []
    # Eight business hours from Monday 11:00 end on Tuesday at 11:00; their half once more at 15:00.
    for moment in (5 * HOUR, 24 * HOUR - MINUTE, 24 * HOUR + MINUTE, 27 * HOUR, 28 * HOUR + MINUTE, 2 * DAY):
        await care.later(case["opened_at"] + moment - now())
        told.append(await escalations(care, case, "first_response"))
    one, two = ["first_response: told assignee"], ["first_response: told assignee", "first_response: told lead"]
    assert told[:4] == [[], one, two, two]
    assert told[4:] == [[*two, "first_response: told manager"]] * 2
    assert (await clock_of(care, case, "first_response"))["breached_at"] is not None


async def test_a_breach_raises_the_priority_and_hastens_the_other_clocks(care: CareRig) -> None:
    order = await damaged(care)
    case = await care.case(order.order_id, kind="damage")
    before = await clock_of(care, case, "resolve")
    await care.later(24 * HOUR + MINUTE)
    raised = await care.case(order.order_id, kind="damage")
    after = await clock_of(care, case, "resolve")
    assert (case["priority"], raised["priority"]) == ("P3", "P2")
    entries = await care.rows(
        "select detail from case_entry where case_id = $1 and act = 'prioritised' order by id", case["id"]
    )
    assert [entry["detail"] for entry in entries] == [
        "P3: the customer has no usable goods; more than three days are left",
        "P2: the clock 'first_response' was breached",
    ]
    assert after["due_at"] < before["due_at"]
    assert after["due_at"] - now() <= 2 * DAY
    assert after["started_at"] == before["started_at"]
    (nearest,) = await care.rows("select min(due_at) as due_at from case_clock where case_id = $1", case["id"])
    assert raised["next_action_due"] == nearest["due_at"]


async def test_a_resolved_case_closes_by_itself_after_a_week(care: CareRig) -> None:
    order = await damaged(care)
    case = await care.case(order.order_id, kind="damage")
    await care.act(f"/cases/{case['id']}/resolve", BY_PHONE)
    await care.later(7 * DAY - HOUR)
    assert (await care.case(order.order_id, kind="damage"))["state"] == "resolved"
    await care.later(2 * HOUR)
    assert (await care.case(order.order_id, kind="damage"))["state"] == "closed"


async def test_a_remedy_nobody_answers_is_chased_once(care: CareRig) -> None:
    order = await damaged(care, value=12_00)
    case = await care.case(order.order_id, kind="damage")
    await care.later(5 * HOUR)
    chased = await escalations(care, case, "reship is granted for too long")
    assert len(chased) == 1
    assert (await care.case(order.order_id, kind="damage"))["next_action_by"] == "orders"
    await care.later(DAY)
    assert await escalations(care, case, "reship is granted for too long") == chased


async def test_trouble_that_comes_back_within_a_week_reopens_its_case_and_later_opens_another(care: CareRig) -> None:
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned("lost")
    case = await care.case(order.order_id, family="delivery")
    for reopened in (0, 1):
        assert (await care.case(order.order_id, family="delivery"))["reopened"] == reopened
        await care.act(f"/cases/{case['id']}/resolve", BY_PHONE)
        await care.later((6 + 2 * reopened) * DAY)
        await order.scanned("in_transit")
        await order.scanned("lost")
    rows = await care.rows("select * from care_case where order_id = $1 and family = 'delivery'", order.order_id)
    assert {(row["state"], row["follows"]) for row in rows} == {("closed", None), ("open", case["id"])}


async def test_a_case_that_comes_back_worse_runs_on_the_faster_clocks(care: CareRig) -> None:
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned("lost")
    case = await care.case(order.order_id)
    await care.act(f"/cases/{case['id']}/resolve", BY_PHONE)
    await order.scanned("in_transit")
    await care.later(HOUR)
    await order.scanned("available_for_pickup", pickup_expires_at=now() + 20 * HOUR)
    again = await care.case(order.order_id)
    assert (case["priority"], again["priority"], again["reopened"]) == ("P3", "P2", 1)
    assert (await clock_of(care, again, "resolve"))["due_at"] - now() <= 2 * DAY


async def test_the_second_failure_of_an_order_weighs_more_than_its_first(care: CareRig) -> None:
    first, second = Order(care, value=120_00, promised_in=60 * DAY), Order(care, value=120_00, promised_in=60 * DAY)
    for order in (first, second):
        await (await order.placed()).handed_over()
    await second.scanned("lost")
    case = await care.case(second.order_id)
    await care.act(f"/cases/{case['id']}/resolve", BY_PHONE)
    for order in (first, second):
        await order.scanned("delivered", flags=("damaged",), exception="damage")
    priorities = [(await care.case(order.order_id, kind="damage"))["priority"] for order in (first, second)]
    assert priorities == ["P3", "P2"]


async def test_the_second_failure_of_a_customer_weighs_more_though_it_is_another_order(care: CareRig) -> None:
    failed, again, stranger = (
        Order(care, customer=whose, value=120_00, promised_in=60 * DAY) for whose in ("7f3a", "7f3a", "c0de")
    )
    nobody, nameless = (Order(care, value=120_00, promised_in=60 * DAY) for _ in range(2))
    for order in (failed, nobody, again, stranger, nameless):
        await (await order.placed()).handed_over()
    for order in (failed, nobody):
        await order.scanned("lost")
        case = await care.case(order.order_id)
        await care.act(f"/cases/{case['id']}/resolve", BY_PHONE)
    await care.later(20 * DAY)
    for order in (again, stranger, nameless):
        await order.scanned("delivered", flags=("damaged",), exception="damage")
    cases = [await care.case(order.order_id, kind="damage") for order in (again, stranger, nameless)]
    assert [case["priority"] for case in cases] == ["P2", "P3", "P3"]
    shown = await care.get(f"/cases/{cases[0]['id']}")
    assert "the customer's second failure" in shown["priority_because"]


@pytest.mark.parametrize("cause", ["perishable", "gift"])
async def test_a_loss_that_cannot_wait_is_a_p1_hours_before_its_promise_ends(care: CareRig, cause: str) -> None:
    plain, urgent = Order(care, promised_in=12 * HOUR), Order(care, promised_in=12 * HOUR, safety=True)
    urgent.perishable, urgent.gift_due_at = cause == "perishable", now() + DAY if cause == "gift" else None
    for order in (plain, urgent):
        await (await order.placed()).handed_over()
        await order.scanned("lost")
    priorities = [(await care.case(order.order_id, family="delivery"))["priority"] for order in (plain, urgent)]
    assert priorities == ["P2", "P1"]
    watched = await care.rows("select safety, perishable from watch where order_id = $1", urgent.order_id)
    assert watched == [{"safety": True, "perishable": cause == "perishable"}]


async def test_a_pick_up_about_to_expire_is_more_urgent_than_its_promise(care: CareRig) -> None:
    order = Order(care, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned("available_for_pickup", pickup_expires_at=now() + 20 * HOUR)
    assert (await care.case(order.order_id, kind="failed_attempt"))["priority"] == "P2"


async def test_self_healing_is_no_service_rendered_in_time(care: CareRig) -> None:
    order = Order(care, value=120_00, promised_in=60 * DAY)
    await (await order.placed()).handed_over()
    await order.scanned("lost")
    for _ in range(2):
        await care.later(HOUR)
    await order.scanned("in_transit")
    assert (await care.case(order.order_id, family="delivery"))["state"] == "self_healed"
    clocks = (await care.get("/report"))["clocks"]
    assert (clocks["resolve"]["in_time"], clocks["resolve"]["breached"]) == (0, 0)
    assert clocks["notify"]["in_time"] == 1


async def test_a_planned_message_and_an_open_incident_past_their_dwell_are_overdue_until_they_move_on(
    care: CareRig,
) -> None:
    pause = {"kind": "messages", "scope": "*", "reason": "a strike"}
    await care.act("/pauses", pause, role=Role.OPERATOR)
    order = await damaged(care)
    incident = new_id()
    async with care.database.transaction() as tx:
        await tx.execute(
            "insert into incident (id, kind, scope, state, opened_at, evidence) "
            "values ($1, 'feed_silent', 'SimPost', 'open', $2, '{}')",
            incident,
            now(),
        )

    async def overdue() -> list[tuple[str, str]]:
        rows = (await care.get("/overdue", role=Role.OPERATOR))["data"]
        return sorted((row["kind"], row["order_id"] or row["subject"]) for row in rows)

    await care.later(20 * HOUR)
    assert await overdue() == []
    await care.later(DAY)
    assert await overdue() == [("message", str(order.order_id))]
    await care.later(DAY)
    assert await overdue() == [("incident", str(incident)), ("message", str(order.order_id))]
    await care.act("/pauses/resume", pause, role=Role.OPERATOR)
    await care.act(f"/incidents/{incident}/end", {"reason": "the carrier answered"}, role=Role.OPERATOR)
    await care.later(DAY)
    assert await overdue() == []


async def test_an_open_incident_is_measured_by_kind_until_it_ends(care: CareRig) -> None:
    incident = new_id()

    async def measured() -> float | None:
        await upkeep.measure(care.database, "care", service.gauges)
        return REGISTRY.get_sample_value("doorstep_care_open_incidents", {"kind": "feed_silent"})

    before = await measured() or 0.0
    async with care.database.transaction() as tx:
        await tx.execute(
            "insert into incident (id, kind, scope, state, opened_at, evidence) "
            "values ($1, 'feed_silent', 'SilentPost', 'open', $2, '{}')",
            incident,
            now(),
        )
    during = await measured()
    await care.act(f"/incidents/{incident}/end", {"reason": "the carrier answered"}, role=Role.OPERATOR)

    assert (during, await measured() or 0.0) == (before + 1, before)
