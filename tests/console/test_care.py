"""Customer care at its cases: who does what, what is refused and why, and who sees whom."""

import re
from uuid import UUID

from tests.clients import Clients
from tests.console.care import DEAR, act, of, take, trouble
from tests.console.conftest import Visit
from tests.console.shop import Order, Shop
from tests.console.visitor import Visitor, text_of
from tests.waiting import wait_until


async def waits_for_a_lead(visitor: Visitor, case_id: str) -> str:
    """Ask for more than an agent may grant; give the remedy's id."""
    answer = await act(visitor, of(case_id), f"{of(case_id)}/remedies", {"kind": "reship", "reason": "all in pieces"})
    assert answer.status_code == 204, answer.text
    page = (await visitor.get("/care/approvals")).text
    (remedy_id,) = re.findall(rf'data-row="([^"]+)"[^>]*>(?:(?!<article).)*?{case_id}', page, re.DOTALL)
    return str(UUID(remedy_id))


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


async def test_only_a_lead_puts_another_person_on_a_case(visit: Visit, shop: Shop, clients: Clients) -> None:
    _, case_id = await trouble(shop, clients)
    agent, lead = await visit("care"), await visit("care_lead")
    assert f"{of(case_id)}/assign" not in (await agent.get(of(case_id))).text
    done = await act(lead, of(case_id), f"{of(case_id)}/assign", {"assignee": "care:care"})
    assert done.status_code == 204, done.text
    assert "Give it back" in await agent.read(of(case_id))


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


async def test_an_orders_page_says_by_name_who_is_on_its_case(visit: Visit, shop: Shop, clients: Clients) -> None:
    order, case_id = await trouble(shop, clients)
    support, agent = await visit("support"), await visit("care")
    await take(agent, case_id)
    page = await support.read(f"/orders/{order.number}")
    cases = page[page.index("C-") : page.index("Messages to the customer")]
    assert "· Carla Care" in cases
    assert "care:care" not in cases
    followed = await support.http.get(f"/orders/{order.number}", headers={"HX-Request": "true"})
    assert "· Carla Care" in text_of(followed)


async def test_whether_single_keys_act_is_kept_for_the_person(visit: Visit) -> None:
    visitor, elsewhere = await visit("care"), await visit("care")
    await visitor.post("/keys", {"act": "false"})
    try:
        assert 'data-single-keys="off"' in (await elsewhere.get("/care")).text
    finally:
        await visitor.post("/keys", {"act": "true"})
    assert 'data-single-keys="on"' in (await elsewhere.get("/care")).text
