"""A suite whose processes are killed, in stepped business time, and a crowd of customers for each test.

DOORSTEP_FAULTS_SEED repeats a run's load and moments; the seed is logged, so a failure shows it. `--full` has faults
last as long as the promise says, as `make faults` does.
"""

import logging
import os
import random
import signal
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.driver import Driver
from deploy.local.stack import LocalStack
from deploy.local.supervisor import watched
from shared import clock
from tests.faults.crowd import Crowd
from tests.faults.ledger import LEDGER, NOT_PROVED, Outcome, lacking, outcome_of, table
from tests.faults.lengths import FULL, SHORT, Lengths
from tests.journeys.shop import open_shop
from tests.stepped import driven, stepped_suite

_SEED = os.environ.get("DOORSTEP_FAULTS_SEED") or str(random.SystemRandom().randrange(10**6))
_PATIENCE_SECONDS = 120.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="faults: as long as the promise says")


@pytest.fixture
def lengths(request: pytest.FixtureRequest) -> Lengths:
    """How long faults last in this run."""
    return FULL if request.config.getoption("--full") else SHORT


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """The line of this test in the table; a test without a crowd fills it and enters it itself."""
    return outcome_of(request.node.name, request.function.__doc__)


@pytest_asyncio.fixture(scope="module")
async def stepped_stack() -> AsyncIterator[LocalStack]:
    """All services, and a PostgreSQL that writes its log to disk before it answers."""
    async with stepped_suite("faults", throwaway=False) as stack:
        yield stack


@pytest_asyncio.fixture(scope="module")
async def driver(stepped_stack: LocalStack) -> AsyncIterator[Driver]:
    """The one driver of the stack's business time."""
    async with driven(stepped_stack, patience_seconds=_PATIENCE_SECONDS) as made:
        yield made


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """The chance of a test's faults: their kinds and moments."""
    logging.getLogger("faults").warning("DOORSTEP_FAULTS_SEED=%s", _SEED)
    return random.Random(f"{_SEED} {request.node.name}")  # noqa: S311 - repeatable on purpose


@pytest_asyncio.fixture
async def crowd(
    request: pytest.FixtureRequest, stepped_stack: LocalStack, driver: Driver, outcome: Outcome, tmp_path: Path
) -> AsyncIterator[Crowd]:
    """Customers of a shop of this test's own, with full shelves."""
    clock.use_stepped_file(stepped_stack.site.clock_file, environment="local")
    await _heal(stepped_stack, driver)
    shop = await open_shop(stepped_stack, driver)
    # Customers draw in whatever order they come: of dice of their own, so that the seed repeats the faults' moments.
    load = random.Random(f"{_SEED} {request.node.name} load")  # noqa: S311 - repeatable on purpose
    made = Crowd(shop, stepped_stack, tmp_path / "history.jsonl", load, outcome)
    await made.fill_shelves()
    yield made
    await made.close()
    await shop.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LEDGER:
        terminalreporter.write_sep("=", f"faults, DOORSTEP_FAULTS_SEED={_SEED}")
        for line in table(sorted(LEDGER, key=lambda line: line.number)):
            terminalreporter.write_line(line)
    for fault, why in NOT_PROVED.items():
        terminalreporter.write_line(f"{fault} did not run: {why}")
    if lack := _lacking(terminalreporter.config):
        terminalreporter.write_line(f"promised, and not tried: {', '.join(lack)}", red=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        NOT_PROVED[outcome_of(item.name, item.function.__doc__).fault] = report.longrepr[2]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a run of all faults at their full length fail where one of the promise was not tried."""
    if _lacking(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _lacking(config: pytest.Config) -> list[str]:
    """Name what a run of everything lacks; nothing where somebody has chosen what to run."""
    is_all = Path(__file__).parent in [config.invocation_params.dir / each for each in config.args]
    chosen = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("collectonly")
    if not is_all or chosen or not config.getoption("full", default=False):
        return []
    return lacking({line.fault for line in LEDGER}, NOT_PROVED)


async def _heal(stack: LocalStack, driver: Driver) -> None:
    """Bring back what a failed test has left dead or frozen, so that it fails alone."""
    for name in stack.processes:
        stack.kill(name, signal.SIGCONT)
    if not all(child.is_running for child in stack.processes.values()):
        async with watched(stack):
            await driver.rest()
