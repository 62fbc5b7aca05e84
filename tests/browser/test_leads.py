"""Operators and leads: a dead letter is replayed, and nobody is kept out of their pages."""

import pytest
from playwright.async_api import expect

from deploy.local.stack import LocalStack
from tests.browser.chromium import Colours, Kind
from tests.browser.conftest import Sit
from tests.console.operations import give_up
from tests.console.shop import Shop
from tests.waiting import wait_until

EVERY_SCREEN = [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]


async def test_an_operator_replays_a_dead_letter(sit: Sit, stack: LocalStack) -> None:
    _, order_id = await give_up(stack.dsn("care"))
    desk = await sit("operator")
    page = desk.page
    await desk.goto("/operations")
    await page.get_by_role("link", name="Stuck messages").click()
    row = page.get_by_role("row").filter(has_text=str(order_id))
    await expect(row).to_contain_text("dead")
    await row.get_by_role("link", name="order placed").click()
    await expect(page.get_by_text("KeyError: a fault that was mended")).to_be_visible()
    await page.get_by_label("What was mended").fill("The fault is mended")
    await page.get_by_role("button", name="Replay it").click()
    await expect(page.locator(".toasts")).to_contain_text("It is tried again.")

    async def it_is_gone() -> bool:
        await page.reload()
        return await row.filter(has_text="dead").count() == 0

    await wait_until(it_is_gone, what="the event was applied")
    await page.get_by_role("link", name="Audit trail").click()
    await expect(page.get_by_role("row").filter(has_text="The fault is mended")).to_contain_text("operator:operator")


async def test_an_operators_page_shows_by_itself_what_died(sit: Sit, stack: LocalStack) -> None:
    desk = await sit("operator")
    await desk.goto("/operations/messages")
    _, order_id = await give_up(stack.dsn("care"))
    row = desk.page.get_by_role("row").filter(has_text=str(order_id))
    await expect(row).to_contain_text("dead", timeout=60_000)


_LOOK = "htmx.ajax('GET', '', { source: '#live', target: '#live', select: '#live', swap: 'outerHTML' })"


async def test_what_refreshes_by_itself_leaves_alone_what_somebody_has_open(sit: Sit) -> None:
    desk = await sit("operator")
    page, live = desk.page, desk.page.locator("#live")
    for path in ("/overview", "/operations"):
        await desk.goto(path)
        await page.evaluate("document.getElementById('live').dataset.seen = 'before'")
        await page.evaluate(_LOOK)
        await expect(live).not_to_have_attribute("data-seen", "before")
    await page.get_by_text("Pause something").click()
    await page.get_by_label("Why").last.fill("The belt stands still")
    await page.evaluate("document.getElementById('live').dataset.seen = 'before'")
    await page.evaluate(_LOOK)
    await expect(live).to_have_attribute("data-seen", "before")
    await expect(page.get_by_label("Why").last).to_have_value("The belt stands still")


@pytest.mark.parametrize(("kind", "colours"), EVERY_SCREEN)
async def test_nobody_is_kept_out_of_the_leads_and_operators_pages(
    sit: Sit, shop: Shop, stack: LocalStack, kind: Kind, colours: Colours
) -> None:
    await shop.place()
    event_id, _ = await give_up(stack.dsn("care"))
    desk = await sit("operator", kind, colours)
    paths = ("", "/messages", f"/messages/care/{event_id}", "/drift", "/audit")
    for path in (*(f"/operations{path}" for path in paths), "/overview"):
        await desk.goto(path)
        assert await desk.serious_violations() == [], path
        wider = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, path
