"""A whole suite of its own in stepped business time, on a working morning, whose simulator adds no mishaps."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from deploy.local import names, stepped_clock
from deploy.local.commands import Options
from deploy.local.driver import Driver
from deploy.local.rest_point import RestPoints
from deploy.local.stack import LocalStack
from tests.broker import BROKER

MONDAY = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
_CALM = {f"SIMULATOR_{name}": "0" for name in ("LATE", "STALLED", "DAMAGED", "LOST", "FAILED_ATTEMPT", "RETURNED")}


@contextmanager
def _bare(_home: Path) -> Iterator[None]:
    """Leave a stack's home as it is."""
    yield


@asynccontextmanager
async def stepped_suite(
    area: str,
    *,
    throwaway: bool,
    console: bool = False,
    beneath: Callable[[Path], AbstractContextManager[None]] = _bare,
) -> AsyncIterator[LocalStack]:
    """Run all services; `throwaway` data may be lost when PostgreSQL is killed; `beneath` prepares the stack's home."""
    home = Path(tempfile.mkdtemp(prefix=f"doorstep-{area}-"))
    stepped_clock.begin(home / "clock", MONDAY.isoformat())
    # A broker that dies and forgets is made up for from here.
    RestPoints(home).begin()
    options = Options(broker=BROKER, throwaway=throwaway, console=console, environment=_CALM)
    with beneath(home):
        stack = await LocalStack.start(home, options=options)
        try:
            yield stack
        finally:
            await stack.stop()
    if not os.environ.get("DOORSTEP_TEST_KEEP"):
        shutil.rmtree(home)


@asynccontextmanager
async def driven(stack: LocalStack, patience_seconds: float) -> AsyncIterator[Driver]:
    """Be the one driver of a stack's business time."""
    processes = [*stack.apis, *stack.workers, names.SIMULATOR]
    addresses = {name: stack.urls[name] for name in processes}
    driver = Driver(stack.site.clock_file, addresses, patience_seconds=patience_seconds)
    yield driver
    await driver.close()
