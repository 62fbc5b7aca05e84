"""The suite a replay runs on: its own, made anew and stepped from before the first purchase, or a running one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deploy.local import control, names, ports, state, stepped_clock
from deploy.local.commands import Options
from deploy.local.driver import Driver
from deploy.local.errors import StackError
from deploy.local.site import REPOSITORY
from deploy.local.stack import LocalStack, Progress
from shared import clock
from shared.errors import ConfigurationError

DEFAULT_HOME = REPOSITORY / ".doorstep-olist"
_MARK = "replay.txt"
ENVIRONMENT: Mapping[str, str] = {
    # Parcels travel as the data say, or not at all.
    "SIMULATOR_LATE": "0",
    "SIMULATOR_STALLED": "0",
    "SIMULATOR_DAMAGED": "0",
    "SIMULATOR_LOST": "0",
    "SIMULATOR_FAILED_ATTEMPT": "0",
    "SIMULATOR_RETURNED": "0",
    # Care only notes what it would do and say.
    "CARE_AUTOMATIC_REMEDIES": "observe",
    "CARE_MESSAGES": "observe",
    "CARE_CALENDAR_ZONE": "America/Sao_Paulo",
    "CARE_CARRIER_ZONE": "America/Sao_Paulo",
}


@dataclass(frozen=True, slots=True)
class Suite:
    """Addresses by process, the key that signs staff's tokens, the clock, and read-only connections by service."""

    urls: Mapping[str, str]
    staff_key: str
    clock_file: Path
    dsns: Mapping[str, str]
    observes: bool = False
    """Its care acts on nothing by its own settings."""

    def api(self, service: str) -> str:
        """Give the address of a service's API."""
        return self.urls[names.api_of(service)]

    def driver(self) -> Driver:
        """Make the driver of its clock."""
        own = {names.SIMULATOR, *map(names.api_of, names.SERVICES), *map(names.worker_of, names.SERVICES)}
        return Driver(self.clock_file, {name: url for name, url in self.urls.items() if name in own})


@asynccontextmanager
async def own(home: Path, begin: datetime, progress: Progress) -> AsyncIterator[Suite]:
    """Run a suite of one's own on free ports; whatever was in its home is gone, what it leaves stays to be read."""
    await asyncio.to_thread(_start_afresh, home)
    stepped_clock.begin(home / "clock", begin.isoformat())
    options = Options(throwaway=True, environment=ENVIRONMENT)
    stack = await LocalStack.start(home, chosen_ports=ports.free(), options=options, progress=progress)
    try:
        yield suite_of(stack)
    finally:
        await stack.stop()


def _start_afresh(home: Path) -> None:
    """Throw an earlier replay away; raises StackError for a home that holds anything else."""
    if home.exists() and any(home.iterdir()) and not (home / _MARK).exists():
        raise StackError(f"{home} holds a stack of your own: name another with --own-home")
    control.reset(home)
    home.mkdir(parents=True)
    (home / _MARK).write_text("a replay of recorded orders; the next one throws it away\n", encoding="utf-8")


def suite_of(stack: LocalStack) -> Suite:
    """Give the suite of a stack of this process."""
    dsns = {service: stack.dsn(service, "readonly") for service in names.SERVICES}
    return Suite(stack.urls, stack.staff_key, stack.site.clock_file, dsns, observes=True)


def running(home: Path, begin: datetime) -> Suite:
    """Give the suite that runs in a home; raises ConfigurationError unless its clock is stepped and early enough."""
    record = state.read(home)
    if record is None or not record.processes:
        raise ConfigurationError(f"nothing runs in {home}; leave --stack out and one is started")
    if not record.clock_file:
        raise ConfigurationError(f"the stack in {home} runs in real time: start it with --stepped-clock")
    clock.use_stepped_file(Path(record.clock_file), environment="local")
    if clock.now() > begin:
        raise ConfigurationError(f"business time in {home} is {clock.now()}, later than the first purchase {begin}")
    key = Path(record.staff_key).read_text(encoding="utf-8").strip()
    return Suite(record.urls, key, Path(record.clock_file), record.dsns)
