"""A whole suite in stepped business time, and a small shop in it for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from deploy.local.driver import Driver
from deploy.local.stack import LocalStack
from shared import clock
from tests.journeys.shop import Shop, open_shop
from tests.stepped import driven, stepped_suite


@pytest_asyncio.fixture(scope="package")
async def stepped_stack() -> AsyncIterator[LocalStack]:
    """All services, the console, the broker the session asks for, and a simulator in which nothing goes wrong alone."""
    async with stepped_suite("journeys", throwaway=True, console=True) as stack:
        yield stack


@pytest_asyncio.fixture(scope="package")
async def driver(stepped_stack: LocalStack) -> AsyncIterator[Driver]:
    """The one driver of the stack's business time."""
    async with driven(stepped_stack, patience_seconds=90) as made:
        yield made


@pytest_asyncio.fixture
async def shop(stepped_stack: LocalStack, driver: Driver) -> AsyncIterator[Shop]:
    """A storefront, two locations and three articles of this test's own, on a working morning."""
    made = await open_shop(stepped_stack, driver)
    await made.until_morning()
    yield made
    await made.close()


@pytest_asyncio.fixture(autouse=True)
async def nothing_is_left_over(stepped_stack: LocalStack, driver: Driver) -> AsyncIterator[None]:
    """Each test leaves the suite at rest, so that the next one's steps are its own."""
    clock.use_stepped_file(stepped_stack.site.clock_file, environment="local")
    yield
    await driver.rest()
