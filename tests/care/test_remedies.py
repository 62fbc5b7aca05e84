"""Remedies: within authority at once, over it by another person, executed once, and each unit made whole once."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from deploy.local.stack import LocalStack
from shared.auth import Role
from shared.ids import new_id
from tests.care.conftest import DAY, Desk, Facts, Json, Order, now
from tests.care.rig import CareRig, running_care
from tests.waiting import wait_until


async def damaged(order: Order, desk: Desk) -> Json:
    await (await order.placed()).handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    return await desk.case(order, kind="damage")


async def granted(order: Order, desk: Desk, kind: str) -> Json:
    """Wait for the remedy a playbook granted by itself."""
    case = await desk.case(order)

    async def found() -> Json | None:
        remedies = (await desk.get(f"/cases/{case['id']}"))["remedies"]
        return next((remedy for remedy in remedies if remedy["kind"] == kind), None)

    remedy = await wait_until(found, what=f"a {kind} granted by the playbook")
    assert remedy is not None
    return remedy


async def test_a_cheap_damaged_parcel_is_reshipped_by_itself(facts: Facts, desk: Desk) -> None:
    order = Order(facts, value=12_00)
    await damaged(order, desk)
    remedy = await granted(order, desk, "reship")
    assert (remedy["state"], remedy["automatic"]) == ("granted", True)
    assert [unit["quantity"] for unit in remedy["lines"]] == [2]


async def test_a_playbook_grants_the_same_remedy_again_in_a_database_that_never_heard_of_it(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    order_id, line_id, parcel_id = new_id(), new_id(), new_id()
    for _ in range(2):
        async with running_care(stack, tmp_path, monkeypatch) as care:
            order = Order(care, value=12_00, order_id=order_id, line_id=line_id, parcel_id=parcel_id)
            await (await order.placed()).handed_over()
            await order.scanned(flags=("damaged",), exception="damage")
            found += await care.rows("select id, kind from remedy where automatic")

    first, again = found
    assert first == again


async def test_orders_command_is_published_once(
    facts: Facts, desk: Desk, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    order = Order(facts, value=12_00)
    await damaged(order, desk)
    remedy = await granted(order, desk, "reship")
    await order.scanned(flags=("damaged",), exception="damage")
    await order.scanned(position="out_for_delivery", flags=("damaged",), exception="damage")

    async def published() -> list[Json]:
        rows = await database.fetch(
            "select payload from (select key, type, payload from outbox union all "
            "select key, type, payload from event_log) e where key = $1 and type like '%remedy_granted%'",
            str(order.order_id),
        )
        return [row["payload"] for row in rows]

    commands = await wait_until(published)
    assert len(commands) == 1
    assert remedy["id"] in str(commands[0])


async def test_a_case_resolves_only_when_orders_has_answered_and_the_customer_knows(facts: Facts, desk: Desk) -> None:
    order = Order(facts, value=12_00, notifications="storefront")
    case = await damaged(order, desk)
    remedy = await granted(order, desk, "reship")
    assert (await desk.get(f"/cases/{case['id']}"))["state"] != "resolved"
    await order.remedy_executed(remedy)
    resolved = await desk.case(order, state="resolved")
    assert resolved["resolution"] == "reship"
    assert resolved["informed_how"].startswith("storefront_writes")
    await facts.repeat_last()
    assert [row["state"] for row in (await desk.get(f"/cases/{case['id']}"))["remedies"]] == ["executed"]


async def test_a_refused_reship_is_followed_by_a_refund(facts: Facts, desk: Desk) -> None:
    order = Order(facts, value=12_00)
    await damaged(order, desk)
    await order.remedy_refused(await granted(order, desk, "reship"), "no_stock")
    refund = await granted(order, desk, "refund")
    assert refund["state"] == "granted"
    assert "no_stock" in refund["reason"]


async def test_an_amount_over_the_agents_limit_waits_for_another_person(facts: Facts, desk: Desk) -> None:
    order = Order(facts, value=180_00)
    case = await damaged(order, desk)
    wish = {"kind": "reship", "reason": "goods unusable"}
    remedy = await desk.act(f"/cases/{case['id']}/remedies", wish, role="care", person="ann")
    assert remedy["state"] == "waiting_approval"
    assert (await desk.get(f"/cases/{case['id']}"))["state"] == "waiting_approval"
    own = await desk.post(f"/remedies/{remedy['id']}/approve", role="care", person="ann")
    assert (own.status_code, own.json()["code"]) == (403, "own_remedy")
    promoted = await desk.post(f"/remedies/{remedy['id']}/approve", role="care_lead", person="ann")
    assert promoted.json()["code"] == "own_remedy", "another role makes nobody another person"
    peer = await desk.post(f"/remedies/{remedy['id']}/approve", role="care", person="bob")
    assert (peer.status_code, peer.json()["code"]) == (403, "over_authority")
    approved = await desk.act(f"/remedies/{remedy['id']}/approve", role="care_lead", person="lea")
    assert (approved["state"], approved["decided_by"]) == ("granted", "care_lead:lea")
    again = await desk.post(f"/remedies/{remedy['id']}/approve", role="care_lead", person="lea")
    assert (again.status_code, again.json()["code"]) == (409, "remedy_decided")


async def test_a_suggestion_says_what_it_costs_and_whether_it_is_within_the_callers_limit(
    facts: Facts, desk: Desk
) -> None:
    case = await damaged(Order(facts, value=180_00), desk)
    offers = {offer["remedy"]: offer for offer in case["suggestions"]}
    assert (offers["reship"]["cost"], offers["reship"]["authority"]) == (180_00, "senior")
    assert (offers["reship"]["within_your_limit"], offers["goodwill_credit"]["within_your_limit"]) == (False, True)
    as_lead = await desk.get(f"/cases/{case['id']}/suggestions", role="care_lead")
    assert all(offer["within_your_limit"] for offer in as_lead["data"])
    as_support = await desk.get(f"/cases/{case['id']}/suggestions", role="support")
    assert not any(offer["within_your_limit"] for offer in as_support["data"])
    assert [unit["quantity"] for unit in case["units"]] == [2]


async def test_what_waits_for_approval_is_listed_with_its_case_and_who_may_decide(facts: Facts, desk: Desk) -> None:
    case = await damaged(Order(facts, value=180_00), desk)
    remedy = await desk.act(f"/cases/{case['id']}/remedies", {"kind": "reship", "reason": "goods unusable"})
    waiting = (await desk.get("/remedies", state="waiting_approval", limit=200))["data"]
    mine = next(one for one in waiting if one["id"] == remedy["id"])
    assert (mine["case_number"], mine["order_number"]) == (case["number"], case["order_number"])
    assert mine["needs"] == "senior"


async def test_a_denied_remedy_gives_the_case_back(facts: Facts, desk: Desk) -> None:
    order = Order(facts, value=180_00)
    case = await damaged(order, desk)
    wish = {"kind": "refund", "reason": "goods unusable"}
    remedy = await desk.act(f"/cases/{case['id']}/remedies", wish)
    reason = {"reason": "reship is cheaper"}
    denied = await desk.act(f"/remedies/{remedy['id']}/deny", reason, role="care_lead", person="lea")
    assert denied["state"] == "denied"
    assert (await desk.get(f"/cases/{case['id']}"))["state"] == "in_progress"


async def test_of_two_parallel_grants_against_what_is_left_of_the_day_exactly_one_passes(
    facts: Facts, desk: Desk
) -> None:
    person = f"agent-{now().timestamp()}"
    cases = []
    for order in [Order(facts, value=100_00) for _ in range(12)]:
        await (await order.placed()).handed_over()
        await order.scanned(flags=("damaged",), exception="damage")
        cases.append(await desk.case(order, kind="damage"))
    wish = {"kind": "goodwill_credit", "reason": "an apology", "amount": 45_00}
    for case in cases[:10]:
        assert (await desk.act(f"/cases/{case['id']}/remedies", wish, person=person))["state"] == "granted"
    wish["amount"] = 30_00
    last = await asyncio.gather(
        *(desk.act(f"/cases/{case['id']}/remedies", wish, person=person) for case in cases[10:])
    )
    assert sorted(remedy["state"] for remedy in last) == ["granted", "waiting_approval"]


async def test_each_unit_is_made_whole_once(facts: Facts, desk: Desk) -> None:
    order = Order(facts, value=40_00)
    case = await damaged(order, desk)
    one = {"kind": "reship", "reason": "goods unusable", "lines": [{"line_id": str(order.line_id), "quantity": 1}]}
    assert (await desk.act(f"/cases/{case['id']}/remedies", one))["state"] == "granted"
    two = {"kind": "refund", "reason": "goods unusable", "lines": [{"line_id": str(order.line_id), "quantity": 2}]}
    refused = await desk.post(f"/cases/{case['id']}/remedies", two)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "already_made_whole"
    rest = {"kind": "refund", "reason": "goods unusable"}
    assert (await desk.act(f"/cases/{case['id']}/remedies", rest))["lines"][0]["quantity"] == 1
    nothing_left = await desk.post(f"/cases/{case['id']}/remedies", rest)
    assert nothing_left.json()["code"] == "already_made_whole"


async def test_the_same_request_twice_is_one_remedy(facts: Facts, desk: Desk) -> None:
    order = Order(facts, value=40_00)
    case = await damaged(order, desk)
    body = {"kind": "goodwill_credit", "reason": "an apology"}
    headers = {"Idempotency-Key": str(order.order_id)}
    path = f"/staff/cases/{case['id']}/remedies"
    first, second = [await desk.client().post(path, json=body, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert len((await desk.get(f"/cases/{case['id']}"))["remedies"]) == 1


async def test_a_predicted_delay_gets_a_new_date_before_the_customer_asks(facts: Facts, desk: Desk) -> None:
    order = Order(facts, promised_in=5 * DAY, notifications="storefront")
    await (await order.placed()).handed_over()
    await order.scanned(estimate={"deliver_at": now() + 7 * DAY, "source": "carrier"})
    await desk.exception(order, "transit_risk", level="predicted", disposition="case")
    remedy = await granted(order, desk, "new_promise")
    assert remedy["deliver_by"] > (now() + 7 * DAY).isoformat()
    await order.remedy_executed(remedy)
    await order.promise_revised(8)
    resolved = await desk.case(order, state="resolved")
    assert resolved["resolution"] == "new_promise"


async def lost(care: CareRig, value: int) -> Json:
    order = await Order(care, value=value, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned("lost")
    return await care.case(order.order_id, kind="lost")


async def test_what_is_more_than_anybody_may_grant_is_refused_at_once_with_that_limit(care: CareRig) -> None:
    case = await lost(care, 900_00)
    wish = {"kind": "reship", "reason": "lost"}
    refused = await care.post(f"/cases/{case['id']}/remedies", wish, role=Role.CARE_LEAD)
    assert (refused.status_code, refused.json()["code"]) == (403, "over_authority")
    assert "50000 EUR" in refused.json()["detail"]
    assert (await care.case(case["order_id"]))["state"] == "open"


async def test_a_senior_approves_what_is_over_an_agents_limit(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seniors = {"CARE_SENIORS": '["sue"]', "CARE_LIMITS_PER_ACTION": '{"senior": 15000}', "CARE_MESSAGES": "observe"}
    async with running_care(stack, tmp_path, monkeypatch, **seniors) as care:
        answers = []
        for value in (150_00, 150_01):
            case = await lost(care, value)
            wish = {"kind": "reship", "reason": "lost"}
            remedy = await care.act(f"/cases/{case['id']}/remedies", wish, person="ann")
            answers.append(await care.post(f"/remedies/{remedy['id']}/approve", person="sue"))
    assert [answer.status_code for answer in answers] == [200, 403]


async def test_who_may_decide_a_remedy_that_waits_is_told_to_each(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_care(stack, tmp_path, monkeypatch, CARE_SENIORS='["sue"]', CARE_MESSAGES="observe") as care:
        case = await lost(care, 100_00)
        await care.act(f"/cases/{case['id']}/remedies", {"kind": "reship", "reason": "lost"}, person="ann")

        async def may(role: Role, person: str) -> bool:
            shown = await care.get("/remedies", role, person=person, state="waiting_approval")
            (waiting,) = shown["data"]
            assert waiting["needs"] == "senior"
            return bool(waiting["may_decide"])

        assert not await may(Role.CARE, "ann"), "it is her own"
        assert not await may(Role.CARE_LEAD, "ann"), "another role makes nobody another person"
        assert not await may(Role.CARE, "bob"), "an agent grants 50"
        assert not await may(Role.SUPPORT, "sam")
        assert await may(Role.CARE, "sue")
        assert await may(Role.CARE_LEAD, "lea")


async def test_what_is_left_of_an_agents_day_is_told_and_what_is_over_it_is_not_called_over_their_limit(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"CARE_LIMITS_PER_DAY": '{"agent": 6000}', "CARE_MESSAGES": "observe"}
    async with running_care(stack, tmp_path, monkeypatch, **limits) as care:
        for left, over_the_day in ((60_00, False), (20_00, True)):
            case = await lost(care, 40_00)
            shown = await care.get(f"/cases/{case['id']}")
            assert (shown["allowance"]["per_day"], shown["allowance"]["left_today"]) == (60_00, left)
            reship = next(offer for offer in shown["suggestions"] if offer["remedy"] == "reship")
            assert (reship["over_your_day"], reship["within_your_limit"]) == (over_the_day, not over_the_day)
            wish = {"kind": "reship", "reason": "lost"}
            await care.act(f"/cases/{case['id']}/remedies", wish, person="ann")
