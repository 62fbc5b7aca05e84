"""The stack a benchmark runs on: durable as in production, each process started and stopped as a cell needs it."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import asyncpg
import httpx

from deploy.local import names, ports, state
from deploy.local.commands import BrokerKind, Options, service_command
from deploy.local.errors import StackError
from deploy.local.processes import Child, mark_of
from deploy.local.stack import LocalStack, Progress
from shared import clock, db

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.05


# Nobody picks here. A house into which so many orders come has the hands for them: at the usual 90 s for each order in
# the queue care would foresee that all are late, and open a case for each.
_PACE = {"CARE_THRESHOLDS": '{"seconds_per_queued_order": 0.005}'}


class Rig:
    """One embedded stack with fsync and synchronous_commit on, and further processes of its services."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.client = httpx.AsyncClient(timeout=10, trust_env=False)
        self._more: dict[str, tuple[Child, str]] = {}

    @classmethod
    async def start(cls, home: Path, progress: Progress) -> "Rig":
        """Start everything on Apache Kafka, or on the embedded broker where Kafka cannot be had."""
        kinds: tuple[BrokerKind, ...] = ("kafka", "tansu")
        await _clear(home)
        for broker in kinds:
            shutil.rmtree(home, ignore_errors=True)
            try:
                options = Options(broker=broker, environment={"DOORSTEP_LOG_LEVEL": "WARNING", **_PACE})
                return cls(await LocalStack.start(home, chosen_ports=ports.free(), options=options, progress=progress))
            except StackError as error:
                if broker == kinds[-1]:
                    raise
                progress(f"Apache Kafka does not start, the embedded broker takes its place: {error}")
        raise AssertionError

    @property
    def broker(self) -> BrokerKind:
        """The broker that runs."""
        return self.stack.options.broker

    @property
    def services(self) -> Sequence[str]:
        """The four services."""
        return self.stack.options.services

    def pids(self, *which: str) -> dict[str, int]:
        """Give the pids of running processes by name; all without names."""
        running = {name: child for name, child in self.stack.processes.items() if child.is_running}
        running |= {name: child for name, (child, _) in self._more.items() if child.is_running}
        return {name: child.pid for name, child in running.items() if not which or name in which}

    async def run_only(self, *wanted: str) -> None:
        """Let exactly these services' processes run, beside database and broker."""
        await self.stop_more()
        ours = [*self.stack.apis, *self.stack.workers]
        running = self.pids()
        await self.stack.stop_processes(name for name in ours if name in running and name not in wanted)
        await self.stack.start_processes(name for name in wanted if name not in running)

    async def start_more(self, process: str, count: int) -> list[str]:
        """Start further processes beside `orders-api` or the like, on ports of their own; give their addresses."""
        service, _, verb = process.rpartition("-")
        variable = names.port(service) if verb == "api" else names.ops_port(service)
        addresses: list[str] = []
        for number in range(2, 2 + count):
            port = ports.reserve()
            command = service_command(self.stack.site, self.stack.options, f"{process}-{number}", service, verb)
            child = Child(replace(command, environment={**command.environment, variable: str(port)}))
            address = f"http://127.0.0.1:{port}"
            self._more[command.name] = child, address
            addresses.append(address)
            await child.wait_ready(lambda address=address: self._is_ready(address), _READY_SECONDS)  # type: ignore[misc]
        return addresses

    async def stop_more(self) -> None:
        """Stop them."""
        await asyncio.gather(*(child.stop() for child, _ in self._more.values()))
        self._more.clear()

    async def counter(self, address: str, metric: str, **labels: str) -> float:
        """Read a counter of a process, summed over the labels that are not named; 0 before its first count."""
        text = (await self.client.get(f"{address}/metrics")).text
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        lines = [line for line in text.splitlines() if line.startswith((f"{metric}{{", f"{metric} "))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if all(part in line for part in wanted))

    async def value(self, service: str, sql: str, *values: object) -> int:
        """Ask a service's database for one number."""
        connection = await self.connect(service)
        try:
            return int(await connection.fetchval(sql, *values) or 0)
        finally:
            await connection.close()

    async def connect(self, service: str) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection as the service's own role."""
        return await db.connect(self.stack.dsn(service), application="bench", patience_seconds=None)

    async def until(self, service: str, sql: str, least: int, *values: object, seconds: float = 120) -> None:
        """Wait until a number in a service's database is at least `least`; raises TimeoutError naming the query."""
        connection = await self.connect(service)
        ends = clock.monotonic() + seconds
        try:
            while (found := int(await connection.fetchval(sql, *values) or 0)) < least:
                if clock.monotonic() > ends:
                    raise TimeoutError(f"after {seconds:.0f} s only {found} of {least}: {sql}")
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await connection.close()

    async def stop(self) -> None:
        """Stop every process that was started, and delete what they kept."""
        await self.stop_more()
        await self.client.aclose()
        await self.stack.stop()
        shutil.rmtree(self.stack.site.home, ignore_errors=True)

    async def _is_ready(self, address: str) -> bool:
        try:
            answer = await self.client.get(f"{address}/health/ready")
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK


async def _clear(home: Path) -> None:
    """Stop and delete what a benchmark that was killed has left; raises StackError while another one runs."""
    left = state.read(home)
    if left is not None and left.is_owned and left.owner != mark_of(os.getpid()):
        raise StackError(f"another benchmark runs in {home}: wait for it, or name another home (DOORSTEP_HOME)")
    await state.stop_leftovers(home)
    shutil.rmtree(home, ignore_errors=True)
