"""The warehouse's pages keep up by themselves, and fit whoever looks at them."""

import re

import pytest
from playwright.async_api import expect

from deploy.local.stack import LocalStack
from tests.browser.chromium import Colours, Desk
from tests.browser.conftest import Sit
from tests.browser.test_floor import read
from tests.clients import Clients
from tests.console.floor import Hand, labelled_parcel, order, picked
from tests.console.shop import Shop
from tests.console.test_floor_stock import announce
from tests.console.visitor import Visitor
from tests.waiting import wait_until

POLL_MS = 21_000
TRUCK = re.compile(r"(today|tomorrow) 17:00")
"""When what is ordered now leaves: before the cut-off it is today."""


async def comes(desk: Desk, words: str | re.Pattern[str]) -> None:
    """See what was not there when the page was opened come without touching it, once a next look is due."""
    shown = desk.page.locator("main").get_by_text(words)

    async def after_its_next_look() -> bool:
        await desk.page.clock.fast_forward(POLL_MS)
        return await shown.is_visible()

    await wait_until(after_its_next_look, what=f"{words} is shown")
    await expect(desk.page.get_by_text("as of ").last).to_be_visible()


async def test_every_start_page_of_the_warehouse_keeps_up_by_itself(
    sit: Sit, shelves: Shop, clients: Clients, stack: LocalStack
) -> None:
    visitor, lead = Visitor(stack), Visitor(stack)
    for role, person in (("picker", visitor), ("warehouse_lead", lead)):
        await person.sign_in(role, stack.site.credentials.console_passwords[role])
    await Hand(lead).lay_down()  # who has a list sees it instead of the start page
    await lead.close()
    desk = await sit("warehouse_lead", "phone")
    await desk.page.clock.install()

    await desk.goto(f"/stock?location={shelves.tag}")
    await announce(clients, shelves, 5)
    await comes(desk, f"PO-{shelves.tag}")

    await desk.goto(f"/pick?location={shelves.tag}")
    placed = await order(shelves)
    await comes(desk, TRUCK)

    await desk.goto(f"/pack?location={shelves.tag}")
    at = await picked(shelves, placed)
    await comes(desk, placed.number)

    await desk.goto(f"/dispatch?location={shelves.tag}")
    _, number = await labelled_parcel(Hand(visitor), shelves, at)
    await comes(desk, number)
    await visitor.close()


@pytest.mark.parametrize("role", ["picker", "warehouse_lead", "admin"])
async def test_every_tab_is_in_view_on_a_small_handheld(sit: Sit, role: str) -> None:
    desk = await sit(role, "phone")
    await desk.page.set_viewport_size({"width": 360, "height": 640})
    await desk.goto("/")
    for tab in await desk.page.locator(".tabs a").all():
        box = await tab.bounding_box()
        text = await tab.locator("span").bounding_box()
        assert box is not None
        assert text is not None
        name = await tab.inner_text()
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= 360, name
        assert box["y"] + box["height"] <= 640, name
        assert text["width"] <= box["width"], f"{name} is wider than its tab"


async def test_a_sku_is_not_broken_where_it_fits_a_line(sit: Sit, shelves: Shop) -> None:
    at = await picked(shelves, await order(shelves))
    desk = await sit("picker", "phone")
    await desk.page.set_viewport_size({"width": 360, "height": 640})
    await desk.goto(at)
    await expect(desk.page.locator(".bench-lines .sku")).to_have_count(2)
    for sku in await desk.page.locator(".bench-lines .sku").all():
        lines = await sku.evaluate(
            "told => Math.round(told.offsetHeight / parseFloat(getComputedStyle(told).lineHeight))"
        )
        assert lines == 1, await sku.inner_text()


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_the_red_bar_is_red(sit: Sit, shelves: Shop, colours: Colours) -> None:
    desk = await sit("picker", "phone", colours)
    await desk.goto(f"/pack?location={shelves.tag}")
    await desk.page.context.set_offline(True)
    await read(desk.page, "T1")
    bar = desk.page.locator("#unsaved")
    await expect(bar).to_be_visible()
    await expect(bar).to_have_css("background-color", "rgb(179, 38, 30)")
    desk.complaints.clear()
