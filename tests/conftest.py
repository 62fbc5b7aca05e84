"""One stack for the whole session, on free ports and a home of its own, and clients to reach it."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.local import names, state, stepped_clock
from deploy.local.commands import Options
from deploy.local.stack import LocalStack
from shared import clock
from tests import promises
from tests.broker import BROKER
from tests.clients import Clients
from tests.what_was_logged import WhatWasLogged

_PREFIX = "doorstep-test-"
_ROOT = Path(__file__).resolve().parents[1]
# What the tests of an area ask of the running stack; the other services rest meanwhile: they would only take the
# processor, and park what is told of orders that they do not know. Areas that are not named ask all of them.
_ASKED_BY = {
    "care": frozenset({"care"}),
    "carrier_simulator": frozenset[str](),
    "contracts": frozenset[str](),
    "inventory": frozenset({"inventory"}),
    "journeys": frozenset[str](),
    "olist": frozenset[str](),
    "orders": frozenset({"orders"}),
    "shared": frozenset({"orders"}),
    "shipping": frozenset({"shipping"}),
}
# What the services do and how an order travels: `make test` names these areas too. All else is wide, whatever area is
# new among it: the doors walked route by route and role by role and all that proves a line of security, the console,
# the command line, the stack and its tools (make test-wide).
_CORE = frozenset({"care", "contracts", "inventory", "journeys", "orders", "shared", "shipping"})
_WIDE_FILES = frozenset(
    {
        "tests/journeys/test_canary.py",
        "tests/journeys/test_check.py",
        "tests/shared/test_kafka_traps.py",
        "tests/shared/test_topics.py",
        "tests/shared/test_poison.py",
    }
)
# Of two stacks that share the areas, neither should begin a long one when the other has ended.
_LONGEST_FIRST = {
    area: place
    for place, area in enumerate(
        ("journeys", "console", "care", "shared", "inventory", "deploy", "carrier_simulator", "shipping", "orders",
         "doors", "olist", "cli", "privacy", "house_rules", "contracts", "bench")
    )
}  # fmt: skip
_running: list[LocalStack] = []
_area: list[str] = [""]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--security-table", action="store_true", help="print which security lines are proven, or fail")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--security-table") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(promises.Table())
    config.pluginmanager.register(WhatWasLogged())
    config.addinivalue_line("markers", "security(line, ...): proves these lines of docs/security.md (make security)")
    config.addinivalue_line("markers", "fuzz: sends what nobody thought of, for minutes (make fuzz)")
    config.addinivalue_line("markers", "wide: beyond the services and the journeys of orders (make test-wide)")
    config.addinivalue_line("markers", "faults: kills, freezes and cuts processes of a stack of its own")
    config.addinivalue_line("markers", "browser: works the console's pages in Chromium")
    config.addinivalue_line("markers", "journeys: follows orders through all services")
    config.addinivalue_line("markers", "broker: rests on what a broker does, so it runs on both (make test-kafka)")
    config.addinivalue_line("markers", "kafka_only: of what the embedded broker lacks, so it runs on Apache Kafka only")


class _ByArea(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """What runs beside each other is whole areas: each has fixtures, and some a stack, of its own."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("/")[1]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return _ByArea(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _LONGEST_FIRST.get(_area_of(item.path), len(_LONGEST_FIRST)))
    for item in items:
        area = _area_of(item.path)
        promises.note(item)
        if _is_wide(item):
            item.add_marker("wide")
        if area in {"browser", "faults", "fuzz", "journeys"}:
            item.add_marker(area)
        if area in {"shared", "journeys"}:
            item.add_marker("broker")
    if BROKER != "kafka":
        elsewhere = [item for item in items if item.get_closest_marker("kafka_only")]
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _area[0] = _area_of(item.path)


@pytest.fixture(autouse=True)
def business_time_of_its_own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Business time is real unless this test has a driver: another test's stepped clock is not its own."""
    if "driver" not in request.fixturenames:
        monkeypatch.setattr(clock, "_stepped", None)


@pytest.fixture(scope="session")
def data() -> Path:
    """Where the recorded data of other people lies."""
    return Path(os.environ.get("DOORSTEP_DATA", _ROOT.parent / "shared" / "data"))


@pytest_asyncio.fixture(scope="session")
async def stack() -> AsyncIterator[LocalStack]:
    """The running stack; DOORSTEP_TEST_BROKER=kafka runs it on a real Kafka, DOORSTEP_TEST_CLOCK steps time."""
    await _remove_leftovers()
    home = Path(tempfile.mkdtemp(prefix=_PREFIX))
    if start := os.environ.get("DOORSTEP_TEST_CLOCK"):
        stepped_clock.begin(home / "clock", start)
    asked = _asked()
    options = Options(
        services=[name for name in asked if name in names.SERVICES],
        simulator=names.SIMULATOR in asked,
        broker=BROKER,
        console=names.CONSOLE in asked,
        throwaway=True,
        asleep=True,
    )
    running = await LocalStack.start(home, options=options)
    _running.append(running)
    try:
        await _rouse(running)
        yield running
    finally:
        _running.clear()
        await running.stop()
        if not os.environ.get("DOORSTEP_TEST_KEEP"):
            shutil.rmtree(home)


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def services_as_the_area_needs_them() -> None:
    """Let the services of a running stack rest where nobody asks them, and work again where somebody does."""
    for stack in _running:
        await _rouse(stack)


async def _rouse(stack: LocalStack) -> None:
    everything = [*stack.apis, *stack.workers, *stack.pages]
    asked = _ASKED_BY.get(_area[0])
    wanted = everything if asked is None else [name for name in everything if name.partition("-")[0] in asked]
    at_work = [name for name in everything if name in stack.processes and stack.processes[name].is_running]
    await stack.stop_processes(name for name in at_work if name not in wanted)
    await stack.start_processes(name for name in wanted if name not in at_work)


@pytest_asyncio.fixture(scope="session")
async def clients(stack: LocalStack) -> AsyncIterator[Clients]:
    """HTTP clients: clients.of("orders", role="operator"), clients.anonymous("orders")."""
    opened = Clients(stack)
    yield opened
    await opened.close()


def _is_wide(item: pytest.Item) -> bool:
    listed = _area_of(item.path) not in _CORE or str(item.path.relative_to(_ROOT)) in _WIDE_FILES
    return listed or item.get_closest_marker("security") is not None


def _area_of(path: Path) -> str:
    return path.relative_to(_ROOT / "tests").parts[0]


def _asked() -> list[str]:
    """Give what DOORSTEP_TEST_SERVICES asks for, e.g. "orders,simulator" or nothing at all, else everything."""
    everything = ",".join((*names.SERVICES, names.SIMULATOR, names.CONSOLE))
    return [name for name in os.environ.get("DOORSTEP_TEST_SERVICES", everything).split(",") if name]


def _homes() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"))


async def _remove_leftovers() -> None:
    """Stop and delete what an earlier session that was killed has left behind."""
    for home in _homes():
        record = state.read(home)
        if record is not None and not record.is_owned:
            await state.stop_leftovers(home)
            shutil.rmtree(home, ignore_errors=True)
