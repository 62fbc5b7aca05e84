"""Customer care at its queue: with the keyboard, two people at once, from a damaged parcel to a new one."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import Colours, Desk, Kind
from tests.browser.conftest import Sit
from tests.browser.test_support import EVERY_SCREEN, told
from tests.clients import Clients
from tests.console.care import DEAR, ask_for_more, trouble
from tests.console.shop import Shop


async def find(desk: Desk, number: str) -> None:
    """Narrow the queue to one order by the box that `/` focuses."""
    await desk.page.keyboard.press("/")
    await desk.page.keyboard.type(number)
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("[data-row]")).to_have_count(1)


async def open_first(desk: Desk) -> None:
    """Walk to the first case and open it."""
    await desk.page.keyboard.press("j")
    await expect(desk.page.locator("[data-row-link]").first).to_be_focused()
    await desk.page.keyboard.press("Enter")
    await desk.page.wait_for_url("**/care/cases/**")


async def history(page: Page, words: str) -> None:
    await expect(page.get_by_role("region", name="History")).to_contain_text(words)


async def test_a_damaged_parcel_becomes_a_new_one_after_a_leads_approval(
    sit: Sit, writing_shop: Shop, clients: Clients
) -> None:
    order, _ = await trouble(writing_shop, clients, books=DEAR)
    agent, lead = await sit("care"), await sit("care_lead")
    page = agent.page
    await agent.goto("/care")
    await find(agent, order.number)
    await expect(page.locator("[data-row]")).to_contain_text("The parcel was damaged on its way.")
    await open_first(agent)

    await page.keyboard.press("a")
    await told(page, "It is yours now.")
    await page.keyboard.press("n")
    await expect(page.get_by_label("What should the next one know?")).to_be_focused()
    await page.keyboard.type("the customer has sent a photo")
    await page.get_by_role("button", name="Keep the note").click()
    await history(page, "the customer has sent a photo")

    offer = page.locator(".offer", has_text="Send it again")
    await expect(offer).to_contain_text("258.00")
    await expect(offer).to_contain_text("needs approval by a lead")
    await offer.get_by_text("Ask for approval").click()
    await offer.get_by_label("Why").fill("all twenty books are wet")
    await offer.get_by_role("button", name="Ask for it").click()
    await told(page, "Over your limit: it waits for another person's approval.")

    await lead.goto("/care/approvals")
    request = lead.page.locator(".approval", has_text=order.number)
    await expect(request).to_contain_text("all twenty books are wet")
    await request.get_by_role("button", name="Approve").click()
    await told(lead.page, "Approved: orders carries it out now.")

    # What changed meanwhile is told without reloading, and reloading shows the answer of orders.
    await expect(page.get_by_text("This case has changed since you opened it.")).to_be_visible(timeout=30_000)
    await page.get_by_role("link", name="Reload it").click()
    await expect(page.get_by_role("link", name="the new order")).to_be_visible(timeout=30_000)
    await expect(page.get_by_label("What is next")).to_contain_text("Ended by reship")
    await page.keyboard.press("Escape")
    await page.wait_for_url(lambda url: url.endswith(f"/care?q={order.number}"))


async def test_the_list_is_walked_and_clocks_tick(sit: Sit, shop: Shop, clients: Clients) -> None:
    for _ in range(2):
        await trouble(shop, clients)
    desk = await sit("care")
    await desk.goto("/care?view=all")
    page = desk.page
    links = page.locator("[data-row-link]")
    await page.keyboard.press("j")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await expect(links.nth(1)).to_be_focused()
    await page.keyboard.press("k")
    await expect(links.nth(0)).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("Snooze")
    await page.keyboard.press("Escape")

    await page.evaluate(
        "(at => document.querySelector('time[data-due]').dateTime = at)(new Date(Date.now() + 300000).toISOString())"
    )
    clock = page.locator("time[data-due]").first
    await expect(clock).to_have_text(re.compile(r"^[45]:\d\d min$"))
    shown = await clock.text_content()
    await expect(clock).not_to_have_text(shown or "")


async def test_a_case_is_answered_put_aside_and_resolved_by_keys_from_the_list_too(
    sit: Sit, writing_shop: Shop, clients: Clients
) -> None:
    order, _ = await trouble(writing_shop, clients)
    desk = await sit("care")
    page = desk.page
    await desk.goto(f"/care?q={order.number}")
    for key, label in (("r", "Reply ready to send"), ("s", "the customer"), ("e", "Why is it over?")):
        await page.keyboard.press("j")
        await expect(page.locator("[data-row-link]").first).to_be_focused()
        await page.keyboard.press(key)
        await page.wait_for_url("**/care/cases/*")
        await expect(page.get_by_label(label).first).to_be_focused()
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")
        await page.wait_for_url(lambda url: url.endswith(f"/care?q={order.number}"))
    await open_first(desk)
    await page.keyboard.press("s")
    await page.get_by_label("What for? It becomes the next action").fill("waits for a photo")
    await page.get_by_role("button", name="Let it wait").click()
    await told(page, "It waits for the customer now.")
    await page.keyboard.press("e")
    await page.get_by_label("Why is it over?").fill("the customer keeps it")
    await page.get_by_role("button", name="Resolve the case").click()
    await told(page, "Resolved. It may be reopened for seven days.")
    await expect(page.get_by_role("button", name="Next case")).to_be_visible()


async def test_what_a_customer_was_answered_is_kept_with_their_order(sit: Sit, shop: Shop, clients: Clients) -> None:
    order, case_id = await trouble(shop, clients)
    desk = await sit("care")
    page = desk.page
    await desk.goto(f"/care/cases/{case_id}")
    await page.keyboard.press("r")
    await page.get_by_label("Answered by").select_option("phone")
    await page.get_by_label("What was said").fill("a new one is on its way")
    await page.get_by_role("button", name="Keep that they were answered").click()
    await told(page, "Kept: the customer was answered.")
    kept = page.get_by_role("region", name="Contacts").get_by_role("listitem").first
    await expect(kept).to_contain_text("We answered · damaged")
    await expect(kept).to_contain_text("a new one is on its way")
    await expect(kept).to_contain_text("phone · Carla Care")
    listed = await clients.of("care", role="support").get("/staff/contacts", params={"order_id": str(order.id)})
    (contact,) = listed.json()["data"]
    said = {"direction": "outbound", "channel": "phone", "reason": "damaged", "note": "a new one is on its way"}
    assert {name: contact[name] for name in said} == said


async def test_a_key_takes_the_case_of_the_row_one_is_on_and_the_sheet_says_so(
    sit: Sit, shop: Shop, clients: Clients
) -> None:
    order, case_id = await trouble(shop, clients)
    desk = await sit("care")
    page = desk.page
    take, link = page.get_by_role("button", name="Take C-"), page.locator("[data-row-link]").first
    await desk.goto(f"/care?q={order.number}")
    await page.keyboard.press("a")  # on no row yet
    await expect(take).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard")
    await expect(sheet.locator("div", has=page.locator("kbd", has_text=re.compile("^a$")))).to_have_text(
        re.compile(r"a\s*Take the case")
    )
    await page.keyboard.press("a")  # under the sheet
    await page.keyboard.press("Escape")
    await expect(link).to_be_focused()
    await page.evaluate("document.body.dataset.singleKeys = 'off'")
    await page.keyboard.press("a")
    await desk.goto(f"/care?q={order.number}")
    await expect(take).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("a")
    await told(page, "It is yours now.")
    assert page.url.endswith(f"/care/cases/{case_id}")
    await page.keyboard.press("Escape")
    await page.wait_for_url(lambda url: url.endswith(f"/care?q={order.number}"))
    await expect(page.locator(".cell-who")).to_have_text("you")
    await expect(take).to_have_count(0)


async def test_the_sheet_shows_the_keys_that_act_on_its_page_and_approvals_lead_back(
    sit: Sit, shop: Shop, clients: Clients
) -> None:
    order, case_id = await trouble(shop, clients)
    desk = await sit("care")
    page = desk.page
    sheet = page.get_by_role("dialog", name="Keyboard")
    for path, keys in (
        (f"/care?q={order.number}", "/ ? Esc j k Enter g x a e r n s"),
        (f"/care/cases/{case_id}", "/ ? Esc Esc g a e r n s"),
        ("/care/approvals", "/ ? Esc j k Enter Esc e r n s"),
    ):
        await desk.goto(path)
        await page.keyboard.press("?")
        await expect(sheet.locator("kbd")).to_have_text(keys.split())
        await page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()
    await page.keyboard.press("Escape")
    await page.wait_for_url(lambda url: url.endswith("/care"))


async def test_keys_act_after_a_case_was_chosen_with_the_mouse(sit: Sit, shop: Shop, clients: Clients) -> None:
    order, case_id = await trouble(shop, clients)
    desk = await sit("care")
    page = desk.page
    await desk.goto(f"/care?q={order.number}")
    tick = page.locator("[data-tick]")
    await tick.click()
    await expect(tick).to_be_focused()
    await page.keyboard.press("x")
    await expect(tick).not_to_be_checked()
    await page.keyboard.press("x")
    await expect(tick).to_be_checked()
    await page.get_by_label("What to do").select_option("note")
    await page.get_by_label("Why, or the note").press_sequentially("a jackdaw?/")
    await expect(page.get_by_label("Why, or the note")).to_have_value("a jackdaw?/")
    await tick.click()
    await page.keyboard.press("a")
    await told(page, "It is yours now.")
    assert page.url.endswith(f"/care/cases/{case_id}")


async def test_the_counts_of_views_keep_up_and_leave_the_focus_where_it_is(
    sit: Sit, shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(shop, clients)
    desk = await sit("care")
    page = desk.page
    await desk.goto(f"/care?location={shop.tag}")
    count = page.locator("#view-mine .chip-count")
    before = int(re.sub(r"\D", "", await count.inner_text()))
    await page.locator("#view-due").focus()
    taken = await clients.of("care", role="care", subject="care").post(
        f"/staff/cases/{case_id}/take", headers={"Idempotency-Key": f"take {case_id}"}
    )
    assert taken.status_code == 200, taken.text
    await expect(count).to_have_text(re.compile(rf"^{before + 1} cases?$"), timeout=30_000)
    await expect(page.locator(".cell-who")).to_have_text("you")
    await expect(page.locator("#view-due")).to_be_focused()


async def test_an_open_queue_counts_what_comes_to_wait_for_an_approval(sit: Sit, shop: Shop, clients: Clients) -> None:
    _, case_id = await trouble(shop, clients, books=DEAR)
    lead = await sit("care_lead")
    badge = lead.page.locator("#approvals-waiting")
    await lead.goto(f"/care?location={shop.tag}")
    before = int(re.sub(r"\D", "", await badge.inner_text()) or "0")
    await ask_for_more(clients, case_id)
    await expect(badge).to_have_text(re.compile(rf"^{before + 1}\s+waiting$"), timeout=30_000)
    await lead.page.get_by_role("link", name="Approvals").click()
    asked = lead.page.locator(".approval", has_text=shop.tag)
    await expect(asked).to_have_count(1)


async def test_keys_that_do_not_act_are_not_shown_and_clocks_speak_the_pages_language(
    sit: Sit, shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(shop, clients)
    desk = await sit("care")
    page = desk.page
    await desk.goto(f"/care/cases/{case_id}")
    hint = page.get_by_role("group", name="What you can do").locator("kbd").first
    await expect(hint).to_be_visible()
    await page.evaluate("document.body.dataset.singleKeys = 'off'")
    await expect(hint).to_be_hidden()

    await page.evaluate(
        """(() => {
          document.querySelector("[data-clock]").dataset.minutes = "noch {minutes} Minuten";
          document.querySelector("time[data-due]").dateTime = new Date(Date.now() + 300000).toISOString();
        })()"""
    )
    await expect(page.locator("time[data-due]").first).to_have_text(re.compile(r"^noch [45]:\d\d Minuten$"))


async def test_several_cases_are_changed_after_a_preview(sit: Sit, shop: Shop, clients: Clients) -> None:
    order, _ = await trouble(shop, clients)
    desk = await sit("care")
    await desk.goto("/care")
    await find(desk, order.number)
    page = desk.page
    await expect(page.locator("#bulk-bar")).to_be_hidden()
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.get_by_role("region", name="1 chosen")).to_be_visible()
    await page.get_by_label("What to do").select_option("note")
    await page.get_by_label("Why, or the note").fill("the carrier has a bad week")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#bulk-told")).to_contain_text("Note: 1 will change")
    await page.get_by_role("button", name="Do it for 1").click()
    await told(page, "Done: 1 cases.")
    await open_first(desk)
    await history(page, "the carrier has a bad week")


async def test_no_more_cases_are_chosen_than_one_act_takes(sit: Sit, shop: Shop, clients: Clients) -> None:
    for _ in range(2):
        await trouble(shop, clients)
    desk = await sit("care")
    page = desk.page
    await desk.goto(f"/care?location={shop.tag}")
    ticks, whole, bar = page.locator("[data-tick]"), page.locator("[data-tick-all]"), page.locator("#bulk-bar")
    await whole.click()
    await expect(bar).to_contain_text("At most 100 at once.")
    await whole.click()
    await expect(bar).to_be_hidden()
    await bar.evaluate("bar => { bar.dataset.most = '1' }")
    await whole.click()
    await expect(page.get_by_role("region", name="1 chosen")).to_be_visible()
    await ticks.nth(1).click()
    await expect(ticks.nth(1)).not_to_be_checked()
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#bulk-told")).to_contain_text("Take: 1 will change")
    await whole.click()
    await expect(bar).to_be_hidden()


async def test_two_people_notice_each_other(sit: Sit, shop: Shop, clients: Clients) -> None:
    _, case_id = await trouble(shop, clients)
    agent, lead = await sit("care"), await sit("care_lead")
    await agent.goto(f"/care/cases/{case_id}")
    await lead.goto(f"/care/cases/{case_id}")
    await expect(lead.page.locator("#presence")).to_contain_text("Carla Care has this case open too")
    await expect(agent.page.locator("#presence")).to_contain_text("Leo Lead has this case open too", timeout=30_000)


@pytest.mark.parametrize(("kind", "colours"), EVERY_SCREEN)
async def test_nobody_is_kept_out_of_cares_pages(
    sit: Sit, shop: Shop, clients: Clients, kind: Kind, colours: Colours
) -> None:
    order, case_id = await trouble(shop, clients, books=DEAR)
    desk = await sit("care_lead", kind, colours)
    await desk.goto(f"/care/cases/{case_id}")
    assert await desk.serious_violations() == []
    for name in ("Reply", "Ask for approval"):
        summary = desk.page.locator("summary", has_text=name).first
        if await summary.count():
            await summary.click()
    assert await desk.serious_violations() == [], "with everything open"
    await desk.goto(f"/care?q={order.number}")
    await desk.page.locator("[data-tick]").first.check()
    await desk.page.get_by_role("button", name="Preview").click()
    await expect(desk.page.locator("#bulk-told")).to_contain_text("Take: 1 will change")
    assert await desk.serious_violations() == [], "the queue"
    await desk.page.locator("#narrow summary").click()
    assert await desk.serious_violations() == [], "the queue, narrowed"
    await desk.goto("/care/approvals")
    assert await desk.serious_violations() == [], "approvals"
    for path in ("/care", f"/care/cases/{case_id}", "/care/approvals"):
        await desk.goto(path)
        wider = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, path
