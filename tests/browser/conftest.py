"""One browser for the session; each test sits at desks of its own."""

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

import pytest_asyncio
from playwright.async_api import Browser

from deploy.local import names
from deploy.local.stack import LocalStack
from tests.browser.chromium import Colours, Desk, Kind, running
from tests.clients import Clients
from tests.console.floor import shelve
from tests.console.shop import Shop, open_shop


class Sit(Protocol):
    """Sits somebody down at a screen, signed in as the one who has a role."""

    def __call__(self, role: str, kind: Kind = "desktop", colours: Colours = "light") -> Awaitable[Desk]: ...


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser."""
    async with running() as launched:
        yield launched


@pytest_asyncio.fixture
async def sit(browser: Browser, stack: LocalStack) -> AsyncIterator[Sit]:
    """Sit down; nothing may have been complained of when everybody gets up."""
    desks: list[Desk] = []

    async def down(role: str, kind: Kind = "desktop", colours: Colours = "light") -> Desk:
        desk = await Desk.open(browser, stack.urls[names.CONSOLE], kind, colours)
        desks.append(desk)
        if role:
            await desk.sign_in(role, stack.site.credentials.console_passwords[role])
        return desk

    yield down
    for desk in desks:
        await desk.close()
    assert [complaint for desk in desks for complaint in desk.complaints] == []


@pytest_asyncio.fixture
async def shop(stack: LocalStack) -> AsyncIterator[Shop]:
    """A shop of this test's own."""
    opened = await open_shop(stack)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def writing_shop(stack: LocalStack) -> AsyncIterator[Shop]:
    """A shop that writes to its customers itself, so that they know of trouble at once."""
    opened = await open_shop(stack, "storefront")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def shelves(shop: Shop, clients: Clients) -> Shop:
    """A shop whose articles have bins and barcodes."""
    await shelve(clients, shop)
    return shop
