"""Who waits for whom and who passes over whom in care, and what is not done twice."""

import asyncio
from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from services.care.actions import detecting, ledger, sending
from services.care.actions.remedies import Decision, Wish, grant
from services.care.app import service
from services.care.channels.wording import Words
from services.care.policy.authority import Authority
from services.care.policy.messages import Channel, Topic
from services.care.queries import cases, fold, remedies
from services.care.queries.facts import lock_watch
from services.care.states import RemedyKind
from shared import clock
from shared.auth import Role
from shared.events.inventory import FulfilmentPlanned
from shared.ids import new_id
from shared.jobs import Outcome
from tests.care.conftest import DAY, HOUR, MINUTE, Json, Order, now, progress
from tests.care.rig import CareRig
from tests.care.test_incidents import Whispering, silent
from tests.twins import copy_row, refuse_twin
from tests.waiting import until_waiting

_SECONDS = 10.0
_JOBS = {job.name: job for job in service.jobs.jobs}


async def damaged(care: CareRig, *, value: int = 120_00) -> tuple[Order, Json]:
    """Give an order that arrived broken, and its case."""
    order = await Order(care, value=value, promised_in=60 * DAY).placed()
    await order.handed_over()
    await order.scanned(flags=("damaged",), exception="damage")
    return order, await care.case(order.order_id, kind="damage")


async def together(care: CareRig, table: str, *acts: tuple[str, Json]) -> list[httpx.Response]:
    """Let people act, each once the one before waits for the rows of a table, and let all go on then."""
    async with care.database.transaction() as tx:
        await tx.execute(f"select from {table} for no key update")
        tasks: list[asyncio.Task[httpx.Response]] = []
        for path, body in acts:
            tasks.append(asyncio.create_task(care.post(path, body, role=Role.CARE_LEAD, person=f"lead {len(tasks)}")))
            await until_waiting(care.database, len(tasks))
    return [await task for task in tasks]


@pytest.fixture
async def overdue(care: CareRig) -> CareRig:
    """Care with something due of every kind: an order, a feed, a case, its clocks, its remedy, a message, a pause."""
    switch = {"kind": "automatic_remedies", "scope": "*", "reason": "a strike"}
    order, _ = await damaged(care, value=12_00)
    await care.act("/pauses", switch, role=Role.OPERATOR)
    await damaged(care, value=12_00)
    await order.promise_revised(90)
    await care.post("/pauses/resume", switch, role=Role.OPERATOR)
    clock.step_to(now() + 30 * DAY)
    return care


@pytest.mark.parametrize(
    ("job", "table"),
    [
        ("evaluate", "watch"), ("watch_feeds", "carrier_feed"), ("ring_clocks", "care_case"),
        ("end_dwells", "care_case"), ("chase_remedies", "remedy"), ("serve_held", "care_case"),
        ("send_messages", "message"),
    ],
)  # fmt: skip
async def test_what_is_due_while_somebody_works_on_it_is_passed_over(overdue: CareRig, job: str, table: str) -> None:
    before = await overdue.rows(f"select * from {table}")
    async with overdue.database.transaction() as tx:
        await tx.execute(f"select from {table} for no key update")
        async with asyncio.timeout(_SECONDS):
            await _JOBS[job].run(overdue.database)
    assert await overdue.rows(f"select * from {table}") == before
    await _JOBS[job].run(overdue.database)
    assert await overdue.rows(f"select * from {table}") != before


async def test_looks_that_take_long_are_shared_out_so_that_nobody_waits_for_all(
    care: CareRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = {(await Order(care, promised_in=5 * DAY).placed()).order_id for _ in range(3)}
    clock.step_to(now() + 30 * DAY)
    monkeypatch.setattr(detecting, "_MOST_SECONDS", 0.0)
    for left in (2, 1, 0):
        await _JOBS["evaluate"].run(care.database)
        due = await care.rows("select order_id from watch where next_check_at <= $1", now())
        assert len(orders & {row["order_id"] for row in due}) == left
    for order_id in orders:
        assert await care.rows("select 1 from exception where order_id = $1", order_id)


async def test_whoever_hears_of_the_customer_waits_for_who_moves_their_case(care: CareRig) -> None:
    order, case = await damaged(care)
    await care.act(f"/cases/{case['id']}/wait", {"state": "waiting_customer", "reason": "a photo is on its way"})

    async def hear() -> int:
        async with care.database.transaction() as other:
            return len(await cases.lock_waiting_for_customer(other, order.order_id))

    async with care.database.transaction() as tx:
        (waiting,) = await cases.lock_waiting_for_customer(tx, order.order_id)
        hearing = asyncio.create_task(hear())
        await until_waiting(care.database)
        await ledger.wake(tx, waiting, "care:ann", "the photo has come")
    assert await hearing == 0, "it waits for its customer no more"


async def test_of_two_who_change_the_case_they_saw_the_second_is_told_to_look_again(care: CareRig) -> None:
    _, case = await damaged(care)
    path = f"/cases/{case['id']}"
    seen = f'"{case["version"]}"'
    async with care.database.transaction() as tx:
        await cases.lock_case(tx, case["id"])
        changes = [
            asyncio.create_task(care.post(f"{path}/notes", {"text": text}, match=seen)) for text in ("broken", "wet")
        ]
        await until_waiting(care.database, 2)
    assert sorted([(await change).status_code for change in changes]) == [200, 412]


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("resolve", {"reason": "the customer keeps it", "customer_informed": "by phone"}),
        ("reopen", {"reason": "the customer called"}),
    ],
)
async def test_trouble_that_comes_while_an_agent_ends_or_reopens_its_case_is_worked_in_it(
    care: CareRig, act: str, body: Json
) -> None:
    order, case = await damaged(care)
    path = f"/cases/{case['id']}"
    if act == "reopen":
        await care.act(f"{path}/resolve", {"reason": "the customer keeps it", "customer_informed": "by phone"})
    await care.post("/reports", {"order_id": str(order.order_id), "kind": "wrong_item"})
    async with care.database.transaction() as tx:
        # The agent has the case and cannot be done yet: they wait for its clocks.
        await tx.execute("select from case_clock for no key update")
        agent = asyncio.create_task(care.post(f"{path}/{act}", body))
        await until_waiting(care.database)
        trouble = asyncio.ensure_future(_JOBS["evaluate"].run(care.database))
        await until_waiting(care.database, 2)
    assert (await agent).is_success
    await trouble
    again = await care.case(order.order_id)
    (found,) = await care.rows("select case_id from exception where kind = 'wrong_item'")
    assert (found["case_id"], again["state"], again["reopened"]) == (case["id"], "in_progress", 1)


async def test_a_remedy_that_is_approved_and_denied_at_once_is_decided_once(care: CareRig) -> None:
    _, case = await damaged(care, value=180_00)
    remedy = await care.act(f"/cases/{case['id']}/remedies", {"kind": "reship", "reason": "goods unusable"})
    path = f"/remedies/{remedy['id']}"
    approved, denied = await together(
        care, "care_case", (f"{path}/approve", {}), (f"{path}/deny", {"reason": "a refund is cheaper"})
    )
    assert (approved.status_code, denied.status_code, denied.json()["code"]) == (200, 409, "remedy_decided")


async def test_what_happens_while_a_message_leaves_is_told_in_another(care: CareRig) -> None:
    order, case = await damaged(care, value=12_00)
    (reship,) = await care.rows("select * from remedy where order_id = $1", order.order_id)
    sorry = await care.act(f"/cases/{case['id']}/remedies", {"kind": "goodwill_credit", "reason": "sorry"})
    await order.remedy_executed(reship)
    clock.step_to(now() + 25 * MINUTE)
    async with care.database.transaction() as tx:
        leaving = await remedies.lock_due_messages(tx, 10)
        async with asyncio.timeout(_SECONDS):
            await replace(order, facts=Whispering(care)).remedy_executed(sorry)
    told = await care.rows("select id, state from message where topic = 'remedy' order by id")
    assert [(row["state"], row["id"] in {one.id for one in leaving}) for row in told] == [
        ("planned", True),
        ("planned", False),
    ]


async def test_a_message_that_two_send_again_at_once_leaves_once_more(care: CareRig) -> None:
    await damaged(care)
    await care.later(HOUR)
    (message,) = await care.rows("update message set state = 'sent' returning *")
    path = f"/messages/{message['id']}/resend"
    first, second = await together(care, "message", (path, {}), (path, {}))
    assert (first.status_code, second.status_code, second.json()["code"]) == (202, 409, "not_sent")


async def test_who_notes_that_a_message_left_takes_the_order_before_its_cases_as_a_look_does(care: CareRig) -> None:
    order, _ = await damaged(care)
    (message,) = await care.rows("select * from message")
    letter = sending.Letter(
        message["id"], new_id(), order.order_id, message["storefront_id"], Channel.EMAIL, Topic.DAMAGE,
        message["facts"], None,
    )  # fmt: skip

    async def note() -> None:
        async with care.database.transaction() as tx:
            await sending.record(tx, letter, Outcome(result=sending.Sent(Words("We are sorry", "It arrived broken."))))

    async with care.database.transaction() as tx:
        await lock_watch(tx, order.order_id)
        noting = asyncio.create_task(note())
        await until_waiting(care.database)
        free = await tx.fetch("select from care_case for update skip locked")
        free += await tx.fetch("select from message where state = 'planned' for update skip locked")
    await noting
    assert len(free) == 2
    assert [row["state"] for row in await care.rows("select state from message")] == ["sent"]


async def test_an_incident_that_ends_by_itself_while_somebody_ends_it_is_ended_once(care: CareRig) -> None:
    orders = await silent(care)
    (incident,) = (await care.get("/incidents"))["data"]
    await orders[0].scanned()
    async with care.database.transaction() as tx:
        assert await detecting.watch_feeds(tx) == 1
        path, reason = f"/incidents/{incident['id']}/end", {"reason": "the carrier called"}
        ends = asyncio.create_task(care.post(path, reason, role=Role.OPERATOR))
        await until_waiting(care.database)
    refused = await ends
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    assert len(await care.rows("select from audit where act = 'end_incident'")) == 1


async def test_a_trouble_that_grows_twice_in_one_moment_is_kept_as_it_is_then(care: CareRig) -> None:
    order = await Order(care, promised_in=4 * DAY).placed()
    while not (found := await care.rows("select * from exception where kind = 'preship_risk'")):
        await care.later(HOUR)
    await care.tell(
        FulfilmentPlanned(
            order_id=order.order_id,
            fulfilment_id=order.fulfilment_id,
            release_no=1,
            location="berlin",
            cut_off_at=now() + HOUR,
            lines=order.units,
            queue_depth=3000,
            progress=progress("planned"),
        )
    )
    (grown,) = await care.rows("select * from exception where kind = 'preship_risk'")
    assert (found[0]["level"], grown["level"], grown["level_at"]) == ("at_risk", "predicted", found[0]["level_at"])
    levels = await care.rows("select at, level from exception_level where exception_id = $1", grown["id"])
    assert levels == [{"at": now(), "level": "predicted"}]


async def test_facts_of_several_orders_take_them_in_one_order(care: CareRig) -> None:
    first, second = Order(care), Order(care)
    for order in (second, first):
        await order.placed()

    async def fold_facts() -> None:
        async with care.database.transaction() as tx:
            await fold.touch(tx, [second.order_id, first.order_id])

    async with care.database.transaction() as tx:
        await lock_watch(tx, first.order_id)
        folding = asyncio.create_task(fold_facts())
        await until_waiting(care.database)
        free = await tx.fetch("select order_id from watch for no key update skip locked")
    await folding
    assert {row["order_id"] for row in free} == {first.order_id, second.order_id}


async def test_a_trouble_is_raised_once_and_worked_in_one_case(care: CareRig) -> None:
    _, case = await damaged(care)
    await refuse_twin(care.database, "one_open_case", "care_case", {"id": case["id"]}, number="another")
    await refuse_twin(care.database, "one_open_exception", "exception", {"case_id": case["id"]})


async def test_a_cause_has_one_remedy(care: CareRig) -> None:
    order, case = await damaged(care, value=12_00)
    (remedy,) = await care.rows("select dedupe from remedy where order_id = $1", order.order_id)
    by_itself = Decision(ledger.PLAYBOOK, Authority.AUTOMATIC, automatic=True)
    async with care.database.transaction() as tx:
        wish = Wish(RemedyKind.RESHIP, "the same again", dedupe=remedy["dedupe"])
        assert await grant(tx, await cases.lock_case(tx, case["id"]), wish, by_itself) is None
    await refuse_twin(care.database, "remedy_dedupe_key", "remedy", {"order_id": order.order_id})


@pytest.mark.parametrize("told", ["executed", "refused"])
async def test_what_became_of_a_remedy_is_noted_once_however_often_orders_tells_it(care: CareRig, told: str) -> None:
    order, case = await damaged(care, value=12_00)
    (reship,) = await care.rows("select * from remedy where order_id = $1", order.order_id)
    for _ in range(2):
        await (order.remedy_executed(reship) if told == "executed" else order.remedy_refused(reship, "no_stock"))
    noted = await care.rows("select 1 from case_entry where case_id = $1 and act = $2", case["id"], told)
    assert len(noted) == 1
    assert await care.rows("select 1 from parked") == []


async def test_a_customer_is_told_once_and_again_only_one_message_at_a_time(care: CareRig) -> None:
    order, _ = await damaged(care)
    told = {"order_id": order.order_id}
    await refuse_twin(care.database, "told_once", "message", told)
    (message,) = await care.rows("update message set state = 'sent' where order_id = $1 returning id", order.order_id)
    again = {"state": "planned", "resend_of": str(message["id"])}
    await copy_row(care.database, "message", told, **again)
    await refuse_twin(care.database, "resent_once_at_a_time", "message", {"id": message["id"]}, **again)


async def test_an_order_is_rated_once(care: CareRig) -> None:
    order = await Order(care).placed()
    for value in ("5", "1"):
        said = await care.customer_says(order.order_id, "words", kind="rating", value=value)
        assert said["rating"] == 5
    await refuse_twin(care.database, "rated_once", "word", {"order_id": order.order_id}, value="1")


async def test_what_is_silent_is_one_incident(care: CareRig) -> None:
    await silent(care)
    (incident,) = (await care.get("/incidents"))["data"]
    await refuse_twin(care.database, "one_open_incident", "incident", {"id": UUID(incident["id"])})
