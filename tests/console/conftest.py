"""Browsers without a screen, each signed in as somebody of the running stack's console."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from deploy.local.stack import LocalStack
from tests.clients import Clients
from tests.console.floor import Hand, shelve
from tests.console.shop import Shop, open_shop
from tests.console.visitor import Visitor

Visit = Callable[[str], Awaitable[Visitor]]


@pytest_asyncio.fixture
async def visit(stack: LocalStack) -> AsyncIterator[Visit]:
    """Open a browser; with a role, sign in as the one who has it."""
    opened: list[Visitor] = []

    async def open_one(role: str = "") -> Visitor:
        visitor = Visitor(stack)
        opened.append(visitor)
        if role:
            answer = await visitor.sign_in(role, stack.site.credentials.console_passwords[role])
            assert answer.status_code == 303, answer.text
        return visitor

    yield open_one
    for visitor in opened:
        await visitor.close()


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
async def picker(visit: Visit) -> Hand:
    """Somebody with a scanner and no list."""
    hand = Hand(await visit("picker"))
    await hand.lay_down()
    return hand


@pytest_asyncio.fixture
async def shelves(shop: Shop, clients: Clients) -> Shop:
    """A shop whose articles have bins and barcodes."""
    await shelve(clients, shop)
    return shop
