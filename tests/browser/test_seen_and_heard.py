"""What everybody must notice however they look: verdicts, the focus of a keyboard, and no motion for who wants none."""

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.chromium import Colours, Desk
from tests.browser.conftest import Sit
from tests.browser.test_floor import ASK, DONE, LISTEN, RIGHT, WRONG, judged, read, take_list, told
from tests.clients import Clients
from tests.console.care import trouble
from tests.console.floor import order
from tests.console.shop import Shop

BOTH_COLOURS = ["light", "dark"]
_LOOKS = """verdict => ({
  colour: getComputedStyle(verdict).backgroundColor,
  shape: verdict.querySelector(".shape").outerHTML,
  mark: verdict.querySelector(".mark").outerHTML,
  words: verdict.querySelector("strong").textContent,
})"""
_IN_MOTION = """() => [...document.querySelectorAll("*")].flatMap((element) =>
  ["", "::before", "::after"].map((part) => getComputedStyle(element, part || null)).filter((style) =>
    style.animationName !== "none" || style.transitionDuration.split(", ").some((one) => parseFloat(one) > 0)
  ).map(() => element.className || element.tagName))"""
# The outline lies outside of its control: what it must be told from is what the control stands on.
_FOCUSED = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parts = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (colour) => {
    const [red, green, blue] = [...parts(colour)].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const under = (element) => getComputedStyle(element).backgroundColor;
  let ground = focused.parentElement;
  while (ground.parentElement && parts(under(ground))[3] < 255) ground = ground.parentElement;
  const style = getComputedStyle(focused);
  const [light, dark] = [style.outlineColor, under(ground)].map(luminance).sort((a, b) => b - a);
  const kind = focused.tagName.toLowerCase();
  return {
    kind: kind === "input" ? focused.type : focused.getAttribute("role") || kind,
    named: focused.outerHTML.slice(0, 120),
    style: style.outlineStyle,
    width: parseFloat(style.outlineWidth),
    contrast: (light + 0.05) / (dark + 0.05),
  };
}"""
_LEAST_WIDTH, _LEAST_CONTRAST = 2, 3
_MOST_TABS = 150


async def _looks(page: Page, tone: str, heard: tuple[list[int], str]) -> dict[str, str]:
    """See and hear what a scan came to."""
    await judged(page, tone)
    await told(page, heard)
    looks: dict[str, str] = await page.locator("[data-verdict]").evaluate(_LOOKS)
    await page.evaluate("window.heard = []")
    return {**looks, "sound": str(heard[0]), "buzz": heard[1]}


@pytest.mark.parametrize("colours", BOTH_COLOURS)
async def test_what_a_scan_came_to_is_told_by_colour_shape_words_and_sound(
    sit: Sit, shelves: Shop, colours: Colours
) -> None:
    await order(shelves)
    desk = await sit("picker", "phone", colours)
    page = desk.page
    await page.add_init_script(LISTEN)
    await take_list(desk, shelves)
    await read(page, "NOT-OURS")
    verdicts = [await _looks(page, "wrong", WRONG)]
    await read(page, f"40{shelves.tag}")
    verdicts.append(await _looks(page, "right", RIGHT))
    await page.get_by_text("Short or damaged").click()
    await page.get_by_label("Not there").check()
    await page.get_by_label("How many?").fill("1")
    await page.get_by_role("button", name="Report").click()
    verdicts.append(await _looks(page, "ask", ASK))
    await read(page, f"41{shelves.tag}")
    verdicts.append(await _looks(page, "done", DONE))
    for way in ("colour", "shape", "mark", "words", "sound", "buzz"):
        assert len({told[way] for told in verdicts}) == len(verdicts), way
        assert all(told[way] for told in verdicts), way


async def test_nothing_moves_for_who_wants_no_motion(sit: Sit, shelves: Shop) -> None:
    await order(shelves)
    desk = await sit("picker", "phone")
    page = desk.page
    await take_list(desk, shelves)
    await read(page, "NOT-OURS")
    await judged(page, "wrong")
    for path in ("", "/pack", "/"):
        if path:
            await desk.goto(path)
        await page.emulate_media(reduced_motion="no-preference")
        assert await page.evaluate(_IN_MOTION) != [], "else this would notice nothing"
        await page.emulate_media(reduced_motion="reduce")
        assert await page.evaluate(_IN_MOTION) == []
        await page.locator("main .button:visible, main .tile:visible").first.hover()
        assert await page.evaluate("document.getAnimations().length") == 0


async def _walk(desk: Desk, path: str, open_first: str = "") -> dict[str, list[dict[str, Any]]]:
    """Go through a page with the tab key; give what had the focus, by its kind."""
    page, seen = desk.page, dict[str, list[dict[str, Any]]]()
    await desk.goto(path)
    if open_first:
        await page.locator("summary", has_text=open_first).first.click()
        await page.evaluate("document.activeElement.blur()")
    for _ in range(_MOST_TABS):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(_FOCUSED)
        if focused is None:
            break
        seen.setdefault(focused["kind"], []).append(focused)
    return seen


@pytest.mark.parametrize("colours", BOTH_COLOURS)
async def test_whatever_the_keyboard_comes_to_is_outlined(
    sit: Sit, shop: Shop, clients: Clients, colours: Colours
) -> None:
    placed, case_id = await trouble(shop, clients)
    agent, packer = await sit("care", colours=colours), await sit("warehouse_lead", colours=colours)
    walks = [
        await _walk(agent, f"/care?location={shop.tag}", "Narrow and save"),
        await _walk(agent, f"/care/cases/{case_id}", "Snooze"),
        await _walk(agent, f"/orders/{placed.number}", "Reply ready to send"),
        await _walk(packer, f"/stock/count?location={shop.tag}"),
        await _walk(packer, f"/floor?location={shop.tag}", "Plan a list ahead"),
    ]
    kinds = {kind for walk in walks for kind in walk}
    assert kinds >= {"a", "button", "summary", "select", "textarea", "text", "checkbox", "radio", "number"}
    for walk in walks:
        for controls in walk.values():
            for one in controls:
                assert one["style"] not in {"none", "hidden"}, one
                assert one["width"] >= _LEAST_WIDTH, one
                assert one["contrast"] >= _LEAST_CONTRAST, one
