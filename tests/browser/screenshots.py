"""Pictures of the console for the documents: `make screenshots` plays a demonstration of its own and takes them."""

import argparse
import asyncio
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.async_api import Browser, Page, expect

from cli.demo import catalogue
from deploy.local import control, names, ports, state
from deploy.local.site import REPOSITORY
from tests.browser.chromium import SIZES, Colours, Desk, Kind, running
from tests.browser.scene import PLACE, Scene, set_scene, sign_ins

FOLDER = REPOSITORY / "docs" / "screenshots"
SCREENS: tuple[tuple[Kind, Colours], ...] = (
    ("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark"),
)  # fmt: skip
_ORDERS = 120
_PORTS_APART = 500  # a demonstration of somebody's own may go on beside this one
_COLOURS_KEPT = 128
_TALLEST = 2400
_MOST_BYTES = 150_000

Act = Callable[[Page], Awaitable[None]]


async def _nothing(_page: Page) -> None:
    """Only look."""


@dataclass(frozen=True)
class Picture:
    """A page, who looks at it, and what they do before the picture is taken."""

    name: str
    role: str
    path: str
    act: Act = _nothing


async def _scan_wrong(page: Page) -> None:
    await page.locator("input[name=code]").fill("4099999999999")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-verdict=wrong]")).to_be_visible()


async def _scan_without_a_network(page: Page) -> None:
    await page.context.set_offline(True)
    await page.locator("input[name=code]").fill("4099999999999")
    await page.keyboard.press("Enter")
    await expect(page.locator("#unsaved")).to_be_visible()


async def _weigh_wrong(page: Page) -> None:
    await page.get_by_label("Weight on the scale").fill("9100")
    for name, value in (("Length", "300"), ("Width", "200"), ("Height", "150")):
        await page.get_by_label(name).fill(value)
    await page.get_by_role("button", name=re.compile("^Weigh")).click()
    await expect(page.locator("[data-verdict=wrong]")).to_be_visible()


async def _load_pallet(page: Page) -> None:
    for code in ("LANTER-1", "MUG-2"):
        await page.locator("input[name=code]").fill(catalogue.BY_CODE[code].barcode)
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-verdict=ask]")).to_contain_text(catalogue.BY_CODE[code].name)


async def _open_report(page: Page) -> None:
    await page.get_by_text("Report a problem").click()


async def _see_photos(page: Page) -> None:
    for shown in await page.locator(".photos img").all():
        await shown.scroll_into_view_if_needed()
        await expect(shown).to_have_js_property("complete", value=True)


async def _tick_two(page: Page) -> None:
    ticks = page.locator("[data-tick]")
    for number in range(2):
        await ticks.nth(number).check()
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#bulk-told")).to_contain_text("will change")


async def _open_keys(page: Page) -> None:
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


_ALWAYS = (
    Picture("sign-in", "", "/sign-in"),
    Picture("status-find", "", "/track"),
    Picture("status-old-link", "", "/track/orders/old"),
    Picture("password-old-link", "", "/password/old"),
    Picture("home", "admin", "/"),
    Picture("people", "admin", "/people"),
    Picture("account", "admin", "/account"),
    Picture("not-there", "support", "/orders/NOSUCH"),
    Picture("look-up", "support", "/look-up"),
    Picture("care-queue", "care", "/care"),
    Picture("care-bulk", "care", "/care", _tick_two),
    Picture("keyboard", "care", "/care", _open_keys),
    Picture("care-approvals", "care_lead", "/care/approvals"),
    Picture("floor", "warehouse_lead", f"/floor?location={PLACE}"),
    Picture("stock", "warehouse_lead", f"/stock?location={PLACE}"),
    Picture("receive-unannounced", "warehouse_lead", f"/stock/receive?location={PLACE}"),
    Picture("count", "warehouse_lead", f"/stock/count?location={PLACE}&q=MUG-1"),
    Picture("transfer", "warehouse_lead", f"/stock/transfers?location={PLACE}", _load_pallet),
    Picture("overview", "warehouse_lead", "/overview"),
    Picture("pick-start", "warehouse_lead", f"/pick?location={PLACE}"),
    Picture("pick", "picker", "/pick"),
    Picture("pick-wrong", "picker", "/pick", _scan_wrong),
    Picture("pick-unsaved", "picker", "/pick", _scan_without_a_network),
    Picture("pack-start", "picker", f"/pack?location={PLACE}"),
    Picture("dispatch", "picker", f"/dispatch?location={PLACE}"),
    Picture("dispatch-refused", "picker", f"/dispatch?location={PLACE}", _scan_wrong),
    Picture("operations", "operator", "/operations"),
    Picture("operations-messages", "operator", "/operations/messages"),
    Picture("operations-drift", "operator", "/operations/drift"),
    Picture("operations-audit", "operator", "/operations/audit"),
)


def pictures(scene: Scene) -> list[Picture]:
    """List the pages to take, by who looks at them."""
    shown = scene.shown
    of_this_scene = (
        Picture("status-report", "", scene.link_to(shown["damaged_id"]), _open_report),
        Picture("status-not-received", "", scene.link_to(shown["not_received_id"])),
        Picture("status-late", "", scene.link_to(shown["late_id"])),
        Picture("look-up-several", "support", f"/look-up?q={quote(shown['person'])}"),
        Picture("order-late", "support", f"/orders/{shown['late']}"),
        Picture("order", "care", f"/orders/{shown['damaged']}", _see_photos),
        Picture("care-case", "care", f"/care/cases/{shown['case']}", _see_photos),
        Picture("receive", "warehouse_lead", shown["inbound"]),
        Picture("pack-bench", "picker", shown["open_bench"]),
        Picture("pack-weight", "picker", shown["full_bench"], _weigh_wrong),
        Picture("pack-label", "picker", shown["label_bench"]),
        Picture("pack-done", "picker", shown["staged_bench"]),
        Picture("operations-message", "operator", f"/operations/messages/care/{shown['dead']}"),
    )
    return sorted((*_ALWAYS, *of_this_scene), key=lambda picture: picture.role)


async def take(browser: Browser, scene: Scene, screen: tuple[Kind, Colours], only: str) -> int:
    """Take the pages of which `only` has part of the name on one screen; who looks signs in once. Gives how many."""
    passwords = sign_ins(scene.record)
    kind, colours = screen
    chosen = [picture for picture in pictures(scene) if any(part in picture.name for part in only.split(","))]
    for role, wanted in groupby(chosen, key=lambda picture: picture.role):
        desk = await Desk.open(browser, scene.record.urls[names.CONSOLE], kind, colours)
        if role:
            await desk.sign_in(role, passwords[role])
        for picture in wanted:
            await desk.page.set_viewport_size({"width": SIZES[kind][0], "height": SIZES[kind][1]})
            await desk.goto(picture.path)
            await picture.act(desk.page)
            await _show_all(desk.page, kind)
            _keep(f"{picture.name}-{kind}-{colours}.png", await desk.page.screenshot())
            await desk.page.context.set_offline(False)
        await desk.close()
    return len(chosen)


async def _show_all(page: Page, kind: Kind) -> None:
    """Make the screen as tall as what it shows, within reason."""
    await page.evaluate("document.fonts.ready")
    width, height = SIZES[kind]
    whole: int = await page.evaluate("document.documentElement.scrollHeight")
    await page.evaluate("scrollTo(0, 0)")
    await page.set_viewport_size({"width": width, "height": max(height, min(whole, _TALLEST))})


def _keep(name: str, picture: bytes) -> None:
    """Keep a picture in as few colours as show it."""
    kept = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as opened:
        opened.convert("RGB").quantize(_COLOURS_KEPT, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
            kept, "PNG", optimize=True
        )
    size = len(kept.getvalue())
    if size > _MOST_BYTES:
        sys.exit(f"{name} has {size} bytes, at most {_MOST_BYTES} are kept in the repository")
    (FOLDER / name).write_bytes(kept.getvalue())
    sys.stdout.write(f"{name}  {size // 1000} KB\n")


@contextmanager
def demonstrating() -> Iterator[None]:
    """Play a demonstration in a home of its own, at ports of its own, for as long as the block lasts."""
    base = ports.number(names.PORT_BASE, ports.DEFAULT_BASE) + _PORTS_APART
    with tempfile.TemporaryDirectory(prefix="doorstep-pictures-") as kept:
        home = Path(kept) / "home"
        os.environ |= {names.HOME: str(home), names.PORT_BASE: str(base)}
        argv = [sys.executable, "-m", "cli.main", "demo", "--orders", str(_ORDERS)]
        try:
            subprocess.run(argv, check=True, cwd=REPOSITORY)  # noqa: S603 - our own argv
            yield
        finally:
            control.reset(home)


async def photograph(only: str) -> int:
    """Take the pictures of the demonstration that runs in the home; gives how many."""
    record = state.read(control.default_home())
    if record is None or not record.sign_ins or not record.ready or not record.clock_file:
        sys.exit("no demonstration runs here: start one with make demo")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in () if only else FOLDER.glob("*.png"):
        old.unlink()
    scene = await set_scene(record)
    try:
        async with running() as browser:
            return sum([await take(browser, scene, screen, only) for screen in SCREENS])
    finally:
        await scene.close()


def main() -> None:
    """Take all pictures, or some of the demonstration that runs already."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--running", action="store_true", help="take them of the demonstration that runs already")
    parser.add_argument("--only", default="", help="parts of names, with commas: take those, and leave the others")
    asked = parser.parse_args()
    if asked.running:
        count = asyncio.run(photograph(asked.only))
    else:
        with demonstrating():
            count = asyncio.run(photograph(asked.only))
    place = FOLDER.relative_to(REPOSITORY)
    stopped = "" if asked.running else "; what was started for them is stopped"
    sys.stdout.write(f"{count} pictures of {count // len(SCREENS)} pages are in {place}{stopped}\n")


if __name__ == "__main__":
    main()
