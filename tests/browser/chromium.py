"""Debian's Chromium under Playwright: people in front of the console's pages, and what axe says of them."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, async_playwright

PROGRAM = "DOORSTEP_CHROMIUM"
# Nothing of it speaks to anybody but the stack under test.
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--no-first-run", "--disable-default-apps",
]  # fmt: skip
_AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
# How large what one presses must be (WCAG 2.2, 2.5.8) is asked only of who says so.
_ASKED = "{resultTypes: ['violations'], rules: {'target-size': {enabled: true}}}"
_SERIOUS = {"serious", "critical"}

Kind = Literal["phone", "desktop"]
Colours = Literal["light", "dark"]
SIZES: dict[Kind, tuple[int, int]] = {"phone": (390, 844), "desktop": (1280, 900)}


def program() -> str:
    """Find Chromium; the message says how to get it."""
    found = os.environ.get(PROGRAM) or shutil.which("chromium")
    if not found:
        raise FileNotFoundError(f"no chromium: run `make chromium` as root, or set {PROGRAM} to one")
    return found


@asynccontextmanager
async def running() -> AsyncIterator[Browser]:
    """Run a browser with an empty profile for as long as the block lasts."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=_ARGUMENTS, headless=True)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Desk:
    """One person at one screen."""

    page: Page
    address: str
    complaints: list[str]

    @classmethod
    async def open(cls, browser: Browser, address: str, kind: Kind = "desktop", colours: Colours = "light") -> "Desk":
        """Sit down; what the browser complains of (a broken policy, a script's error) is kept."""
        width, height = SIZES[kind]
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=colours,
            reduced_motion="reduce",
            has_touch=kind == "phone",
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return cls(page, address, complaints)

    async def goto(self, path: str) -> None:
        """Open a page."""
        await self.page.goto(f"{self.address}{path}")

    async def sign_in(self, login: str, password: str) -> None:
        """Sign in as people do."""
        await self.goto("/sign-in")
        await self.page.get_by_label("Sign-in name").fill(login)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(f"{self.address}/")

    async def serious_violations(self) -> list[str]:
        """Ask axe what keeps people out of the page as it is now."""
        if not await self.page.evaluate("typeof window.axe === 'object'"):
            await self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        result: Any = await self.page.evaluate(f"axe.run(document, {_ASKED})")
        return [
            f"{found['id']}: {found['help']}: {', '.join(str(node['target']) for node in found['nodes'][:5])}"
            for found in result["violations"]
            if found["impact"] in _SERIOUS
        ]

    async def close(self) -> None:
        """Get up."""
        await self.page.context.close()
