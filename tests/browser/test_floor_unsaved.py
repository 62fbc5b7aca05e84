"""What got no answer is never lost from sight: it is sent again by itself, or the person is told to press again."""

import asyncio
from datetime import timedelta
from urllib.parse import parse_qs

from playwright.async_api import Page, Route, expect

from deploy.local.stack import LocalStack
from shared import clock
from tests.browser.chromium import Desk
from tests.browser.conftest import Sit
from tests.browser.test_floor import ASK, LISTEN, WRONG, judged, pack, read, told
from tests.clients import Clients
from tests.console.care import trouble
from tests.console.floor import Hand, closed_parcel, order, picked
from tests.console.shop import Shop
from tests.console.visitor import Visitor
from tests.waiting import wait_until


async def look(page: Page, place: str, path: str) -> None:
    """Let a place of the page look for what is new, now and not in some seconds, and get its answer."""
    async with page.expect_response(lambda answer: path in answer.url and answer.request.method == "GET"):
        await page.evaluate("([place, path]) => htmx.ajax('GET', path, {source: place, target: place})", [place, path])


async def test_what_is_not_sent_again_by_itself_says_so_until_it_was_pressed_again(sit: Sit, shelves: Shop) -> None:
    await order(shelves)
    desk = await sit("warehouse_lead", "phone")
    page, bar = desk.page, desk.page.locator("#unsaved")
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.post_data or "") if asked.url.endswith("/floor/lists") else None)
    await desk.goto(f"/floor?location={shelves.tag}")
    await page.get_by_text("Plan a list ahead").click()
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Plan it").click()
    await expect(bar.get_by_text("Press again")).to_be_visible()
    await expect(bar.get_by_text("tried again")).to_be_hidden()

    await page.context.set_offline(False)
    await look(page, "#board", "/floor")
    await expect(bar.get_by_text("Press again")).to_be_visible()
    await page.get_by_role("button", name="Plan it").click()

    await expect(page.locator(".toasts")).to_contain_text("Planned. Units: 3")
    keys = [parse_qs(body)["key"] for body in sent]
    assert keys == [keys[0]] * 2, "pressing again is the same act"
    desk.complaints.clear()


async def test_a_look_that_is_answered_hides_no_act_of_care_that_was_not(
    sit: Sit, shop: Shop, clients: Clients
) -> None:
    _, case_id = await trouble(shop, clients)
    desk = await sit("care")
    page, bar = desk.page, desk.page.locator("#unsaved")
    await desk.goto(f"/care/cases/{case_id}")
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Take").first.click()
    await expect(bar.get_by_text("Press again")).to_be_visible()

    await page.context.set_offline(False)
    await look(page, "#presence", f"/care/cases/{case_id}/presence")
    await expect(bar.get_by_text("Press again")).to_be_visible()
    await page.get_by_role("button", name="Take").first.click()
    await expect(bar).to_be_hidden()
    desk.complaints.clear()


async def test_what_is_looked_for_without_a_network_is_found_when_it_is_back(sit: Sit, shelves: Shop) -> None:
    placed = await order(shelves)
    at = await picked(shelves, placed)
    desk = await sit("warehouse_lead", "phone")
    page = desk.page
    await desk.goto(f"/pack?location={shelves.tag}")
    await page.context.set_offline(True)
    await read(page, placed.number)
    await expect(page.locator("#unsaved")).to_be_visible()
    await expect(page.get_by_role("heading", name="Pack bench")).to_be_visible()
    await page.context.set_offline(False)
    await page.wait_for_url(f"**{at}")

    await desk.goto(f"/stock/count?location={shelves.tag}")
    await page.context.set_offline(True)
    await read(page, f"41{shelves.tag}")
    await expect(page.locator("#unsaved")).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.get_by_label("How many are in the house?")).to_be_focused()
    await expect(page.locator(".bin")).to_have_text("A-02-3")
    desk.complaints.clear()


async def test_a_name_that_nobody_knows_is_heard(sit: Sit, shelves: Shop) -> None:
    desk = await sit("warehouse_lead", "phone")
    page = desk.page
    await page.add_init_script(LISTEN)
    for path, title in (("/pack", "T77 is unknown"), ("/stock/count", "Unknown article")):
        await desk.goto(f"{path}?location={shelves.tag}")
        await read(page, "T77")
        await judged(page, "wrong", title)
        await told(page, WRONG)
        await expect(page.locator("#scan")).to_be_focused()
        await expect(page.locator("#scan")).to_have_value("")


async def test_the_next_tote_is_scanned_where_the_last_parcel_ended(sit: Sit, shelves: Shop) -> None:
    placed = await order(shelves)
    desk = await sit("picker", "phone")
    page = desk.page
    number = await pack(desk, shelves, placed)
    await read(page, number)
    await judged(page, "done", "Into the lane of")
    following = await order(shelves)
    at = await picked(shelves, following)
    await expect(page.locator("#scan")).to_be_focused()
    await read(page, "T77")
    await expect(page.get_by_text("T77 is unknown")).to_be_visible()
    await read(page, following.number)
    await page.wait_for_url(f"**{at}")


async def test_who_waits_for_a_label_may_go_on_to_the_next_tote(sit: Sit, shelves: Shop, stack: LocalStack) -> None:
    at = await picked(shelves, await order(shelves))
    visitor = Visitor(stack)
    await visitor.sign_in("picker", stack.site.credentials.console_passwords["picker"])
    following = await order(shelves)
    beside = await picked(shelves, following)
    desk = await sit("picker", "phone")
    shipping = ["shipping-api", "shipping-worker"]
    await stack.stop_processes(shipping)  # else it books the label by itself, before anybody waits for it
    try:
        await closed_parcel(Hand(visitor), shelves, at)
        await goes_on_while_it_waits(desk, at, following.number, beside)
    finally:
        await stack.start_processes(shipping)
        await wait_until(lambda: reads_events(stack, "shipping-worker"), what="the worker reads events again")
        await visitor.close()


async def test_who_waits_ten_seconds_for_a_label_is_told_the_shelf(sit: Sit, shelves: Shop, stack: LocalStack) -> None:
    at = await picked(shelves, await order(shelves))
    visitor = Visitor(stack)
    await visitor.sign_in("picker", stack.site.credentials.console_passwords["picker"])
    desk = await sit("picker", "phone")
    shipping = ["shipping-api", "shipping-worker"]
    await stack.stop_processes(shipping)  # else it books the label by itself, before anybody waits for it
    try:
        await closed_parcel(Hand(visitor), shelves, at)
        await waits_for_a_carrier_that_says_nothing(desk, at)
    finally:
        await stack.start_processes(shipping)
        await wait_until(lambda: reads_events(stack, "shipping-worker"), what="the worker reads events again")
        await visitor.close()


async def waits_for_a_carrier_that_says_nothing(desk: Desk, at: str) -> None:
    """Ask for the label and get no answer, by the page's own clock."""
    page, asked = desk.page, asyncio.Event()

    async def say_nothing(_route: Route) -> None:
        asked.set()

    await page.add_init_script(LISTEN)
    await page.clock.install()
    await page.clock.pause_at(clock.real() + timedelta(hours=1))
    await page.route("**/labels", say_nothing)
    await desk.goto(at)
    await asyncio.wait_for(asked.wait(), 10)
    asking, shelf = page.get_by_text("Asking the carrier for the label"), page.get_by_text("Shelf: awaiting label")
    await page.clock.run_for(9_900)
    await expect(asking).to_be_visible()
    await expect(shelf).to_be_hidden()
    assert await page.evaluate("window.heard") == []
    await page.clock.run_for(200)
    await expect(shelf).to_be_visible()
    await expect(asking).to_be_hidden()
    await told(page, ASK)
    await page.unroute_all(behavior="ignoreErrors")
    desk.complaints.clear()


async def reads_events(stack: LocalStack, worker: str) -> bool:
    """Tell whether a worker has its partitions: the embedded broker waits for who is gone, for some seconds."""
    report = (await stack.ask_workers()).reports[worker]
    return report is not None and "consumer" not in report.why


async def goes_on_while_it_waits(desk: Desk, at: str, following: str, beside: str) -> None:
    """Scan what nobody knows, then the next tote, while the label is asked for."""
    page = desk.page
    asked: list[Route] = []

    async def take_time(route: Route) -> None:
        asked.append(route)

    await page.route("**/labels", take_time)

    async def asked_twice() -> bool:
        return len(asked) == 2

    await desk.goto(at)
    await read(page, "T77")
    await expect(page.get_by_text("T77 is unknown")).to_be_visible()
    await wait_until(asked_twice, what="the label is asked for again, since nobody went away")
    await read(page, following)
    await page.wait_for_url(f"**{beside}")
    desk.complaints.clear()  # the browser notes the request that was given up
