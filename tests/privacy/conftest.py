"""A fresh database of every service and of the console, migrated as a deployment would."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest_asyncio

from deploy.local.stack import LocalStack
from tests.own_database import own_database

SERVICES = ("orders", "inventory", "shipping", "care", "console")


@pytest_asyncio.fixture(scope="session")
async def databases(stack: LocalStack) -> AsyncIterator[Mapping[str, str]]:
    """The URLs of five databases of this area's own."""
    async with AsyncExitStack() as opened:
        yield {name: await opened.enter_async_context(own_database(stack, name)) for name in SERVICES}
