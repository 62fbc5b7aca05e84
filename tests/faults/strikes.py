"""Does to a running stack what a schedule says, and heals it."""

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from deploy.local import names
from deploy.local.errors import StartFailedError
from deploy.local.processes import Child
from deploy.local.stack import LocalStack
from shared import clock, db, relay
from tests.faults.proxy import Proxy, Wire
from tests.faults.schedule import Kind, Strike
from tests.faults.twin import twin_of
from tests.waiting import wait_until

_BACKENDS = """
select pid from pg_stat_activity where usename = any($1::text[]) and backend_type = 'client backend' order by pid
"""
_CUT_SHARE = 5
_REPLAY = timedelta(minutes=1)
_CARRIER_SECONDS = 3
_CARRIER_TIMES = 3
_COMMIT_SECONDS = 8.0  # within which somebody commits, under load
_LOOK_SECONDS = 0.05


class Missed(Exception):  # noqa: N818 - a fact, not a fault of ours
    """An earlier fault has not healed yet, or nobody came by, so that this one struck nobody."""


@dataclass
class Striker:
    """One stack, the wires to its database by service, and what has struck it; what has missed does not count."""

    stack: LocalStack
    wires: Mapping[str, Proxy]
    struck: list[Strike] = field(default_factory=list)
    armed: dict[str, Strike] = field(default_factory=dict)
    """The carrier's faults by their id: they strike when somebody asks it."""

    async def run(self, strikes: Sequence[Strike]) -> None:
        """Let each fault strike at its time, one after another."""
        began = clock.monotonic()
        for strike in strikes:
            await asyncio.sleep(max(0.0, began + strike.at - clock.monotonic()))
            sys.stdout.write(f"{strike}\n")
            sys.stdout.flush()
            if await self.strike(strike):
                self.struck.append(strike)

    async def strike(self, strike: Strike) -> bool:
        """Let one fault strike, and last as long as it does; say whether it hit."""
        acts = {
            Kind.KILL: self._signal, Kind.STOP: self._signal, Kind.CRASH: self._signal, Kind.FREEZE: self._freeze,
            Kind.CUT: self._cut, Kind.SWALLOW: self._swallow, Kind.WIRE: self._wire, Kind.JOIN: self._join,
            Kind.CARRIER: self._carrier, Kind.OPEN: self._open, Kind.AGAIN: self._again,
        }  # fmt: skip
        try:
            await acts[strike.kind](strike)
        except Exception as error:
            away = isinstance(error, (Missed, OSError, httpx.HTTPError, StartFailedError))
            if not (away or db.is_away(error) or db.is_transient(error)):
                raise
            sys.stdout.write(f"           (missed: {strike.kind} {strike.target}: {type(error).__name__})\n")
            return False
        return True

    async def heal(self) -> None:
        """End what could still last."""
        for name in self.stack.processes:
            self.stack.kill(name, signal.SIGCONT)
        for wire in self.wires.values():
            wire.wire = Wire.SOUND
            wire.swallow_commits(0)

        async def is_calm() -> bool:
            try:
                async with self._simulator() as simulator:
                    known = (await simulator.get("/simulator/faults")).raise_for_status().json()
                    idle = [self.armed[one["id"]] for one in known if one["id"] in self.armed and not one["hits"]]
                    self.struck = [strike for strike in self.struck if strike not in idle]
                    return (await simulator.delete("/simulator/faults")).is_success
            except httpx.HTTPError:
                return False

        await wait_until(is_calm, what="the carrier's faults are taken away")

    async def _signal(self, strike: Strike) -> None:
        self._see_running(strike.target)
        numbers = {Kind.KILL: signal.SIGKILL, Kind.STOP: signal.SIGTERM, Kind.CRASH: signal.SIGQUIT}
        self.stack.kill(strike.target, numbers[strike.kind])

    async def _freeze(self, strike: Strike) -> None:
        child = self._see_running(strike.target)
        child.signal(signal.SIGSTOP)
        await asyncio.sleep(strike.seconds)  # the duration is the fault
        child.signal(signal.SIGCONT)

    async def _cut(self, strike: Strike) -> None:
        connection = await db.connect(self.stack.site.admin_dsn, application="fault tests")
        try:
            backends = [row["pid"] for row in await connection.fetch(_BACKENDS, list(names.SERVICES))]
            chosen = backends[int(strike.at) % _CUT_SHARE :: _CUT_SHARE]
            ended = [await connection.fetchval("select pg_terminate_backend($1)", pid) for pid in chosen]
            if not any(ended):
                raise Missed
        finally:
            await connection.close()

    async def _swallow(self, strike: Strike) -> None:
        wire = self.wires[strike.target]
        wanted, ends = wire.swallowed + 1, clock.monotonic() + _COMMIT_SECONDS
        wire.swallow_commits(1)
        while wire.swallowed < wanted:
            if clock.monotonic() > ends:
                wire.swallow_commits(0)
                raise Missed
            await asyncio.sleep(_LOOK_SECONDS)

    async def _wire(self, strike: Strike) -> None:
        service, _, name = strike.target.partition(" ")
        proxy, wire = self.wires[service], Wire(name)
        before = proxy.spoiled
        proxy.wire = wire
        await asyncio.sleep(strike.seconds)  # the duration is the fault
        proxy.wire = Wire.SOUND
        if wire is not Wire.HALF_OPEN:
            proxy.cut()
        if proxy.spoiled == before:
            raise Missed

    async def _join(self, strike: Strike) -> None:
        async with twin_of(self.stack, strike.target):
            await asyncio.sleep(strike.seconds)  # the duration is the fault

    async def _carrier(self, strike: Strike) -> None:
        fault = {"kind": strike.target, "times": _CARRIER_TIMES, "seconds": _CARRIER_SECONDS}
        async with self._simulator() as simulator:
            made = (await simulator.post("/simulator/faults", json=fault)).raise_for_status().json()
        self.armed[made["id"]] = strike

    async def _open(self, strike: Strike) -> None:
        reader = await db.connect(self.stack.dsn(strike.target, "readonly"), application="fault tests")
        try:
            await reader.execute("begin isolation level repeatable read")
            await reader.execute("select count(*) from outbox")
            await asyncio.sleep(strike.seconds)  # the duration is the fault
        finally:
            await reader.close()

    async def _again(self, strike: Strike) -> None:
        if not await relay.replay(self.stack.dsn(strike.target), clock.real() - _REPLAY):
            raise Missed

    def _see_running(self, name: str) -> Child:
        child = self.stack.processes[name]
        if not child.is_running:
            raise Missed
        return child

    def _simulator(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.stack.urls[names.SIMULATOR], trust_env=False, timeout=5)
