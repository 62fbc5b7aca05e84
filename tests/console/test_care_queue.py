"""The care queue: its views, what comes next, several cases at once, and what all of them have in common."""

import html
import re
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from deploy.local.stack import LocalStack
from shared import clock
from tests.clients import Clients
from tests.console.care import DEAR, act, ask_for_more, of, take, trouble
from tests.console.conftest import Visit
from tests.console.operations import changed
from tests.console.shop import Shop
from tests.console.visitor import Visitor, text_of
from tests.waiting import wait_until


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
    assert (nothing.status_code, text_of(nothing)) == (404, "No case waits: No case in this queue is free.")
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


async def test_several_cases_are_put_aside_until_the_moment_that_the_preview_told(
    visit: Visit, shop: Shop, clients: Clients
) -> None:
    order, case_id = await trouble(shop, clients)
    visitor = await visit("care")
    page = (await visitor.get("/care", q=order.number)).text
    box = re.search(rf'name="cases" value="({case_id}:\d+)"', page)
    assert box is not None
    wanted = {"act": "wait", "cases": box[1], "reason": "a photo is on its way", "state": "waiting_customer"}
    told = await visitor.post("/care/bulk/preview", {**wanted, "hours": "72"}, HX_Request="true")
    assert re.search(r"Let wait for: 1 will change .*→ waiting customer until \w", text_of(told))
    offered = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', told.text))
    until = datetime.fromisoformat(html.unescape(offered["until"]))
    assert timedelta(hours=71) < until - clock.now() <= timedelta(hours=72)
    done = await visitor.post("/care/bulk", {name: html.unescape(value) for name, value in offered.items()})
    assert done.status_code == 303, done.text
    assert "back in the queue" in await visitor.read(of(case_id))
    wrong = await visitor.post("/care/bulk/preview", {**wanted, "hours": "5"}, HX_Request="true")
    assert (wrong.status_code, text_of(wrong)) == (422, "Bring it back after: choose one of the times.")


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
    assert "1 case under it" in text_of(banner)
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


async def deleting(visitor: Visitor, name: str) -> str:
    """Give where a view of that name is deleted."""
    forms = re.findall(
        r'action="(/care/views/[^"]+/delete)".*?Delete “([^”]+)”', (await visitor.get("/care")).text, re.DOTALL
    )
    (path,) = [str(path) for path, kept in forms if kept == name]
    return path


async def test_a_view_is_kept_for_its_person_and_deleted_again(visit: Visit) -> None:
    agent, lead = await visit("care"), await visit("care_lead")
    kept = await act(agent, "/care?kind=damage&priority=P2", "/care/views", {"name": "Dear damage"})
    assert kept.headers["hx-redirect"] == "/care?kind=damage&priority=P2"
    assert "Dear damage" in await agent.read("/care")
    assert "Dear damage" not in await lead.read("/care")
    await act(agent, "/care", await deleting(agent, "Dear damage"))
    assert "Dear damage" not in await agent.read("/care")


_CHIP = r'id="view-([^"]+)" href="([^"]+)"[^>]*>([^<]*?) <span class="chip-count">([\d,]+)<'


async def test_every_view_says_how_many_cases_it_shows(visit: Visit, shop: Shop, clients: Clients) -> None:
    _, case_id = await trouble(shop, clients)
    visitor = await visit("care")
    await take(visitor, case_id)
    await act(visitor, f"/care?kind=damage&location={shop.tag}", "/care/views", {"name": f"Of {shop.tag}"})
    # Other tests' cases change meanwhile: what is told is what is listed once they rest.
    for view in ("all", "mine", "unassigned", "due", "waiting", "resolved", f"Of {shop.tag}"):

        async def told(view: str = view) -> bool:
            chips = re.findall(_CHIP, (await visitor.get("/care?view=all")).text)
            address, count = next(
                (address, count) for slug, address, name, count in chips if view in {slug, name.strip()}
            )
            shown = (await visitor.get(html.unescape(f"{address}&shown=500"))).text
            return shown.count("data-row-link") == int(count.replace(",", "")) or "Show more" in shown

        await wait_until(told, what=view)
    of_the_shop = await visitor.get(f"/care?kind=damage&location={shop.tag}")
    assert f"Of {shop.tag} 1 case " in text_of(of_the_shop)
    assert of_the_shop.text.count("data-row-link") == 1
    assert await visitor.read("/care?location=NOWHERE") != ""
    part = await visitor.http.get(f"/care?kind=damage&location={shop.tag}", headers={"HX-Request": "true"})
    assert '<nav class="chips" id="views" aria-label="Views" hx-swap-oob="true">' in part.text
    assert f"Of {shop.tag} 1 case" in text_of(part), "and it is kept up"
    await act(visitor, "/care", await deleting(visitor, f"Of {shop.tag}"))


async def test_who_comes_back_on_another_machine_finds_what_they_looked_at(visit: Visit) -> None:
    here = await visit("care")
    await here.get("/care?view=waiting&priority=P2&q=K7")
    elsewhere = await visit("care")
    found = (await elsewhere.get("/care")).text
    assert 'hx-get="/care?view=waiting&amp;priority=P2"' in found, "but no number that was searched for"
    assert 'hx-get="/care?view=all"' in (await elsewhere.get("/care?view=all")).text
    assert 'hx-get="/care?view=all"' in (await here.get("/care")).text
    await here.http.get("/care?view=mine", headers={"HX-Request": "true"})
    assert 'hx-get="/care?view=all"' in (await here.get("/care")).text, "what refreshes by itself chooses nothing"
    assert 'hx-get="/care?view=waiting' not in (await (await visit("care_lead")).get("/care")).text


_MANY_WAIT = """
insert into remedy select (jsonb_populate_record(r, jsonb_build_object(
  'id', gen_random_uuid(), 'dedupe', gen_random_uuid(), 'asked_at', r.asked_at + n * interval '1 second',
  'reason', $2 || n))).* from remedy r, generate_series(1, 230) n where r.id = $1
"""
_GONE = "delete from remedy where case_id = (select case_id from remedy where id = $1) and starts_with(reason, $2)"


async def test_more_approvals_than_a_page_are_counted_and_shown_when_asked_for(
    visit: Visit, shop: Shop, clients: Clients, stack: LocalStack
) -> None:
    _, case_id = await trouble(shop, clients, books=DEAR)
    lead, mark = await visit("care_lead"), f"wet {case_id[-8:]} "
    remedy_id = await ask_for_more(clients, case_id)
    async with changed(stack.dsn("care"), _MANY_WAIT, _GONE, UUID(remedy_id), mark):
        first = await lead.get("/care/approvals")
        told = re.search(r"The 100 that wait longest, of (\d+)\.", text_of(first))
        assert told is not None
        assert int(told[1]) > 230
        assert f'<span class="count-badge">{told[1]}<' in first.text, "the tab counts all of them"
        seen, address = first.text, "/care/approvals"
        while more := re.search(r'href="([^"#]+)#approval-[^"]+">Show more', seen):
            address = html.unescape(more[1])
            seen = (await lead.get(address)).text
        numbers = [int(number) for number in re.findall(rf"{mark}(\d+)”", seen)]
        assert numbers == list(range(1, 231)), "each once, those that wait longest first"
        assert f'hx-get="{address}"' in seen, "refreshing keeps them"
        for path in ("/care", "/care/approvals"):
            part = await lead.http.get(path, headers={"HX-Request": "true"})
            assert f'id="approvals-waiting" hx-swap-oob="true"><span class="count-badge">{told[1]}<' in part.text
