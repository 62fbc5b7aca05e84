"""A whole suite in stepped business time, and a small shop in it for each test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest_asyncio

from deploy.local import names, stepped_clock
from deploy.local.commands import BrokerKind, Options
from deploy.local.driver import Driver
from deploy.local.stack import LocalStack
from tests.journeys.shop import Shop, open_shop

MONDAY = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_CALM = {f"SIMULATOR_{name}": "0" for name in ("LATE", "STALLED", "DAMAGED", "LOST", "FAILED_ATTEMPT", "RETURNED")}


@pytest_asyncio.fixture(scope="session")
async def stepped_stack() -> AsyncIterator[LocalStack]:
    """All services, the broker the session asks for, and a simulator in which nothing goes wrong by itself."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-journeys-"))
    stepped_clock.begin(home / "clock", MONDAY.isoformat())
    broker = cast("BrokerKind", os.environ.get("DOORSTEP_TEST_BROKER", "tansu"))
    stack = await LocalStack.start(home, options=Options(broker=broker, throwaway=True, environment=_CALM))
    yield stack
    await stack.stop()
    if not os.environ.get("DOORSTEP_TEST_KEEP"):
        shutil.rmtree(home)


@pytest_asyncio.fixture(scope="session")
async def driver(stepped_stack: LocalStack) -> AsyncIterator[Driver]:
    """The one driver of the stack's business time."""
    processes = [*stepped_stack.apis, *stepped_stack.workers, names.SIMULATOR]
    addresses = {name: stepped_stack.urls[name] for name in processes}
    made = Driver(stepped_stack.site.clock_file, addresses, patience_seconds=90)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def shop(stepped_stack: LocalStack, driver: Driver) -> AsyncIterator[Shop]:
    """A storefront, two locations and three articles of this test's own, on a working morning."""
    made = await open_shop(stepped_stack, driver)
    await made.until_morning()
    yield made
    await made.close()


@pytest_asyncio.fixture(autouse=True)
async def nothing_is_left_over(driver: Driver) -> AsyncIterator[None]:
    """Each test leaves the suite at rest, so that the next one's steps are its own."""
    yield
    await driver.rest()
