"""A customer with a phone, and nobody signed in: where it is, and a report with a photo."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import FilePayload, expect

from deploy.local.stack import LocalStack
from shared.auth import mint_link
from tests.browser.chromium import Colours, Desk, Kind
from tests.browser.conftest import Sit
from tests.clients import Clients
from tests.console.shop import Order, Shop
from tests.waiting import wait_until

EVERY_SCREEN = [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]


def link_to(stack: LocalStack, order: Order) -> str:
    """Make the address that a message of care carries."""
    key = stack.site.credentials.service_keys["care"].private_setting
    return f"/track/orders/{mint_link(key, order.id, timedelta(days=1))}"


def photo() -> FilePayload:
    drawn = BytesIO()
    Image.new("RGB", (320, 240), "firebrick").save(drawn, "JPEG")
    return {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": drawn.getvalue()}


async def test_a_customer_finds_their_order_by_number_and_postcode(sit: Sit, shop: Shop) -> None:
    order = await shop.place()
    desk = await sit("", "phone")
    await desk.goto("/track")
    await desk.page.get_by_label("Order number").fill(order.number)
    await desk.page.get_by_label("Postcode").fill("10115")
    await desk.page.get_by_role("button", name="Show my order").click()
    await expect(desk.page.get_by_role("heading", level=1)).to_have_text(f"Your order {order.number}")
    await expect(desk.page.get_by_text("Open the link in one of our messages")).to_be_visible()


async def test_a_customer_reports_damage_with_a_photo(
    sit: Sit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order = await shop.place()
    await shop.ship(order)
    desk = await sit("", "phone")
    page = desk.page
    await desk.goto(link_to(stack, order))
    await page.get_by_text("Report a problem").click()
    await page.get_by_label("It is damaged").check()
    await page.get_by_label("What do you see?").fill("The mug is in pieces")
    await page.get_by_label("A photo, if you have one").set_input_files(photo())
    await page.get_by_role("button", name="Send the report").click()
    await expect(page.get_by_label("Where it is")).to_contain_text("You reported: damage", timeout=30_000)

    care = clients.of("care", role="support")

    async def a_case_is_open() -> bool:
        cases = (await care.get("/staff/cases", params={"order_id": str(order.id)})).json()["data"]
        return [case["kind"] for case in cases] == ["damage"]

    await wait_until(a_case_is_open, what="a case about the damage")
    evidence = (await care.get("/staff/evidence", params={"order_id": str(order.id)})).json()["data"]
    assert [one["comment"] for one in evidence] == ["The mug is in pieces"]

    agent = await sit("care", "phone")
    await agent.goto(f"/orders/{order.number}")
    await sees_the_photo(agent)
    await agent.page.get_by_role("link", name=re.compile("C-")).first.click()
    await sees_the_photo(agent)


async def sees_the_photo(agent: Desk) -> None:
    """See the photo itself, and hear what it shows."""
    shown = agent.page.get_by_role("img", name=re.compile("Photo 1 of 1 .* reported as damage: The mug is in pieces"))
    await shown.scroll_into_view_if_needed()
    await expect(shown).to_be_visible()

    async def is_drawn() -> bool:
        return bool(await shown.evaluate("image => image.complete && image.naturalWidth === 320"))

    await wait_until(is_drawn, what="the photo is drawn")
    assert await agent.serious_violations() == []


async def test_an_open_page_follows_the_order_takes_nothing_away_and_no_key_acts(
    sit: Sit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    desk = await sit("")
    page = desk.page
    await page.clock.install()
    await desk.goto(link_to(stack, order))
    opened = page.url
    for key in ("?", "/"):
        await page.keyboard.press(key)
    await expect(page.locator("dialog")).to_have_count(0)
    await page.get_by_text("Cancel the order").click()

    await shop.ship(order)
    await page.clock.fast_forward("01:01")

    await expect(page.get_by_label("Where it is")).to_contain_text("SimPost")
    await expect(page.get_by_text("Report a problem")).to_be_visible()
    await expect(page.get_by_role("button", name="Yes, cancel it")).to_be_visible()
    await page.get_by_text("Report a problem").click()
    await expect(page.get_by_label("What do you see?")).to_be_visible()
    assert page.url == opened


@pytest.mark.parametrize(("kind", "colours"), EVERY_SCREEN)
async def test_nobody_is_kept_out_of_the_status_page(
    sit: Sit, shop: Shop, stack: LocalStack, kind: Kind, colours: Colours
) -> None:
    order = await shop.place()
    desk = await sit("", kind, colours)
    await desk.goto("/track")
    assert await desk.serious_violations() == []
    await desk.goto(link_to(stack, order))
    await desk.page.get_by_text("Cancel the order").click()
    assert await desk.serious_violations() == []
    await shop.ship(order)
    await desk.goto(link_to(stack, order))
    await desk.page.get_by_text("Report a problem").click()
    assert await desk.serious_violations() == []
    wider = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0


@pytest.mark.parametrize("kind", ["phone", "desktop"])
async def test_a_german_customer_reads_and_reports_in_german(
    sit: Sit, shop: Shop, stack: LocalStack, kind: Kind
) -> None:
    order = await shop.place(customer={"email": "ada@example.com", "locale": "de"})
    await shop.ship(order)
    desk = await sit("", kind)
    page = desk.page
    await desk.goto(link_to(stack, order))
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Ihre Bestellung {order.number}")
    await page.get_by_text("Problem melden").click()
    await page.get_by_label("Es ist beschädigt").check()
    await page.get_by_label("Was sehen Sie?").fill("Die Tasse ist zerbrochen")
    assert await desk.serious_violations() == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await page.get_by_role("button", name="Meldung absenden").click()
    await expect(page.get_by_text("Unsere Kundenbetreuung sieht es sich jetzt an.")).to_be_visible()
    await expect(page.get_by_label("Wo die Lieferung ist")).to_contain_text("Sie haben gemeldet: Schaden")
