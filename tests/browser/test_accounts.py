"""Getting in: a link sets a password, its owner changes it, and an identity provider vouches for somebody."""

import json
import secrets

import pytest
from playwright.async_api import Page, expect

from deploy.local import names
from deploy.local.ports import free
from deploy.local.stack import LocalStack
from tests.browser.chromium import Colours, Desk, Kind
from tests.browser.conftest import Sit
from tests.console.provider import CLIENT, SECRET, providing

EVERY_SCREEN = [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]
FIRST, SECOND = "four quiet words here", "another four quiet words"


async def nobody_is_kept_out(desk: Desk) -> None:
    """Have axe look, and see that nothing is wider than the screen."""
    assert await desk.serious_violations() == []
    assert await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def set_password(page: Page, new: str) -> None:
    await page.get_by_label("New password", exact=True).fill(new)
    await page.get_by_label("New password, once more").fill(new)


async def sign_in(desk: Desk, login: str, password: str) -> None:
    await desk.page.get_by_label("Sign-in name").fill(login)
    await desk.page.get_by_label("Password", exact=True).fill(password)
    await desk.page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize(("kind", "colours"), EVERY_SCREEN)
async def test_somebody_new_gets_a_link_sets_a_password_and_changes_it(sit: Sit, kind: Kind, colours: Colours) -> None:
    login = f"n-{secrets.token_hex(4)}"
    admin = await sit("admin", kind, colours)
    await admin.goto("/people")
    await admin.page.get_by_text("Let somebody in").click()
    await admin.page.get_by_label("Sign-in name").fill(login)
    await admin.page.get_by_label("Name", exact=True).fill("Nils Neu")
    await admin.page.get_by_label("support", exact=True).check()
    await nobody_is_kept_out(admin)
    await admin.page.get_by_role("button", name="Let them in and make a link").click()
    link = await admin.page.locator("#made-link").inner_text()
    await nobody_is_kept_out(admin)

    new = await sit("", kind, colours)
    await new.page.goto(link)
    await expect(new.page.get_by_text(f"For Nils Neu, who signs in as {login}.")).to_be_visible()
    await nobody_is_kept_out(new)
    await set_password(new.page, "too short")
    await new.page.get_by_role("button", name="Set it").click()
    await expect(new.page.get_by_role("alert")).to_contain_text("at least 12 letters")
    new.complaints.clear()  # the browser's word on the 422
    await set_password(new.page, FIRST)
    await new.page.get_by_role("button", name="Set it").click()
    await expect(new.page.locator(".toasts")).to_contain_text(f"Your password is set. Sign in as {login}.")
    await sign_in(new, login, FIRST)
    await expect(new.page.get_by_role("heading", level=1)).to_have_text("Hello, Nils Neu")

    await new.page.goto(f"{new.address}/account")
    await nobody_is_kept_out(new)
    await new.page.get_by_label("Present password").fill(FIRST)
    await set_password(new.page, SECOND)
    await new.page.get_by_role("button", name="Change it").click()
    await expect(new.page.locator(".toasts")).to_contain_text("Your password is changed.")


async def test_an_administrator_copies_the_link_they_made(sit: Sit) -> None:
    admin = await sit("admin")
    await admin.goto("/people")
    await admin.page.get_by_role("button", name="Password link").first.click()
    await admin.page.get_by_role("button", name="Copy").click()
    copied = await admin.page.evaluate("navigator.clipboard.readText()")
    assert copied == await admin.page.locator("#made-link").inner_text()
    assert "/password/" in copied


async def test_somebody_signs_in_through_the_provider(sit: Sit, stack: LocalStack) -> None:
    async with providing(free()[names.CONSOLE]) as provider:
        tag = secrets.token_hex(4)
        provider.person = {
            "sub": tag, "preferred_username": f"olga-{tag}", "name": "Olga Outside", "groups": ["wms-pickers"],
        }  # fmt: skip
        environment = {
            "CONSOLE_PUBLIC_URL": stack.urls[names.CONSOLE],
            "CONSOLE_OIDC_ISSUER": provider.issuer,
            "CONSOLE_OIDC_NAME": "Example Ltd",
            "CONSOLE_OIDC_CLIENT_ID": CLIENT,
            "CONSOLE_OIDC_CLIENT_SECRET": SECRET,
            "CONSOLE_OIDC_ROLES": json.dumps({"wms-pickers": "picker"}),
        }
        await stack.restart(names.CONSOLE, environment)
        try:
            desk = await sit("")
            await desk.goto("/pick")
            await nobody_is_kept_out(desk)
            await desk.page.get_by_role("link", name="Sign in through Example Ltd").click()
            await expect(desk.page.get_by_role("heading", level=1)).to_be_visible()
            assert desk.page.url == f"{desk.address}/pick"
            await expect(desk.page.get_by_text("Olga Outside").first).to_be_visible()
        finally:
            await stack.restart(names.CONSOLE)
