"""The warehouse, as people work it: a scanner that types, a phone in the hand, a network that comes and goes."""

import re
from urllib.parse import parse_qs

import pytest
from playwright.async_api import Page, expect

from deploy.local.stack import LocalStack
from tests.browser.chromium import Colours, Desk, Kind
from tests.browser.conftest import Sit
from tests.clients import Clients
from tests.console.floor import cancel, order, picked, second_location
from tests.console.shop import Order, Shop

EVERY_SCREEN = [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]


async def read(page: Page, code: str) -> None:
    """Read a barcode: the scanner types into whatever has the focus, and presses Enter."""
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


async def judged(page: Page, tone: str, words: str = "", within_ms: int = 5_000) -> None:
    """See what the scan came to."""
    verdict = page.locator("[data-verdict]")
    await expect(verdict).to_have_attribute("data-verdict", tone, timeout=within_ms)
    await expect(verdict).to_contain_text(words)


async def take_list(desk: Desk, shop: Shop) -> None:
    """Give back what an earlier test left, and take this shop's list."""
    page = desk.page
    await desk.goto(f"/pick?location={shop.tag}")
    if await page.locator("#leave").count():
        await page.get_by_text("Give the list back").click()
        await page.get_by_role("button", name="Give it back").click()
        await expect(page.get_by_text("You have no list.")).to_be_visible()
        await desk.goto(f"/pick?location={shop.tag}")
    await page.get_by_role("button", name="Take the next list").click()
    await expect(page.locator("#scan")).to_be_focused()


async def test_a_picker_completes_a_list_through_everything_that_goes_wrong(sit: Sit, shelves: Shop) -> None:
    placed = await order(shelves)
    desk = await sit("picker", "phone")
    page = desk.page
    await take_list(desk, shelves)
    await expect(page.locator(".bin")).to_have_text("A-01-3")

    await read(page, "4006381333931")
    await judged(page, "wrong", "is not on this list: expected is Blue mug")
    await read(page, f"C0{shelves.tag}")
    await judged(page, "wrong", "stands for 6 units, 1 wanted")

    await expect(page.locator("#scan")).to_be_focused()
    await read(page, f"40{shelves.tag}")
    await judged(page, "right", "This line is complete.")
    await expect(page.locator(".bin")).to_have_text("A-02-3")

    await page.get_by_text("Short or damaged").click()
    await page.get_by_label("Not there").check()
    await page.get_by_label("How many?").fill("1")
    await page.get_by_role("button", name="Report").click()
    await judged(page, "ask", "Noted: 1 short")

    await expect(page.locator("#scan")).to_be_focused()
    await read(page, f"41{shelves.tag}")
    await judged(page, "done", "List done")
    await expect(page.get_by_text(placed.number)).to_be_visible()


async def test_nothing_counts_before_the_server_answered(sit: Sit, shelves: Shop, stack: LocalStack) -> None:
    await order(shelves)
    desk = await sit("picker", "phone")
    page = desk.page
    await take_list(desk, shelves)
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.post_data or "") if asked.url.endswith("/scans") else None)

    await read(page, "NOT-OURS")
    await judged(page, "wrong")
    await page.context.set_offline(True)
    await read(page, f"40{shelves.tag}")
    await expect(page.locator("#unsaved")).to_be_visible()
    await expect(page.get_by_text("Not saved yet: the same scan is sent again.")).to_be_visible()
    await expect(page.locator("[data-verdict]")).to_have_count(0)
    await page.keyboard.type("4")
    await expect(page.get_by_text("Wait: the last scan is not saved yet.")).to_be_visible()
    await expect(page.locator("#scan")).to_have_value(f"40{shelves.tag}")
    await page.context.set_offline(False)
    await judged(page, "right", "This line is complete.")
    await expect(page.locator("#unsaved")).to_be_hidden()
    keys = [parse_qs(body)["key"] for body in sent if f"40{shelves.tag}" in body]
    assert len(keys) > 1, "it was sent again"
    assert keys == [keys[0]] * len(keys), "as the same scan"

    await stack.stop_processes(["inventory-api"])
    try:
        await read(page, f"41{shelves.tag}")
        await expect(page.locator("#unsaved")).to_be_visible()
        await expect(page.locator("[data-verdict]")).to_have_count(0)
        await expect(page.get_by_text("This line is complete.")).to_be_hidden()
    finally:
        await stack.start_process("inventory-api")
    await judged(page, "right", "1 more here.", within_ms=20_000)  # between two tries lie five seconds
    await expect(page.locator(".progress-row .strong")).to_have_text("2/3")
    await read(page, f"41{shelves.tag}")
    await judged(page, "done", "List done")
    assert desk.complaints, "the browser notes each attempt itself"
    desk.complaints.clear()


async def test_units_are_sent_to_another_location(sit: Sit, shelves: Shop, clients: Clients) -> None:
    other = await second_location(clients, shelves)
    desk = await sit("warehouse_lead", "phone")
    page = desk.page
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    await desk.goto(f"/stock/transfers?location={shelves.tag}")
    await read(page, f"C0{shelves.tag}")
    await judged(page, "ask", "On the pallet: 6")
    await page.get_by_label("To", exact=True).select_option(other)
    await page.get_by_role("button", name="Send it").click()
    await expect(page.locator(".toasts")).to_contain_text(f"On their way to {other}: 6.")
    assert asked == [], "what was answered needs no warning before the page is left"


LISTEN = """
window.heard = [];
const start = AudioScheduledSourceNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
  window.heard.push(this.frequency.value);
  return start.apply(this, when);
};
navigator.vibrate = (pattern) => { window.felt = pattern.join(); return true; };
"""
RIGHT, WRONG = ([880, 1320], "40"), ([170, 120], "300,80,300")
ASK, DONE = ([587, 587], "80,60,80"), ([660, 880, 1320], "40,40,120")


async def told(page: Page, *tones: tuple[list[int], str]) -> None:
    """Hear these tones and no other, and feel the last; they come a moment after what is shown."""
    heard = [pitch for pitches, _ in tones for pitch in pitches]
    await page.wait_for_function(
        "([heard, felt]) => String(window.heard) === heard && window.felt === felt",
        arg=[",".join(map(str, heard)), tones[-1][1]],
    )


async def test_right_and_wrong_are_heard_and_felt_until_the_phone_is_silenced(sit: Sit, shelves: Shop) -> None:
    await order(shelves)
    desk = await sit("picker", "phone")
    page = desk.page
    await page.add_init_script(LISTEN)
    await take_list(desk, shelves)
    await read(page, "NOT-OURS")
    await judged(page, "wrong")
    await told(page, WRONG)
    await read(page, f"40{shelves.tag}")
    await judged(page, "right")
    await told(page, WRONG, RIGHT)

    sound = page.locator("[data-mute]")
    await sound.click()
    await expect(sound).to_have_text("Sound off")
    await page.reload()
    await expect(sound).to_have_text("Sound off")
    await read(page, "NOT-OURS")
    await judged(page, "wrong")
    await sound.click()
    await read(page, f"41{shelves.tag}")
    await judged(page, "right")
    await told(page, RIGHT)


async def test_all_that_is_next_fits_a_small_handheld(sit: Sit, shelves: Shop) -> None:
    lines = [
        {
            "reference": str(index), "sku": sku, "name": "-", "quantity": 3,
            "unit_price": {"amount": 1290, "currency": "EUR"},
        }
        for index, sku in enumerate(shelves.skus)
    ]  # fmt: skip
    await order(shelves, lines=lines)
    desk = await sit("picker", "phone")
    page = desk.page
    await page.set_viewport_size({"width": 360, "height": 640})
    await take_list(desk, shelves)
    await read(page, f"40{shelves.tag}")
    await judged(page, "right", "2 more here.")
    await expect(page.get_by_label("Quantity")).to_be_visible()
    tabs = await page.locator(".tabs").bounding_box()
    assert tabs is not None
    for shown in (".verdict", ".bin", ".next-bin", "#scan"):
        box = await page.locator(shown).bounding_box()
        assert box is not None
        assert box["y"] >= 0, shown
        assert box["y"] + box["height"] <= tabs["y"], f"{shown} ends at {box}, the tabs begin at {tabs['y']}"


# What a scanner does within some milliseconds: the browser's part, since a test cannot type as evenly.
_BURST = """
(code) => {
  const field = document.activeElement;
  const press = (key) =>
    field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  for (const key of code) if (press(key) && /[0-9]/.test(key)) field.value += key;
  if (press("Enter")) field.form.requestSubmit();
}
"""


async def test_a_scan_into_a_number_is_a_scan(sit: Sit, shelves: Shop) -> None:
    at = await picked(shelves, await order(shelves))
    desk = await sit("picker", "phone")
    page = desk.page
    await desk.goto(at)
    await read(page, f"40{shelves.tag}")
    await judged(page, "right", "Units in it now: 1")

    await page.get_by_label("Quantity").fill("2")
    await page.evaluate(_BURST, f"41{shelves.tag}")
    await judged(page, "right", "Units in it now: 3")
    await page.get_by_label("Weight on the scale").fill("1510")
    await page.evaluate(_BURST, f"41{shelves.tag}")
    await expect(page.get_by_label("Weight on the scale")).to_have_value("1510")
    await expect(page.get_by_role("button", name="Weigh", exact=True)).to_be_visible()


async def test_enter_after_a_quantity_goes_on_to_the_scan(sit: Sit, shelves: Shop) -> None:
    at = await picked(shelves, await order(shelves))
    desk = await sit("picker", "phone")
    page = desk.page
    await desk.goto(at)
    await page.get_by_label("Quantity").fill("2")
    await page.keyboard.press("Enter")
    await expect(page.locator("#scan")).to_be_focused()
    await read(page, f"41{shelves.tag}")
    await judged(page, "right", "Units in it now: 2")


async def test_the_last_scan_is_undone_and_the_next_bin_stays_in_view(sit: Sit, shelves: Shop) -> None:
    await order(shelves)
    desk = await sit("picker", "phone")
    page = desk.page
    await take_list(desk, shelves)
    await expect(page.locator(".next-bin")).to_contain_text("A-02-3")
    await expect(page.locator(".next-bin")).to_be_in_viewport()
    await read(page, f"40{shelves.tag}")
    await judged(page, "right", "This line is complete.")
    await expect(page.locator(".next-bin")).to_contain_text("This is the last bin.")
    await page.get_by_role("button", name="Undo the last scan").click()
    await judged(page, "ask", "Lay 1 back into bin A-01-3")
    await expect(page.locator(".bin")).to_have_text("A-01-3")
    await expect(page.locator(".progress-row .strong")).to_have_text("0/3")


async def pack(desk: Desk, shop: Shop, placed: Order) -> str:
    """Pack an order from its tote to its printed label; give the tracking number."""
    page = desk.page
    at = await picked(shop, placed)
    await desk.goto(f"/pack?location={shop.tag}")
    await read(page, placed.number)
    await page.wait_for_url(f"**{at}")
    await expect(page.locator("#scan")).to_be_focused()
    await read(page, f"40{shop.tag}")
    await judged(page, "right", "Units in it now: 1")
    await page.get_by_role("button", name="One more").first.click()
    await read(page, f"41{shop.tag}")
    await judged(page, "right", "Units in it now: 3")
    await page.get_by_label("Weight on the scale").fill("1200")
    for name, value in (("Length", "300"), ("Width", "200"), ("Height", "100")):
        await page.get_by_label(name).fill(value)
    await page.get_by_role("button", name="Weigh", exact=True).click()
    await judged(page, "wrong", "300 g too light")
    await expect(page.get_by_role("button", name="Close it all the same")).to_be_visible()
    await page.get_by_label("Weight on the scale").fill("1510")
    await page.get_by_role("button", name="Weigh again").click()
    await judged(page, "right", "The weight fits")
    await page.get_by_role("button", name="Close the parcel").click()
    await judged(page, "right", "The label is here")
    return await page.locator(".step code").inner_text()


async def test_a_packer_closes_a_parcel_and_hands_it_over(sit: Sit, shelves: Shop) -> None:
    placed = await order(shelves)
    desk = await sit("picker", "phone")
    page = desk.page
    number = await pack(desk, shelves, placed)
    for link in ("Print the label", "Label as PDF", "Label as ZPL", "Packing slip"):
        address = await page.get_by_role("link", name=link).get_attribute("href")
        paper = await page.request.get(f"{desk.address}{address}")
        assert paper.ok, link
    await read(page, number)
    await judged(page, "done", "Into the lane of")

    await desk.goto(f"/dispatch?location={shelves.tag}")
    await expect(page.locator("#scan")).to_be_focused()
    await read(page, number)
    await judged(page, "right", "Load it")
    await read(page, number)
    await judged(page, "wrong", "Has left already")


async def test_a_parcel_with_an_open_cancellation_is_refused_at_the_dock(sit: Sit, shelves: Shop) -> None:
    placed = await order(shelves)
    desk = await sit("picker", "phone")
    number = await pack(desk, shelves, placed)
    await cancel(shelves, placed)
    await desk.goto(f"/dispatch?location={shelves.tag}")
    await read(desk.page, number)
    await judged(desk.page, "wrong", "units that were cancelled: put them back")


async def test_the_last_box_is_offered_again(sit: Sit, shelves: Shop) -> None:
    desk = await sit("picker", "phone")
    await pack(desk, shelves, await order(shelves))
    at = await picked(shelves, await order(shelves))
    await desk.goto(at)
    await read(desk.page, f"40{shelves.tag}")
    await expect(desk.page.get_by_label("Length")).to_have_value("300")


async def floor_pages(shop: Shop) -> list[str]:
    """Every page of the warehouse, each with something on it."""
    bench = await picked(shop, await order(shop))
    await order(shop)
    pages = ["/floor", "/pick", "/pack", bench, "/dispatch", "/stock", "/stock/receive", "/stock/count"]
    return [*pages, f"/stock/count?q={shop.skus[0]}", "/stock/transfers"]


@pytest.mark.parametrize(("kind", "colours"), EVERY_SCREEN)
async def test_nobody_is_kept_out_of_the_warehouse(sit: Sit, shelves: Shop, kind: Kind, colours: Colours) -> None:
    pages = await floor_pages(shelves)
    desk = await sit("warehouse_lead", kind, colours)
    await take_list(desk, shelves)
    await read(desk.page, "NOT-OURS")
    await judged(desk.page, "wrong")
    assert await desk.serious_violations() == [], "a refused scan"
    await desk.page.get_by_text("Short or damaged").click()
    assert await desk.serious_violations() == [], "the drawer"
    for path in pages:
        await desk.goto(path)
        assert await desk.serious_violations() == [], path
        wider = await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, path


async def test_targets_are_large_enough_for_gloves(sit: Sit, shelves: Shop) -> None:
    await order(shelves)
    desk = await sit("picker", "phone")
    await take_list(desk, shelves)
    for button in await desk.page.locator("#work button:visible, #work summary:visible").all():
        box = await button.bounding_box()
        assert box is not None
        assert min(box["height"], box["width"]) >= 36, re.sub(r"\s+", " ", await button.inner_text())
