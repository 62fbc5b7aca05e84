"""Many cases at once: each is changed or refused on its own, and a preview tells both and changes nothing."""

from datetime import datetime, timedelta

import asyncpg

from shared import clock
from tests.care.conftest import Desk, Facts, Json, Order
from tests.waiting import wait_until


async def damaged(facts: Facts, desk: Desk) -> Json:
    order = Order(facts, value=120_00)
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    return await desk.case(order, kind="damage")


def many(act: str, cases: list[Json], **more: object) -> Json:
    return {"act": act, "cases": [{"id": case["id"], "version": case["version"]} for case in cases], **more}


async def test_a_preview_tells_what_the_act_then_does_and_changes_nothing(facts: Facts, desk: Desk) -> None:
    cases = [await damaged(facts, desk) for _ in range(2)]
    stale = {**cases[1], "version": cases[1]["version"] + 7}

    told = await desk.act("/cases/bulk", many("take", [cases[0], stale], preview=True))
    untouched = await desk.get(f"/cases/{cases[0]['id']}")
    done = await desk.act("/cases/bulk", many("take", [cases[0], stale]))

    assert (untouched["state"], untouched["version"]) == ("open", cases[0]["version"])
    assert told["data"] == done["data"]
    first, second = done["data"]
    assert (first["state"], first["state_after"], first["assignee_after"]) == ("open", "in_progress", "care:ann")
    assert (second["refused_code"], second["state_after"]) == ("stale", None)
    assert "read it again" in second["refused"]
    assert (await desk.get(f"/cases/{cases[0]['id']}"))["assignee"] == "care:ann"
    assert (await desk.get(f"/cases/{cases[1]['id']}"))["assignee"] is None


async def test_what_was_only_previewed_is_told_to_nobody(
    facts: Facts, desk: Desk, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    case = await damaged(facts, desk)
    await desk.act("/cases/bulk", many("take", [case], preview=True))
    await desk.act(f"/cases/{case['id']}/take")

    async def told() -> list[str]:
        rows = await database.fetch(
            "select payload from (select key, type, payload from outbox union all select key, type, payload "
            "from event_log) e where key = $1 and type like '%case_updated%'",
            case["order_id"],
        )
        return [str(row["payload"]) for row in rows]

    updates = await wait_until(told)
    assert len([update for update in updates if "in_progress" in update]) == 1


async def test_a_case_cannot_be_resolved_in_bulk_unless_its_customer_knows(facts: Facts, desk: Desk) -> None:
    case = await damaged(facts, desk)
    (refused,) = (await desk.act("/cases/bulk", many("resolve", [case], reason="the customer keeps it")))["data"]
    assert refused["refused_code"] == "cannot_resolve"
    (done,) = (
        await desk.act(
            "/cases/bulk", many("resolve", [case], reason="the customer keeps it", customer_informed="by phone")
        )
    )["data"]
    assert done["state_after"] == "resolved"


async def test_an_act_without_its_reason_or_right_is_refused_as_a_whole(facts: Facts, desk: Desk) -> None:
    case = await damaged(facts, desk)
    unreasoned = await desk.post("/cases/bulk", many("note", [case]))
    assert (unreasoned.status_code, unreasoned.json()["errors"][0]["pointer"]) == (422, "/reason")
    not_a_lead = await desk.post("/cases/bulk", many("assign", [case], assignee="care:bob", reason="he knows it"))
    assert not_a_lead.status_code == 403
    (assigned,) = (
        await desk.act(
            "/cases/bulk", many("assign", [case], assignee="care:bob", reason="he knows it"), role="care_lead"
        )
    )["data"]
    assert assigned["assignee_after"] == "care:bob"


async def test_cases_are_put_aside_until_a_moment_and_the_preview_says_until_when(facts: Facts, desk: Desk) -> None:
    case = await damaged(facts, desk)
    until = (clock.now() + timedelta(hours=5)).replace(microsecond=0)
    wait = many("wait", [case], state="waiting_customer", reason="a photo is on its way", until=until.isoformat())
    told = await desk.act("/cases/bulk", {**wait, "preview": True})
    done = await desk.act("/cases/bulk", wait)
    assert told["data"] == done["data"]
    (outcome,) = done["data"]
    assert outcome["state_after"] == "waiting_customer"
    kept = (await desk.get(f"/cases/{case['id']}"))["snoozed_until"]
    assert datetime.fromisoformat(outcome["snoozed_until"]) == datetime.fromisoformat(kept) >= until
    for moment in (clock.now() - timedelta(minutes=1), clock.now() + timedelta(days=31)):
        refused = await desk.post("/cases/bulk", {**wait, "until": moment.isoformat()})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/until")


async def test_false_alarms_are_ended_and_what_was_resolved_is_reopened_in_bulk(facts: Facts, desk: Desk) -> None:
    never, ended = [await damaged(facts, desk) for _ in range(2)]
    (alarm,) = (
        await desk.act("/cases/bulk", many("resolve", [never], reason="the wrong parcel", false_positive=True))
    )["data"]
    assert alarm["state_after"] == "false_positive"
    told = many("resolve", [ended], reason="they keep it", customer_informed="by phone")
    assert (await desk.act("/cases/bulk", told))["data"][0]["state_after"] == "resolved"
    cases = [await desk.get(f"/cases/{case['id']}") for case in (never, ended)]
    refused, again = (await desk.act("/cases/bulk", many("reopen", cases, reason="not all of them")))["data"]
    assert refused["refused_code"] == "case_ended"
    assert (again["state"], again["state_after"]) == ("resolved", "in_progress")
