"""The inventory service in a laboratory: its doors over a database of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.local.stack import LocalStack
from tests.inventory.floor import Floor
from tests.inventory.lab import Lab, open_lab, prepare


@pytest_asyncio.fixture(scope="session")
async def prepared(stack: LocalStack) -> LocalStack:
    """The stack with the laboratory's database in it."""
    await prepare(stack)
    return stack


@pytest_asyncio.fixture
async def lab(prepared: LocalStack) -> AsyncIterator[Lab]:
    """One open inventory service."""
    async with open_lab(prepared) as opened:
        yield opened


@pytest.fixture
def floor(lab: Lab, stack: LocalStack) -> Floor:
    """The people at work in it."""
    return Floor(lab, stack)
