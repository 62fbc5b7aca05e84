"""All processes of one stack: started in the order they need each other, killed, restarted, stopped."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import httpx

from deploy.local import broker, databases, kafka_server, names, ports, postgres, state, topics
from deploy.local.commands import Options, command_of, environment_of, migrations_command, service_command
from deploy.local.components import broker_binary, postgres_directory
from deploy.local.credentials import Credentials, load_or_create
from deploy.local.driver import Report, Round
from deploy.local.errors import StartFailedError
from deploy.local.names import DatabaseRole
from deploy.local.ports import Ports
from deploy.local.processes import Child, Command, mark_of
from deploy.local.site import SERVICE_ENTRY, Site

Progress = Callable[[str], None]

# A machine at its limits; what cannot start ends long before.
_READY_SECONDS = 120.0
_MIGRATION_SECONDS = 120.0
_PROBE_SECONDS = 2.0
# A killed server's backends hold its shared memory a moment longer.
_POSTGRES_ATTEMPTS = 40
_POSTGRES_PAUSE_SECONDS = 0.3


class LocalStack:
    """The running stack of one home, owned by this process."""

    def __init__(self, home: Path, chosen: Ports, options: Options | None = None) -> None:
        self.options = options or Options()
        self.site = Site(home.resolve(), chosen, _credentials(home.resolve()), self.options.entry)
        self._children: dict[str, Child] = {}
        self._client = httpx.AsyncClient(timeout=_PROBE_SECONDS, trust_env=False)

    @classmethod
    async def start(
        cls,
        home: Path,
        *,
        chosen_ports: Ports | None = None,
        options: Options | None = None,
        progress: Progress = lambda _: None,
    ) -> Self:
        """Start everything; raises StackError, having stopped what did start."""
        stack = cls(home, chosen_ports or ports.free(), options)
        try:
            await stack.bring_up(progress)
            stack.record(ready=True)
        except BaseException:
            await stack.stop()
            raise
        return stack

    @property
    def urls(self) -> dict[str, str]:
        """Addresses by process, and those of the APIs by service too."""
        by_process = {name: self.site.url(name) for name in self.site.ports}
        return {**by_process, **{service: self.site.url(names.api_of(service)) for service in names.SERVICES}}

    @property
    def bootstrap(self) -> str:
        return self.site.bootstrap

    @property
    def staff_key(self) -> str:
        """The private key, as kid:key, that signs the tokens of staff."""
        return self.site.credentials.staff_key.private_setting

    @property
    def processes(self) -> dict[str, Child]:
        """Running and dead processes by name, in the order they were started."""
        return dict(self._children)

    @property
    def apis(self) -> list[str]:
        return [names.api_of(service) for service in self.options.services]

    @property
    def pages(self) -> list[str]:
        """The console, where it is wanted: what people use, and nothing else waits for."""
        return [names.CONSOLE] if self.options.console else []

    @property
    def workers(self) -> list[str]:
        return [names.worker_of(service) for service in self.options.services]

    def dsn(self, service: str, role: DatabaseRole = "service") -> str:
        """Give the connection to a service's database in one of the four roles."""
        return self.site.dsn(service, role)

    def environment(self, service: str) -> dict[str, str]:
        """Give the environment in which a service runs."""
        return environment_of(self.site, self.options, service)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one process; SIGSTOP and SIGCONT freeze and thaw it."""
        self._children[name].signal(number)

    async def bring_up(self, progress: Progress) -> None:
        """Start everything that does not run yet."""
        self._check_components()
        ports.check_free(self.site.ports, self._planned())
        progress("starting PostgreSQL and the broker")
        await _all(
            self._start_database(),
            self.start_broker(),
            self.start_process(names.MAILBOX),
            *([self.start_process(names.SIMULATOR)] if self.options.simulator else []),
        )
        progress("bringing the databases up to date")
        await self._migrate()
        if self.options.asleep:
            return
        progress("starting the services")
        await self.start_processes([*self.apis, *self.workers, *self.pages])

    async def start_broker(self) -> None:
        """Start the broker and create its topics."""
        if self.options.broker == "kafka":
            chosen = self.site.ports
            both = (chosen[names.BROKER], chosen[names.CONTROLLER])
            await asyncio.to_thread(kafka_server.prepare, self.site.kafka, *both)
        await self.start_process(names.BROKER)
        await topics.create(self.bootstrap)

    async def start_process(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Start one process and wait until it is ready; raises StartFailedError."""
        if name == names.POSTGRES:
            await self._start_postgres()
            return
        command = command_of(self.site, self.options, name)
        if environment:
            command = replace(command, environment={**command.environment, **environment})
        child = self._spawn(command)
        await child.wait_ready(lambda: self.is_ready(name), _READY_SECONDS)

    async def start_processes(self, which: Iterable[str]) -> None:
        """Start several processes at once."""
        await _all(*(self.start_process(name) for name in which))

    async def stop_processes(self, which: Iterable[str]) -> None:
        """Stop several processes at once, each with its grace."""
        await _all(*(self._children[name].stop() for name in which if name in self._children))

    async def restart(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Stop one process if it runs, and start it, with more environment if given; ready when it returns."""
        await self.stop_processes([name])
        if name == names.BROKER:
            await self.start_broker()
        else:
            await self.start_process(name, environment)
        self.record(ready=True)

    async def _migrate(self) -> None:
        if tuple(self.options.entry) != SERVICE_ENTRY:
            await self.run_at(self.options.services, ["migrate"], _MIGRATION_SECONDS)
        elif self.options.services or self.options.console:
            await _run_to_end(migrations_command(self.site, self.options), _MIGRATION_SECONDS)

    async def run_at(self, services: Sequence[str], verb: Sequence[str], seconds: float) -> None:
        """Run one verb of services to its end, all at once; raises StartFailedError with what went wrong."""
        commands = [
            service_command(self.site, self.options, f"{service}-{verb[0]}", service, *verb) for service in services
        ]
        await _all(*(_run_to_end(command, seconds) for command in commands))

    async def is_ready(self, name: str) -> bool:
        """Say whether a process does its work now."""
        if name == names.POSTGRES:
            return await postgres.is_ready(self.site.admin_dsn)
        if name in {names.BROKER, names.MAILBOX}:
            return await broker.is_ready(self.site.ports[name])
        try:
            answer = await self._client.get(f"{self.site.url(name)}/health/ready")
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    async def ask_workers(self) -> Round:
        """Ask every worker what it has published and read."""
        reports = await asyncio.gather(*(self._report(name) for name in self.workers))
        return Round(dict(zip(self.workers, reports, strict=True)))

    async def stop(self) -> None:
        """Stop everything: first who uses others, last who is used."""
        last = (names.MAILBOX, names.BROKER, names.POSTGRES)
        await self.stop_processes(name for name in self._children if name not in last)
        await self.stop_processes(last)
        self.record(ready=False)
        await self._client.aclose()

    def record(self, *, ready: bool) -> None:
        """Tell others, and the next start, what runs."""
        marks = {name: child.mark() for name, child in self._children.items()}
        alive = {name: mark for name, mark in marks.items() if mark is not None}
        owner = mark_of(os.getpid()) if alive else None
        simulator = [names.SIMULATOR] if self.options.simulator else []
        speaking = [*self.apis, *self.workers, *simulator, *self.pages]
        state.write(self.site, state.Running(owner, alive, speaking, ready))

    async def _report(self, name: str) -> Report | None:
        try:
            answer = await self._client.get(f"{self.site.url(name)}/internal/rest")
            return Report.model_validate(answer.raise_for_status().json())
        except (httpx.HTTPError, ValueError):
            return None

    def _spawn(self, command: Command) -> Child:
        child = self._children[command.name] = Child(command)
        self.record(ready=False)
        return child

    async def _start_database(self) -> None:
        site = self.site
        throwaway = self.options.throwaway
        password = site.credentials.admin_password
        await asyncio.to_thread(postgres.initialise, site.data, password, throwaway=throwaway)
        await self._start_postgres()
        plans = [site.plan(service) for service in names.DATABASES]
        await databases.prepare(site.admin_dsn, plans, site.readonly())

    async def _start_postgres(self) -> None:
        for attempt in range(1, _POSTGRES_ATTEMPTS + 1):
            postgres.remove_stale_lock(self.site.data)
            child = self._spawn(command_of(self.site, self.options, names.POSTGRES))
            try:
                await child.wait_ready(lambda: self.is_ready(names.POSTGRES), _READY_SECONDS)
            except StartFailedError:
                if child.is_running or attempt == _POSTGRES_ATTEMPTS:
                    raise
                await asyncio.sleep(_POSTGRES_PAUSE_SECONDS)
            else:
                return

    def _check_components(self) -> None:
        postgres_directory()
        if self.options.broker == "tansu":
            broker_binary()

    def _planned(self) -> list[str]:
        extra = [names.SIMULATOR] if self.options.simulator else []
        extra += [names.CONTROLLER] if self.options.broker == "kafka" else []
        return [names.POSTGRES, names.BROKER, names.MAILBOX, *extra, *self.apis, *self.workers, *self.pages]


def _credentials(home: Path) -> Credentials:
    home.mkdir(parents=True, exist_ok=True)
    return load_or_create(home)


async def _run_to_end(command: Command, seconds: float) -> None:
    child = Child(command)
    try:
        await child.wait_done(seconds)
    finally:
        # Whoever waits may be told to stop waiting.
        await child.stop()


async def _all(*steps: Awaitable[None]) -> None:
    """Take steps at once; when one fails the others end before its error is raised."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
