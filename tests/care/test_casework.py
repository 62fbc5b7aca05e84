"""The queue: cases are served once, changed by who saw them last, and end with a reason and an informed customer."""

import asyncio
from datetime import datetime

import pytest

from services.care.clocks import BusinessCalendar, Clock, Target
from tests.care.conftest import Desk, Facts, Json, Order, now

OFFICE_HOURS = BusinessCalendar.weekly("Europe/Berlin", "09:00-17:00")


async def damaged(order: Order, desk: Desk) -> Json:
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    return await desk.case(order, kind="damage")


async def test_two_agents_who_pull_at_once_get_two_cases(facts: Facts, desk: Desk) -> None:
    for order in (Order(facts), Order(facts)):
        await damaged(order, desk)
    wanted = {"family": "condition", "kind": "damage"}
    served = await asyncio.gather(
        *(desk.act("/cases/next", wanted, person=f"agent-{number}-{now().timestamp()}") for number in range(2))
    )
    assert served[0]["id"] != served[1]["id"]
    assert all(case["state"] == "in_progress" for case in served)


async def test_a_stale_write_is_refused(order: Order, desk: Desk) -> None:
    case = await damaged(order, desk)
    taken = await desk.act(f"/cases/{case['id']}/take")
    seen = str(taken["version"])
    await desk.act(f"/cases/{case['id']}/notes", {"text": "called the customer"}, match=f'"{seen}"')
    stale = await desk.post(f"/cases/{case['id']}/notes", {"text": "me too"}, match=f'"{seen}"')
    assert stale.status_code == 412
    assert stale.json()["code"] == "stale"


async def test_a_skipped_case_says_why_and_is_not_served_to_the_same_agent_again(order: Order, desk: Desk) -> None:
    case = await damaged(order, desk)
    refused = await desk.post(f"/cases/{case['id']}/skip", {"reason": ""})
    assert refused.status_code == 422
    await desk.act(f"/cases/{case['id']}/take")
    skipped = await desk.act(f"/cases/{case['id']}/skip", {"reason": "I know the customer"})
    assert skipped["assignee"] is None
    assert skipped["state"] == "open"
    assert skipped["entries"][-2]["detail"] == "I know the customer"


async def test_a_case_is_not_resolved_while_its_customer_knows_nothing(order: Order, desk: Desk) -> None:
    case = await damaged(order, desk)
    await desk.act(f"/cases/{case['id']}/take")
    refused = await desk.post(f"/cases/{case['id']}/resolve", {"reason": "the customer keeps the goods"})
    assert (refused.status_code, refused.json()["code"]) == (409, "cannot_resolve")
    how = {"reason": "the customer keeps the goods", "customer_informed": "by phone"}
    resolved = await desk.act(f"/cases/{case['id']}/resolve", how)
    assert (resolved["state"], resolved["resolution"], resolved["informed_how"]) == ("resolved", "reason", "by phone")
    assert all(clock["fulfilled_at"] for clock in resolved["clocks"])


async def test_a_reopened_case_resumes_its_clocks(order: Order, desk: Desk) -> None:
    case = await damaged(order, desk)
    how = {"reason": "the customer keeps the goods", "customer_informed": "by phone"}
    await desk.act(f"/cases/{case['id']}/resolve", how)
    reopened = await desk.act(f"/cases/{case['id']}/reopen", {"reason": "they changed their mind"})
    assert (reopened["state"], reopened["reopened"], reopened["resolution"]) == ("in_progress", 1, None)
    before = {clock["kind"]: clock for clock in case["clocks"]}
    after = {clock["kind"]: clock for clock in reopened["clocks"]}
    assert after["resolve"]["started_at"] == before["resolve"]["started_at"]
    assert after["resolve"]["due_at"] >= before["resolve"]["due_at"]


async def test_a_closed_case_is_never_changed_again(order: Order, desk: Desk) -> None:
    case = await damaged(order, desk)
    await desk.act(f"/cases/{case['id']}/resolve", {"reason": "settled by phone", "customer_informed": "by phone"})
    await desk.act(f"/cases/{case['id']}/close", {"reason": "nothing left to do"})
    for path, body in (("take", None), ("reopen", {"reason": "once more"}), ("skip", {"reason": "not mine"})):
        refused = await desk.post(f"/cases/{case['id']}/{path}", body)
        assert refused.status_code == 409, path


async def test_waiting_for_the_customer_stops_the_resolution_clock(order: Order, desk: Desk) -> None:
    case = await damaged(order, desk)
    waiting = await desk.act(f"/cases/{case['id']}/wait", {"state": "waiting_customer", "reason": "asked for a photo"})
    clocks = {clock["kind"]: clock for clock in waiting["clocks"]}
    assert clocks["resolve"]["paused_at"] is not None
    assert clocks["resolve"]["due_at"] is None
    assert clocks["notify"]["paused_at"] is None


async def test_clocks_start_at_the_targets_of_the_priority(order: Order, desk: Desk) -> None:
    case = await damaged(order, desk)
    assert case["priority"] == "P3"
    resolve = next(clock for clock in case["clocks"] if clock["kind"] == "resolve")
    started = datetime.fromisoformat(resolve["started_at"])
    assert datetime.fromisoformat(resolve["due_at"]) == Clock(Target(days=4), started).due_at(OFFICE_HOURS)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("notes", {"text": ""}, "/text"),
        ("wait", {"state": "closed", "reason": "no reason"}, "/state"),
        ("resolve", {"reason": "ok fine", "mood": "good"}, "/mood"),
        ("remedies", {"kind": "flowers", "reason": "sorry"}, "/kind"),
    ],
)
async def test_a_bad_request_is_told_its_field(order: Order, desk: Desk, path: str, body: Json, field: str) -> None:
    refused = await desk.post(f"/cases/{order.order_id}/{path}", body)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [field]


async def test_the_queue_is_closed_to_those_without_the_scope(desk: Desk) -> None:
    assert (await desk.post("/cases/next", {}, role="picker")).status_code == 403
    assert (await desk.post("/cases/next", {}, role="support")).status_code == 403


async def test_an_unknown_case_is_not_found(order: Order, desk: Desk) -> None:
    answer = await desk.post(f"/cases/{order.order_id}/take")
    assert (answer.status_code, answer.json()["code"]) == (404, "case_not_found")
