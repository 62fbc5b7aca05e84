"""Pictures of the console for the documents: `make screenshots` takes them of the demonstration that runs here."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby

from PIL import Image
from playwright.async_api import Browser, Page, expect

from deploy.local import control, names, state
from deploy.local.site import REPOSITORY
from tests.browser.chromium import Colours, Desk, Kind, running
from tests.browser.scene import PLACE, Scene, set_scene, sign_ins

FOLDER = REPOSITORY / "docs" / "screenshots"
SCREENS: tuple[tuple[Kind, Colours], ...] = (
    ("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark"),
)  # fmt: skip
_COLOURS_KEPT = 128
_MOST_BYTES = 90_000

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


async def _open_report(page: Page) -> None:
    await page.get_by_text("Report a problem").click()


async def _see_evidence(page: Page) -> None:
    await page.locator("#evidence").evaluate("title => title.closest('section').scrollIntoView()")
    for shown in await page.locator(".photos img").all():
        await expect(shown).to_have_js_property("complete", value=True)


async def _tick_two(page: Page) -> None:
    ticks = page.locator(".tick input")
    for number in range(min(2, await ticks.count())):
        await ticks.nth(number).check()


async def _open_keys(page: Page) -> None:
    await page.keyboard.press("?")


_ALWAYS = (
    Picture("sign-in", "", "/sign-in"),
    Picture("status-find", "", "/track"),
    Picture("home", "admin", "/"),
    Picture("people", "admin", "/people"),
    Picture("account", "admin", "/account"),
    Picture("look-up", "support", "/look-up"),
    Picture("keyboard", "support", "/look-up", _open_keys),
    Picture("care-queue", "care", "/care"),
    Picture("care-bulk", "care", "/care", _tick_two),
    Picture("care-approvals", "care_lead", "/care/approvals"),
    Picture("floor", "warehouse_lead", f"/floor?location={PLACE}"),
    Picture("stock", "warehouse_lead", f"/stock?location={PLACE}"),
    Picture("count", "warehouse_lead", "/stock/count"),
    Picture("transfer", "warehouse_lead", "/stock/transfers"),
    Picture("overview", "warehouse_lead", "/overview"),
    Picture("pick", "picker", "/pick"),
    Picture("pick-wrong", "picker", "/pick", _scan_wrong),
    Picture("pack-start", "picker", f"/pack?location={PLACE}"),
    Picture("dispatch", "picker", f"/dispatch?location={PLACE}"),
    Picture("operations", "operator", "/operations"),
    Picture("operations-messages", "operator", "/operations/messages"),
    Picture("operations-drift", "operator", "/operations/drift"),
    Picture("operations-audit", "operator", "/operations/audit"),
)


def pictures(scene: Scene) -> list[Picture]:
    """List the pages to take, by who looks at them."""
    shown = scene.shown
    taken = list(_ALWAYS)
    if "damaged" in shown:
        taken.append(Picture("order", "care", f"/orders/{shown['damaged']}"))
        taken.append(Picture("status-report", "", scene.link_to(shown["damaged_id"]), _open_report))
    if "case" in shown:
        taken.append(Picture("care-case", "care", f"/care/cases/{shown['case']}"))
        taken.append(Picture("care-evidence", "care", f"/care/cases/{shown['case']}", _see_evidence))
    if "late" in shown:
        taken.append(Picture("order-late", "support", f"/orders/{shown['late']}"))
        taken.append(Picture("status-late", "", scene.link_to(shown["late_id"])))
    for name, key in (("pack-bench", "open_bench"), ("pack-label", "bench")):
        if key in shown:
            taken.append(Picture(name, "picker", shown[key]))
    return sorted(taken, key=lambda picture: picture.role)


async def take(browser: Browser, scene: Scene, screen: tuple[Kind, Colours]) -> None:
    """Take every page on one screen; who looks at several signs in once."""
    passwords = sign_ins(scene.record)
    kind, colours = screen
    for role, wanted in groupby(pictures(scene), key=lambda picture: picture.role):
        desk = await Desk.open(browser, scene.record.urls[names.CONSOLE], kind, colours)
        if role:
            await desk.sign_in(role, passwords[role])
        for picture in wanted:
            await desk.goto(picture.path)
            await picture.act(desk.page)
            await desk.page.evaluate("document.fonts.ready")
            _keep(f"{picture.name}-{kind}-{colours}.png", await desk.page.screenshot())
        await desk.close()


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


async def main() -> None:
    """Take all pictures."""
    record = state.read(control.default_home())
    if record is None or not record.sign_ins or not record.ready or not record.clock_file:
        sys.exit("no demonstration runs here: start one with make demo")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    scene = await set_scene(record)
    try:
        async with running() as browser:
            for screen in SCREENS:
                await take(browser, scene, screen)
    finally:
        await scene.close()


if __name__ == "__main__":
    asyncio.run(main())
