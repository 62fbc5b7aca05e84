"""One running orders service for all its tests; each opens a shop of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from deploy.local.stack import LocalStack
from tests.orders.rig import Rig, Shop, running_orders


@pytest_asyncio.fixture(scope="session")
async def rig(stack: LocalStack) -> AsyncIterator[Rig]:
    """The service, its doors in this process, its database its own."""
    async with running_orders(stack) as running:
        yield running


@pytest_asyncio.fixture
async def shop(rig: Rig) -> Shop:
    """A storefront of this test's own."""
    return await rig.open_shop()
