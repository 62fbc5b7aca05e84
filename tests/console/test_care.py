"""Customer care at its queue and its cases: who does what, what is refused and why, and who sees whom."""

import html
import re
from uuid import UUID

import asyncpg
import pytest

from deploy.local.stack import LocalStack
from tests.clients import Clients
from tests.console.care import DEAR, act, trouble
from tests.console.conftest import Visit
from tests.console.shop import Order, Shop
from tests.console.visitor import Visitor, text_of
from tests.waiting import wait_until


def of(case_id: str) -> str:
    return f"/care/cases/{case_id}"


async def take(visitor: Visitor, case_id: str) -> None:
    answer = await act(visitor, of(case_id), f"{of(case_id)}/take")
    assert answer.status_code == 204, answer.text


async def waits_for_a_lead(visitor: Visitor, case_id: str) -> str:
    """Ask for more than an agent may grant; give the remedy's id."""
    answer = await act(visitor, of(case_id), f"{of(case_id)}/remedies", {"kind": "reship", "reason": "all in pieces"})
    assert answer.status_code == 204, answer.text
    page = (await visitor.get("/care/approvals")).text
    (remedy_id,) = re.findall(rf'data-row="([^"]+)">(?:(?!<article).)*?{case_id}', page, re.DOTALL)
    return str(UUID(remedy_id))


async def test_the_queue_shows_what_is_wrong_what_is_at_stake_and_what_to_do(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    order, case_id = await trouble(shop, clients)
    visitor = await visit("care")
    page = await visitor.read("/care", q=order.number)
    for words in ("Damage", "The parcel was damaged on its way.", "€ 25.80", "Reship or refund", "P"):
        assert words in page
    shown = (await visitor.get("/care", q=order.number)).text
    assert f'href="{of(case_id)}"' in shown
    assert 'data-due datetime="' in shown


async def test_a_case_is_taken_noted_snoozed_and_resolved(visit: Visit, shop: Shop, clients: Clients) -> None:
    _, case_id = await trouble(shop, clients)
    visitor = await visit("care")
    await take(visitor, case_id)
    assert "It is yours now." in await visitor.read(of(case_id))
    await act(visitor, of(case_id), f"{of(case_id)}/notes", {"text": "a photo is on its way"})
    await act(
        visitor,
        of(case_id),
        f"{of(case_id)}/wait",
        {"state": "waiting_customer", "reason": "waits for the photo", "hours": "24"},
    )
    page = await visitor.read(of(case_id))
    assert "“in pieces” reported as damage" in page
    assert "Noted a photo is on its way" in page
    assert "waiting customer" in page
    assert "Waits for the photo" in page
    assert "back in the queue" in page
    assert "Work on it again" in page

    await take(visitor, case_id)
    worked = await visitor.read(of(case_id))
    assert "back in the queue" not in worked
    assert "Work on it again" not in worked

    ended = await act(
        visitor,
        of(case_id),
        f"{of(case_id)}/resolve",
        {"reason": "the customer keeps it", "customer_informed": "on the phone"},
    )

    assert ended.status_code == 204, ended.text
    assert "Ended by reason · Carla Care" in await visitor.read(of(case_id))
    await act(visitor, of(case_id), f"{of(case_id)}/reopen", {"reason": "it does not close"})
    assert "reopened 1 times" in await visitor.read(of(case_id))


async def test_a_case_says_why_it_is_urgent_who_is_next_and_which_clock_runs(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(shop, clients)
    visitor = await visit("care")
    untaken = await visitor.read(of(case_id))
    assert "By whom whoever takes it" in untaken
    assert re.search(
        r"Due [^.]*?(Tell the customer|First response) Priority P\d The customer has no usable goods;", untaken
    )
    assert untaken.index("Evidence") < untaken.index("Suggested, the best first"), "seen before it is decided"
    await take(visitor, case_id)
    assert "By whom you" in await visitor.read(of(case_id))


async def test_the_next_case_is_one_nobody_is_on_and_what_was_skipped_does_not_come_back(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(shop, clients, kind="wrong_item")
    visitor = await visit("care")
    page = "/care?kind=wrong_item"

    async def served() -> str:
        answer = await act(visitor, page, "/care/next")
        return str(answer.headers.get("hx-redirect", ""))

    # Other tests leave their cases in the same queue.
    while (given := await served()) != of(case_id):
        assert given, "the queue ran dry without this test's case"
    skipped = await act(visitor, of(case_id), f"{of(case_id)}/skip", {"reason": "I know the customer"})
    assert skipped.headers["hx-redirect"] == page, "back to what was shown"
    again = await act(visitor, page, "/care/next")
    assert again.headers.get("hx-redirect") != of(case_id)


async def test_who_comes_from_a_view_gets_its_next_case_and_comes_back_to_it(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(shop, clients, kind="missing_item")
    visitor = await visit("care")
    page = "/care?view=unassigned&kind=missing_item&priority=P4"
    await visitor.get(page)
    assert f'href="{html.escape(page)}" data-back' in (await visitor.get(of(case_id))).text
    # None of them has this priority, and the case is not served though its kind is asked for.
    nothing = await act(visitor, of(case_id), "/care/next")
    assert (nothing.status_code, text_of(nothing)) == (404, "No case in this queue is free.")
    await visitor.get("/care?kind=missing_item")
    await take(visitor, case_id)
    told = {"reason": "it was found", "customer_informed": "on the phone"}
    assert (await act(visitor, of(case_id), f"{of(case_id)}/resolve", told)).status_code == 204
    assert "Ended by reason" in await visitor.read(of(case_id))
    following = await act(visitor, of(case_id), "/care/next")
    assert following.headers.get("hx-redirect", "") != of(case_id)


_MANY_MORE = """
insert into care_case select (jsonb_populate_record(c, jsonb_build_object(
  'id', gen_random_uuid(), 'number', $2 || n, 'kind', 'unknown_code'))).* from care_case c, generate_series(1, 120) n
where c.id = $1
"""


async def test_a_queue_longer_than_a_page_shows_more(
    visit: Visit, shop: Shop, clients: Clients, stack: LocalStack
) -> None:
    _, case_id = await trouble(shop, clients)
    visitor = await visit("care")
    told = {"reason": "it was found", "customer_informed": "on the phone"}
    assert (await act(visitor, of(case_id), f"{of(case_id)}/resolve", told)).status_code == 204
    connection = await asyncpg.connect(stack.dsn("care"))
    await connection.execute(_MANY_MORE, UUID(case_id), case_id[-8:])
    try:
        seen = []
        address = "/care?view=resolved&kind=unknown_code"
        while address:
            shown = (await visitor.get(address)).text
            seen.append(shown.count("data-row-link"))
            more = re.search(r'href="([^"#]+)#case-[^"]+">Show more', shown)
            address = html.unescape(more[1]) if more is not None else ""
        assert seen == [50, 100, 120]
        assert "120 cases" in shown
        assert 'hx-get="/care?view=resolved&amp;kind=unknown_code&amp;shown=150"' in shown, "refreshing keeps them"
    finally:
        await connection.execute("delete from care_case where kind = 'unknown_code' and number ~ $1", case_id[-8:])
        await connection.close()


async def test_a_remedy_over_ones_limit_waits_for_another_person(visit: Visit, shop: Shop, clients: Clients) -> None:
    order, case_id = await trouble(shop, clients, books=DEAR)
    agent, lead = await visit("care"), await visit("care_lead")
    page = await agent.read(of(case_id))
    assert "Send it again € 258.00" in page
    assert "within your limit" in page
    remedy_id = await waits_for_a_lead(agent, case_id)

    own = await agent.read("/care/approvals")
    assert "You asked for this: another person decides." in own
    assert f"/care/approvals/{remedy_id}/approve" not in (await agent.get("/care/approvals")).text
    refused = await agent.post(f"/care/approvals/{remedy_id}/approve", {"key": remedy_id}, HX_Request="true")
    assert (refused.status_code, text_of(refused)) == (403, "You asked for this yourself: another person decides.")

    denied = await act(lead, "/care/approvals", f"/care/approvals/{remedy_id}/deny", {"reason": "a refund will do"})
    assert denied.status_code == 204, denied.text
    assert "denied" in await agent.read(of(case_id))
    assert order.number in await lead.read(of(case_id))


async def test_who_may_not_approve_is_told_who_may_and_gets_no_button(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(shop, clients, books=8)
    asked = await clients.of("care", role="care", subject="anybody").post(
        f"/staff/cases/{case_id}/remedies",
        json={"kind": "reship", "reason": "all in pieces"},
        headers={"Idempotency-Key": f"reship {case_id}"},
    )
    assert (asked.status_code, asked.json()["cost"]) == (201, 103_20)
    agent, lead = await visit("care"), await visit("care_lead")
    told = await agent.read("/care/approvals")
    assert "needs a senior agent or a lead" in told
    assert "Over your limit, or over what is left of it today: a senior agent or a lead decides." in told
    approve = f"/care/approvals/{asked.json()['id']}/approve"
    assert approve not in (await agent.get("/care/approvals")).text
    assert approve in (await lead.get("/care/approvals")).text
    assert re.search(r"You may still grant € [\d,.]+ of € 500.00 today.", await agent.read(of(case_id)))
    await act(lead, "/care/approvals", approve.replace("approve", "deny"), {"reason": "they want their money"})
    assert "needs approval by a senior agent or a lead" in await agent.read(of(case_id))


async def test_an_approved_reship_is_carried_out_and_its_case_resolves_on_the_answer(
    visit: Visit, writing_shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(writing_shop, clients, books=DEAR)
    agent, lead = await visit("care"), await visit("care_lead")
    remedy_id = await waits_for_a_lead(agent, case_id)
    approved = await act(lead, "/care/approvals", f"/care/approvals/{remedy_id}/approve")
    assert approved.status_code == 204, approved.text

    async def ended() -> bool:
        return "Ended by reship" in await agent.read(of(case_id))

    await wait_until(ended, what="orders carried the reship out")
    page = await agent.read(of(case_id))
    assert "decided by Leo Lead" in page
    assert "the new order" in page


async def test_who_works_on_an_old_view_of_a_case_is_told_in_plain_words(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(shop, clients)
    agent, lead = await visit("care"), await visit("care_lead")
    version = re.search(r'name="version" value="(\d+)"', (await agent.get(of(case_id))).text)
    assert version is not None
    await take(lead, case_id)
    late = await agent.post(
        f"{of(case_id)}/notes", {"key": "late", "version": version[1], "text": "mine"}, HX_Request="true"
    )
    assert late.status_code == 412
    assert "Somebody changed this case after you opened it" in text_of(late)
    notice = await agent.read(f"{of(case_id)}/presence", version=version[1])
    assert "This case has changed since you opened it." in notice
    assert "Leo Lead is on this case." in notice


async def test_two_people_with_one_case_open_see_each_other(visit: Visit, shop: Shop, clients: Clients) -> None:
    order, case_id = await trouble(shop, clients)
    agent, lead = await visit("care"), await visit("care_lead")
    assert "has this case open too" not in await agent.read(of(case_id))
    assert "Carla Care has this case open too" in await lead.read(of(case_id))
    assert "Leo Lead has this case open too" in await agent.read(f"{of(case_id)}/presence", version="1")
    assert "Leo Lead" in await agent.read("/care", q=order.number)


async def test_several_cases_are_previewed_before_anything_is_done(visit: Visit, shop: Shop, clients: Clients) -> None:
    order, case_id = await trouble(shop, clients)
    visitor = await visit("care")
    page = (await visitor.get("/care", q=order.number)).text
    box = re.search(rf'name="cases" value="({case_id}:\d+)"', page)
    assert box is not None
    wanted = {"act": "resolve", "cases": box[1], "reason": "all is well"}

    told = await visitor.post("/care/bulk/preview", wanted, HX_Request="true")
    assert "Resolve: 0 will change, 1 refused" in text_of(told)
    assert "The customer has not been told" in text_of(told)

    wanted["customer_informed"] = "by phone"
    told = await visitor.post("/care/bulk/preview", wanted, HX_Request="true")
    assert "Resolve: 1 will change" in text_of(told)
    assert "Take it" in await visitor.read(of(case_id)), "a preview changes nothing"

    done = await visitor.post("/care/bulk", {**wanted, "key": f"bulk {case_id}"}, HX_Request="true")
    assert done.status_code == 204, done.text
    assert "Ended by reason" in await visitor.read(of(case_id))
    stale = await visitor.post("/care/bulk", {**wanted, "key": f"stale {case_id}"}, HX_Request="true")
    assert "Somebody changed this case after you opened it" in text_of(stale)


_FALLS_SILENT = """
with gone as (update watch_parcel set carrier = $2 where order_id = (select order_id from care_case where id = $1)),
  theirs as (update care_case set family = 'delivery' where id = $1)
insert into incident (id, kind, scope, state, opened_at, evidence)
values (gen_random_uuid(), 'feed_silent', $2, 'open', now(), '{}')
"""


async def test_an_incident_is_told_above_the_queue_and_on_its_cases_until_a_lead_ends_it(
    visit: Visit, shop: Shop, clients: Clients, stack: LocalStack
) -> None:
    order, case_id = await trouble(shop, clients)
    agent, lead = await visit("care"), await visit("care_lead")
    carrier = f"carrier-{order.number}"
    assert "lies under an incident" not in await agent.read(of(case_id))
    connection = await asyncpg.connect(stack.dsn("care"))
    try:
        await connection.execute(_FALLS_SILENT, UUID(case_id), carrier)
    finally:
        await connection.close()

    banner = await agent.get("/care")
    assert f"No news from a carrier: {carrier}" in text_of(banner)
    assert "1 cases under it" in text_of(banner)
    (beneath,) = re.findall(rf"{carrier}.*?(/care\?incident=[0-9a-f-]+)", banner.text, re.DOTALL)
    assert order.number in await agent.read(beneath)
    assert f"It lies under an incident, no news from a carrier: {carrier}" in await agent.read(of(case_id))
    assert f'href="{beneath}"' in (await agent.get(of(case_id))).text

    end = f"/care/incidents/{beneath.partition('=')[2]}/end"
    assert end not in banner.text, "only a lead ends it"
    ended = await act(lead, "/care", end, {"reason": "the carrier called"})
    assert ended.status_code == 204, ended.text
    assert carrier not in await agent.read("/care")
    assert "lies under an incident" not in await agent.read(of(case_id))


async def test_only_a_lead_puts_another_person_on_a_case(visit: Visit, shop: Shop, clients: Clients) -> None:
    _, case_id = await trouble(shop, clients)
    agent, lead = await visit("care"), await visit("care_lead")
    assert f"{of(case_id)}/assign" not in (await agent.get(of(case_id))).text
    done = await act(lead, of(case_id), f"{of(case_id)}/assign", {"assignee": "care:care"})
    assert done.status_code == 204, done.text
    assert "Give it back" in await agent.read(of(case_id))


async def test_a_view_is_kept_for_its_person_and_deleted_again(visit: Visit) -> None:
    agent, lead = await visit("care"), await visit("care_lead")
    kept = await act(agent, "/care?kind=damage&priority=P2", "/care/views", {"name": "Dear damage"})
    assert kept.headers["hx-redirect"] == "/care?kind=damage&priority=P2"
    assert "Dear damage" in await agent.read("/care")
    assert "Dear damage" not in await lead.read("/care")
    (view,) = re.findall(r'action="(/care/views/[^"]+/delete)"', (await agent.get("/care")).text)
    await act(agent, "/care", view)
    assert "Dear damage" not in await agent.read("/care")


@pytest.mark.parametrize("view", ["all", "mine", "unassigned", "due", "waiting", "resolved"])
async def test_every_view_opens(visit: Visit, view: str) -> None:
    visitor = await visit("care")
    assert re.search(r"\d+ cases?|Nothing here|due first", await visitor.read("/care", view=view))


async def test_what_support_reports_opens_a_case_of_its_kind(visit: Visit, shop: Shop, clients: Clients) -> None:
    order: Order = await shop.place()
    await shop.ship(order)
    support, agent = await visit("support"), await visit("care")

    async def reported() -> bool:
        answer = await act(
            support, f"/orders/{order.number}", f"/orders/{order.number}/reports", {"kind": "missing_item"}
        )
        return answer.status_code == 204

    await wait_until(reported, what="care knows the order")

    async def linked() -> bool:
        return "missing item" in await agent.read(f"/orders/{order.number}")

    await wait_until(linked)
    assert 'href="/care/cases/' in (await agent.get(f"/orders/{order.number}")).text
    assert 'href="/care/cases/' not in (await support.get(f"/orders/{order.number}")).text
    early = await act(support, f"/orders/{order.number}", f"/orders/{order.number}/reports", {"kind": "not_received"})
    assert early.status_code == 409
    assert "scanned as delivered" in text_of(early)


async def test_whether_single_keys_act_is_kept_for_the_person(visit: Visit) -> None:
    visitor, elsewhere = await visit("care"), await visit("care")
    await visitor.post("/keys", {"act": "false"})
    try:
        assert 'data-single-keys="off"' in (await elsewhere.get("/care")).text
    finally:
        await visitor.post("/keys", {"act": "true"})
    assert 'data-single-keys="on"' in (await elsewhere.get("/care")).text


async def test_care_pages_have_no_code_or_style_of_their_own(visit: Visit, shop: Shop, clients: Clients) -> None:
    _, case_id = await trouble(shop, clients)
    visitor = await visit("care_lead")
    for path in ("/care", "/care/approvals", of(case_id)):
        text = (await visitor.get(path)).text
        assert " style=" not in text
        assert " onclick=" not in text
        assert "hx-on" not in text
        assert "<script>" not in text
