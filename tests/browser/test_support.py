"""An agent at the phone, as they work: with the keyboard, from whatever the caller has."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import Colours, Desk, Kind
from tests.browser.conftest import Sit
from tests.console.shop import Order, Shop

EVERY_SCREEN = [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]


async def look_up(desk: Desk, words: str) -> None:
    """Type into the box that `/` focuses."""
    await desk.page.keyboard.press("/")
    await expect(desk.page.locator("[data-search]")).to_be_focused()
    await desk.page.keyboard.type(words)
    await desk.page.keyboard.press("Enter")


async def told(page: Page, words: str) -> None:
    """See a word of what was done."""
    await expect(page.locator(".toasts")).to_contain_text(words)


async def verify(desk: Desk, order: Order) -> None:
    await desk.page.keyboard.press("v")
    await expect(desk.page.get_by_label("Postcode")).to_be_focused()
    await desk.page.keyboard.type("10115")
    await desk.page.get_by_label("Order number").fill(order.reference)
    await desk.page.get_by_role("button", name="Check").click()
    await told(desk.page, "The caller is verified until")


async def test_an_agent_answers_a_call_from_a_phone_number(sit: Sit, shop: Shop) -> None:
    order = await shop.place()
    desk = await sit("support")
    await desk.goto("/look-up")
    await look_up(desk, order.phone.replace("+49 ", "0"))
    page = desk.page
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Order {order.number}")
    await expect(page.get_by_label("The answer")).to_contain_text("It is in the warehouse, next to be picked.")
    await expect(page.get_by_text("Ada Albers")).to_have_count(0)

    await verify(desk, order)
    await expect(page.get_by_text("Ada Albers").first).to_be_visible()

    await page.keyboard.press("c")
    await told(page, "The reply is copied.")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert order.reference in copied
    assert "It should reach you by" in copied

    await page.keyboard.press("1")
    await told(page, "Contact noted: where is it.")
    await expect(page.locator("#timeline")).to_contain_text("Customer contacted us where is it")


async def test_an_agent_answers_a_call_from_a_tracking_number(sit: Sit, shop: Shop) -> None:
    order = await shop.place()
    await shop.ship(order)
    desk = await sit("support", "phone")
    await desk.goto("/look-up")
    await look_up(desk, order.tracking)
    page = desk.page
    await expect(page.get_by_label("How far the parcel is")).to_be_visible()
    await expect(page.get_by_label("How far the parcel is").locator("[aria-current=step]")).to_have_count(1)
    await expect(page.get_by_text(order.tracking).first).to_be_visible()
    await page.get_by_role("button", name="Carrier").click()
    await expect(page.locator("#timeline > li:visible").first).to_contain_text("carrier")


async def test_a_refusal_appears_beside_what_was_refused(sit: Sit, shop: Shop) -> None:
    order = await shop.place()
    desk = await sit("support")
    await desk.goto(f"/orders/{order.number}")
    await desk.page.keyboard.press("v")
    await desk.page.get_by_label("Postcode").fill("99999")
    await desk.page.get_by_label("Something they ordered").fill("umbrella")
    await desk.page.get_by_role("button", name="Check").click()
    await expect(desk.page.locator("#verify .problem")).to_contain_text("these do not belong to the order")
    assert len(desk.complaints) == 1, "the browser notes the 422 itself"
    desk.complaints.clear()


async def test_single_keys_can_be_switched_off(sit: Sit, shop: Shop) -> None:
    order = await shop.place()
    desk = await sit("support")
    await desk.goto(f"/orders/{order.number}")
    await desk.page.keyboard.press("?")
    sheet = desk.page.get_by_role("dialog", name="Keyboard")
    await expect(sheet).to_be_visible()
    async with desk.page.expect_response("**/keys"):
        await sheet.get_by_label("Single keys act").uncheck()
    await desk.page.keyboard.press("Escape")
    await desk.page.keyboard.press("/")
    await expect(desk.page.locator("[data-search]")).not_to_be_focused()

    elsewhere = await sit("support", "phone")
    await elsewhere.goto("/look-up")
    assert await elsewhere.page.evaluate("document.body.dataset.singleKeys") == "off", "kept for the person"
    await desk.page.evaluate("document.getElementById('keys').showModal()")
    async with desk.page.expect_response("**/keys"):
        await sheet.get_by_label("Single keys act").check()


async def test_the_colours_can_be_chosen(sit: Sit) -> None:
    desk = await sit("support", "desktop", "light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await desk.page.evaluate(ground)
    await desk.page.get_by_text("Sofia Support").first.click()
    await desk.page.get_by_role("button", name="dark", exact=True).click()
    await expect(desk.page.locator("html[data-theme=dark]")).to_have_count(1)
    assert await desk.page.evaluate(ground) != light


@pytest.mark.parametrize(("kind", "colours"), EVERY_SCREEN)
async def test_nobody_is_kept_out_of_a_page(sit: Sit, shop: Shop, kind: Kind, colours: Colours) -> None:
    order = await shop.place()
    await shop.ship(order)
    outside = await sit("", kind, colours)
    await outside.goto("/sign-in")
    assert await outside.serious_violations() == []
    desk = await sit("support", kind, colours)
    for path in ("/", "/look-up", f"/orders/{order.number}"):
        await desk.goto(path)
        assert await desk.serious_violations() == [], path
    await desk.page.get_by_text("Report a problem").click()
    await desk.page.get_by_text("Verify the caller").first.click()
    await desk.page.locator("[data-menu] summary").click()
    assert await desk.serious_violations() == [], "with everything open"


@pytest.mark.parametrize("kind", ["phone", "desktop"])
async def test_no_page_is_wider_than_its_screen(sit: Sit, shop: Shop, kind: Kind) -> None:
    order = await shop.place()
    desk = await sit("support", kind)
    for path in ("/", "/look-up", f"/orders/{order.number}"):
        await desk.goto(path)
        wider = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, path


async def test_an_open_page_follows_the_order_and_takes_nothing_away(sit: Sit, shop: Shop) -> None:
    order = await shop.place()
    desk = await sit("support")
    page = desk.page
    await desk.goto(f"/orders/{order.number}")
    await expect(page.get_by_label("The answer")).to_contain_text("next to be picked")
    await page.get_by_role("button", name="Carrier", exact=True).click()
    await page.get_by_text("Cancel", exact=True).click()
    await page.locator("#field-note").fill("changed their mind")

    await shop.ship(order)

    await expect(page.get_by_label("The answer")).to_contain_text("SimPost", timeout=45_000)
    await expect(page.locator("#parcels-card")).to_contain_text(order.tracking)
    await expect(page.locator("#timeline > li:visible").first).to_contain_text("carrier")
    await expect(page.get_by_role("button", name="Carrier", exact=True)).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#field-note")).to_have_value("changed their mind")
    await expect(page.locator("#lines-card")).not_to_contain_text("in transit")

    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.get_by_role("heading", level=1).click()
    await expect(page.locator("#lines-card")).to_contain_text("in transit", timeout=45_000)
