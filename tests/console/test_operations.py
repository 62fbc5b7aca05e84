"""The operators' pages: health, pauses with their banner, stuck messages, drift and the audit trail."""

import html
import re
from datetime import timedelta

import asyncpg
import pytest

from deploy.local.stack import LocalStack
from services.console import rendering
from shared import clock
from shared.ids import new_id
from tests.clients import Clients
from tests.console.conftest import Visit
from tests.console.operations import changed, pressed
from tests.console.shop import Shop
from tests.console.visitor import text_of
from tests.waiting import wait_until


async def test_an_operator_sees_how_every_service_is(visit: Visit) -> None:
    visitor = await visit("operator")

    async def all_answer() -> str:
        page = await visitor.read("/operations")
        return "" if "does not answer" in page else page

    shown = await wait_until(all_answer, what="every service answers in time")
    for service in ("orders", "inventory", "shipping", "care"):
        assert service in shown
    assert "no worker is running" not in shown


async def test_a_service_that_is_away_is_shown_as_away(visit: Visit, stack: LocalStack) -> None:
    visitor = await visit("operator")
    await stack.stop_processes(["shipping-api"])
    try:
        assert "shipping away does not answer" in await visitor.read("/operations")
    finally:
        await stack.start_processes(["shipping-api"])


async def test_of_a_service_that_is_away_nothing_is_called_well(visit: Visit, stack: LocalStack) -> None:
    operator, support = await visit("operator"), await visit("support")
    await operator.get("/operations")
    set_it = {"what": "shipping/booking", "reason": "the carrier moves", "key": str(new_id())}
    assert await pressed(operator, "/operations/pauses", set_it) == 303
    await stack.stop_processes(["shipping-api"])
    try:
        shown = await operator.read("/operations")
        assert "Not answered by shipping: what is there is not shown." in shown
        assert "Nothing is paused." not in shown
        assert " ? " in shown, "how far care reads behind shipping is not known"
        stuck = await operator.read("/operations/messages")
        assert "Not answered by shipping: what is there is not shown." in stuck
        assert all(words not in stuck for words in ("Nothing waits.", "Every record was read.", "Nothing is overdue."))
        assert "Not answered by shipping" in await operator.read("/operations/audit")

        for path in ("/operations/pauses", "/operations/pauses/resume"):
            asks_anew = {"what": "care/messages", "scope": "*", "reason": "the mail moves", "key": str(new_id())}
            assert await pressed(operator, path, asks_anew) == 303
        assert "Paused: booking the carrier moves" in await support.read("/look-up"), "what was paused still is"
    finally:
        await stack.start_processes(["shipping-api"])
        lift = {"what": "shipping/booking", "scope": "*", "reason": "it moved", "key": str(new_id())}
        assert await pressed(operator, "/operations/pauses/resume", lift) == 303


async def test_a_pause_is_on_every_page_until_it_is_lifted(visit: Visit) -> None:
    operator, support = await visit("operator"), await visit("support")
    await operator.get("/operations")
    set_it = {"what": "care/messages", "reason": "mail server moves", "key": str(new_id())}
    assert await pressed(operator, "/operations/pauses", set_it) == 303
    try:
        assert "Paused: messages mail server moves" in await support.read("/look-up")
        page = await operator.read("/operations")
        assert "operator:operator" in page
    finally:
        await operator.get("/operations")
        lift = {"what": "care/messages", "scope": "*", "reason": "it moved", "key": str(new_id())}
        assert await pressed(operator, "/operations/pauses/resume", lift) == 303
    assert "Paused: messages" not in await support.read("/look-up")
    trail = await operator.read("/operations/audit")
    assert "mail server moves" in trail
    assert "it moved" in trail


_CAUSES = {
    "job:end_dwells:0190": "by the clock: end dwells",
    "effect:send_messages:0191": "by work outside: send messages",
    "event:01900000-0000-7000-8000-0000deadbeef": "after event deadbeef",
    "retention": "because data is kept no longer than it may be",
    "": "",
}
_BY_ALL = """
insert into audit (at, actor, act, subject, reason, cause)
select now(), $1, 'end_incident', 'number ' || n, 'it is over', c from unnest($2::text[]) with ordinality as u(c, n)
"""


async def test_the_trail_says_what_each_act_followed_from(visit: Visit, stack: LocalStack) -> None:
    operator, actor = await visit("operator"), f"robot:{new_id().hex}"
    connection = await asyncpg.connect(stack.dsn("care"))
    try:
        await connection.execute(_BY_ALL, actor, list(_CAUSES))
    finally:
        await connection.close()
    page = await operator.get("/operations/audit", actor=actor, service="care")
    shown = re.findall(r"end incident care ?(?:, (.*?))? number (\d)", text_of(page))
    assert {int(number): words for words, number in shown} == dict(enumerate(_CAUSES.values(), 1))
    (job,) = re.findall(r'href="(/operations/audit\?cause=job[^"]+)"', page.text)
    assert re.findall(r"number (\d)", await operator.read(html.unescape(job))) == ["1"]


async def test_what_a_click_did_is_found_by_the_number_of_its_request(visit: Visit) -> None:
    operator = await visit("operator")
    await operator.get("/operations")
    wanted = {"what": "care/messages", "scope": "*", "reason": "nothing is paused", "key": str(new_id())}
    answer = await operator.post("/operations/pauses/resume", wanted)
    number = answer.headers["x-request-id"]
    shown = await operator.get("/operations/audit", cause=number)
    assert text_of(shown).count("nothing is paused") == 1
    assert f"by request {number[-8:]}" in text_of(shown)
    assert "nothing is paused" in await operator.read("/operations/audit", cause=number[-8:])
    assert "nothing is paused" not in await operator.read("/operations/audit", cause=str(new_id()))


async def test_a_pause_needs_a_reason_and_a_scope_that_is_known(visit: Visit) -> None:
    operator = await visit("operator")
    await operator.get("/operations")
    for fields in ({"reason": ""}, {"reason": "because", "scope": "nowhere"}):
        told = {"what": "shipping/booking", "key": str(new_id()), **fields}
        assert await pressed(operator, "/operations/pauses", told) == 422, fields

    async def nothing_is_paused() -> bool:
        return "Nothing is paused." in await operator.read("/operations")

    await wait_until(nothing_is_paused, what="all services say that nothing is paused")


async def test_stock_is_compared_with_its_ledger(visit: Visit, shop: Shop) -> None:
    await shop.place()
    assert "Compared just now" in await (await visit("operator")).read("/operations/drift")


@pytest.mark.parametrize(
    ("bucket", "words"), [("damaged", "3 0 by the ledger 0"), ("quarantined", "0 3 0 by the ledger")]
)
async def test_stock_that_drifted_is_shown_with_what_its_ledger_says(
    visit: Visit, shop: Shop, stack: LocalStack, bucket: str, words: str
) -> None:
    here = "where sku = $1"
    change = f"update stock set {bucket} = 3 {here}"
    async with changed(stack.dsn("inventory"), change, f"update stock set {bucket} = 0 {here}", shop.skus[0]):
        shown = await (await visit("operator")).read("/operations/drift")
    assert f"{shop.skus[0]} {shop.tag} 100 0 {words}" in shown


_MANY_DRIFT = """
with more as (
  insert into sku select (jsonb_populate_record(s, jsonb_build_object('code', $1 || '-' || n))).*
  from sku s, generate_series(1, 520) n where s.code = $1 returning code)
insert into stock select (jsonb_populate_record(t, jsonb_build_object('sku', more.code, 'on_hand', 7))).*
from stock t, more where t.sku = $1
"""
_NO_MORE = """
with gone as (delete from stock where starts_with(sku, $1 || '-')) delete from sku where starts_with(code, $1 || '-')
"""


async def test_when_more_stock_drifted_than_is_shown_it_says_how_much_and_what_names_all_of_it(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    operator = await visit("operator")
    async with changed(stack.dsn("inventory"), _MANY_DRIFT, _NO_MORE, shop.skus[0]):
        shown = await operator.read("/operations/drift")
    assert re.search(r"reservations 500 of 5\d\d Article", shown)
    assert re.search(r"The other \d\d are not shown here\..*: doorstep check --json", shown)


async def test_a_service_with_overdue_things_is_not_called_well_and_leads_to_them(
    visit: Visit, stack: LocalStack
) -> None:
    late = (
        "insert into overdue (kind, subject, state, due_at, told_at) "
        "values ('refund', $1, 'requested', now() - interval '9 days', now())"
    )
    subject = str(new_id())
    operator = await visit("operator")
    async with changed(stack.dsn("orders"), late, "delete from overdue where subject = $1", subject):
        shown = await operator.get("/operations")
        assert "orders look at it" in text_of(shown)
        assert "something has stayed in its state too long" in text_of(shown)
        assert 'href="/operations/messages?service=orders#overdue"' in shown.text
        assert subject in await operator.read("/operations/messages", service="orders")


_MANY_ACTS = """
insert into audit (at, actor, act, subject, reason)
select now() - n * interval '1 second', $1, 'end_incident', 'number ' || n, 'it is over'
from generate_series(120, 1, -1) n
"""


async def test_the_trail_is_narrowed_and_paged_and_no_row_is_lost(visit: Visit, stack: LocalStack) -> None:
    operator, actor = await visit("operator"), f"robot:{new_id().hex}"
    connection = await asyncpg.connect(stack.dsn("care"))
    try:
        await connection.execute(_MANY_ACTS, actor)
    finally:
        await connection.close()

    async def complete() -> str:
        page = await operator.get("/operations/audit", actor=actor.upper())
        return "" if "Not answered by" in page.text else page.text

    first = await wait_until(complete, what="every service answers")
    older = re.search(r'href="([^"]+)">Older', first)
    assert older is not None
    second = (await operator.get(html.unescape(older[1]))).text
    numbers = re.findall(r"number (\d+)<", first + second)
    assert [int(number) for number in numbers] == list(range(1, 121)), "the newest first"
    assert ">Older" not in second
    nothing = "Nothing was done that is asked for."
    assert nothing in await operator.read("/operations/audit", actor=actor, service="orders")
    assert nothing in await operator.read("/operations/audit", actor=actor, day="2001-01-01")
    today = f"{rendering.local(clock.now()):%Y-%m-%d}"
    assert "number 1" in await operator.read("/operations/audit", actor=actor, service="care", day=today)
    for wrong in ({"day": "yesterday"}, {"seen": "care:last"}):
        assert (await operator.get("/operations/audit", **wrong)).status_code == 422, wrong


async def test_sign_ins_are_on_the_trail_when_asked_for_and_once_each(visit: Visit) -> None:
    operator = await visit("operator")
    mine = {"actor": "operator", "service": "console"}
    assert "signed in" not in await operator.read("/operations/audit", **mine)
    shown = await operator.read("/operations/audit", **mine, sign_ins="1")
    assert "signed in" in shown
    assert "tried to sign in" not in shown


async def test_the_trail_keeps_what_was_before_and_leads_to_the_order(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    order = await shop.place()
    operator, actor = await visit("operator"), f"ida-{order.reference.lower()}"
    body = {
        "deliver_by_latest": (clock.now() + timedelta(days=9)).isoformat(),
        "reason": "the tents are late", "attributed_to": "stock",
    }  # fmt: skip
    answer = await clients.of("orders", role="support", subject=actor).post(
        f"/staff/orders/{order.number}/promises", json=body, headers={"Idempotency-Key": str(new_id())}
    )
    assert answer.status_code == 201, answer.text
    shown = await operator.get("/operations/audit", actor=actor)
    assert f'href="/orders/{order.number}"' in shown.text
    assert re.search(r'What changed \S → \{.*"revision": 2', text_of(shown))
