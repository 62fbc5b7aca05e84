"""The foreground process that owns a stack: starts it, watches it, restarts what dies, stops it."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg

from deploy.local import names
from deploy.local.errors import StackError
from deploy.local.published import has_published_since
from deploy.local.rest_point import INTERVAL, RestPoints
from deploy.local.stack import LocalStack
from shared import clock
from shared.kafka import BrokerAwayError

_WATCH_SECONDS = 0.1
_LOOK_AGAIN_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
# A process that ran this long has earned a quick restart again.
_PROVEN_SECONDS = 30.0
_REPLAY_SECONDS = 600.0
_REPLAY = "replay"


class Supervisor:
    """Watches one stack until told to stop."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._points = RestPoints(stack.site.home)
        self._stopping = asyncio.Event()
        self._repairs: dict[str, asyncio.Task[None]] = {}
        self._deaths: dict[str, tuple[int, float]] = {}
        # From when to publish again, until it is done.
        self._owed: datetime | None = None

    def stop(self) -> None:
        """Ask `run` to stop the stack and return."""
        self._stopping.set()

    async def run(self) -> None:
        """Start the stack, keep it running until `stop`, and stop it; raises StackError when it cannot start."""
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await _first(self._start(), stopped)
            if not self._stopping.is_set():
                say("everything is ready")
                await _first(self.watch(), stopped)
        finally:
            stopped.cancel()
            await self._stack.stop()
            say("everything is stopped")

    async def _start(self) -> None:
        self._owed = self._points.replay_since() if self._forgets else None
        self._points.begin()
        await self._stack.bring_up(say)
        await self._pay_replay()
        self._stack.record(ready=True)

    async def watch(self) -> None:
        """Restart what dies in a stack that runs, and take rest points, until cancelled."""
        self._points.begin()
        looking = asyncio.create_task(self._take_rest_points())
        try:
            while True:
                for name, child in self._stack.processes.items():
                    if not child.is_running and self._may_be_repaired(name):
                        say(f"{name} ended with code {child.return_code}")
                        self._repair(name, self._revival_of(name))
                if self._owed is not None and not self._repairs:
                    self._repair(_REPLAY, self._pay_replay())
                await asyncio.sleep(_WATCH_SECONDS)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await self._abandon_repairs(list(self._repairs))

    def _may_be_repaired(self, name: str) -> bool:
        # While a forgetful broker comes back, the workers are down on purpose.
        waits = self._forgets and names.BROKER in self._repairs and name in self._stack.workers
        return name not in self._repairs and not waits

    def _revival_of(self, name: str) -> Coroutine[None, None, None]:
        if name != names.BROKER:
            return self._stack.start_process(name)
        return self._revive_forgetful_broker() if self._forgets else self._stack.start_broker()

    def _repair(self, name: str, work: Coroutine[None, None, None]) -> None:
        task = self._repairs[name] = asyncio.create_task(self._until_done(name, work))
        task.add_done_callback(lambda _: self._repairs.pop(name, None))

    async def _until_done(self, name: str, work: Coroutine[None, None, None]) -> None:
        try:
            await asyncio.sleep(self._pause(name))
            await work
        except (StackError, BrokerAwayError, OSError, asyncpg.PostgresError) as error:
            say(f"{name} could not be restarted: {error}")
            # What started and is not ready counts as dead, and gets its next try.
            if name in self._stack.processes:
                self._stack.kill(name, signal.SIGKILL)
            return
        finally:
            work.close()
        self._stack.record(ready=True)
        say(f"{name} is done" if name == _REPLAY else f"{name} runs again")

    async def _revive_forgetful_broker(self) -> None:
        """Stop the workers, start the broker; the watch then starts the workers and, with all up, replays."""
        workers = self._stack.workers
        await self._abandon_repairs([name for name in self._repairs if name in {*workers, _REPLAY}])
        if self._owed is None:
            self._owed = self._points.replay_since()
        await self._stack.stop_processes(workers)
        await self._stack.start_broker()

    async def _pay_replay(self) -> None:
        """Publish again what a broker forgot."""
        if self._owed is not None:
            since, site = self._owed, self._stack.site
            services = [name for name in self._stack.options.services if await has_published_since(site, name, since)]
            say(f"publishing again since {since.isoformat()}: {', '.join(services) or 'nothing'}")
            await self._stack.run_at(services, ("replay", "--since", since.isoformat()), _REPLAY_SECONDS)
            self._owed = None

    async def _take_rest_points(self) -> None:
        while True:
            found = await self._points.look(self._stack.ask_workers)
            # A busy stack rests for moments only, so one that was missed is looked for again soon.
            await asyncio.sleep(INTERVAL.total_seconds() if found else _LOOK_AGAIN_SECONDS)

    def _pause(self, name: str) -> float:
        deaths, last = self._deaths.get(name, (0, 0.0))
        now = time.monotonic()
        deaths = 1 if now - last > _PROVEN_SECONDS else deaths + 1
        self._deaths[name] = (deaths, now)
        return float(min(_FIRST_PAUSE_SECONDS * 2 ** (deaths - 1), _LONGEST_PAUSE_SECONDS))

    async def _abandon_repairs(self, which: list[str]) -> None:
        tasks = [self._repairs[name] for name in which]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _forgets(self) -> bool:
        return self._stack.options.broker == "tansu"


@asynccontextmanager
async def watched(stack: LocalStack) -> AsyncIterator[Supervisor]:
    """Supervise a running stack from within this process for as long as the block lasts."""
    supervisor = Supervisor(stack)
    watching = asyncio.create_task(supervisor.watch())
    try:
        yield supervisor
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def supervise(stack: LocalStack) -> None:
    """Run a supervisor in this process until SIGTERM or Ctrl-C."""
    supervisor = Supervisor(stack)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    # Whoever started it in a terminal may close that.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    await supervisor.run()


def say(message: str) -> None:
    """Write one line of what happens, with the real time."""
    sys.stdout.write(f"{clock.real().isoformat(timespec='milliseconds')} {message}\n")
    sys.stdout.flush()


async def _first(work: Coroutine[None, None, None], stopped: asyncio.Task[bool]) -> None:
    """Work until it is done or somebody asks to stop; raises what the work raises."""
    working = asyncio.create_task(work)
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return
    working.result()
