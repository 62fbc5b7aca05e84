"""One running orders service for all its tests; each opens a shop of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.stack import LocalStack
from shared import clock
from tests.orders.rig import MoveTo, Rig, Shop, running_orders


@pytest_asyncio.fixture(scope="session")
async def rig(stack: LocalStack) -> AsyncIterator[Rig]:
    """The service, its doors in this process, its database its own."""
    async with running_orders(stack) as running:
        yield running


@pytest_asyncio.fixture
async def shop(rig: Rig) -> AsyncIterator[Shop]:
    """A storefront of this test's own; nobody calls its webhooks any more when the test is over."""
    opened = await rig.open_shop()
    yield opened
    await opened.silence()


@pytest.fixture
def move_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MoveTo:
    """Step business time, for this test only."""
    monkeypatch.setattr(clock, "_stepped", None)
    clock.use_stepped_file(tmp_path / "clock", environment="local")
    clock.step_to(clock.real())
    return clock.step_to
