"""The processes of a service: `api`, `worker`, `migrate` and `replay`, put together from the service's own parts."""

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI

from shared import clock, db, log, relay
from shared.auth import KeyResolver, TokenVerifier
from shared.consumer import EventRouter
from shared.db import Database
from shared.doors import Counters, Edge, install_errors, one_level
from shared.jobs import Jobs
from shared.openapi import DescribedApi
from shared.operators import Rest, operators_router, process_router
from shared.pace import LEADING, Pace
from shared.privacy import Table
from shared.rates import RateLimit
from shared.retention import Kept
from shared.settings import DoorSettings, ServiceSettings, platform
from shared.switches import Switch
from shared.upkeep import Measured

_STOP_SECONDS = 15
_NOTICE_SECONDS = 0.005
_QUIET_NOTICE_SECONDS = 0.05

Hook = Callable[[Database], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its name, settings and the tables of its three doors."""

    name: str
    settings: Callable[[], ServiceSettings]
    doors: str  # the package whose `router` is the HTTP door
    events: EventRouter
    jobs: Jobs
    migrations: Path
    pace: Pace = LEADING  # how closely its worker follows what comes
    pause_kinds: tuple[Switch, ...] = ()
    personal: tuple[Table, ...] = ()  # what each column tells of people
    kept: tuple[Kept, ...] = ()  # what is dropped by age, beyond the plumbing
    resolve_key: Callable[[Database], KeyResolver] | None = None
    gauges: tuple[Measured, ...] = ()  # what the worker measures of its tables, for alerts
    on_start: tuple[Hook, ...] = field(default=())  # run once by a worker when it starts

    @property
    def router(self) -> APIRouter:
        """The HTTP door, imported when it is first asked for: a worker has no use for it."""
        router: APIRouter = import_module(self.doors).router
        return router

    @property
    def roomy_paths(self) -> Mapping[str, int]:
        """The paths that take larger bodies than others, in bytes."""
        return getattr(import_module(self.doors), "ROOMY", {})


def open_database(service: Service) -> Database:
    """Open the service's pool as its settings say."""
    settings = service.settings()
    return Database(
        settings.database_url.get_secret_value(),
        pool_size=settings.pool_size,
        epoch=settings.producer_epoch,
        application=service.name,
    )


class Notifier:
    """After commits tells the workers, on its own connection, that there is work.

    At most every 5 ms; what published nothing gives work to timers only, and is told of at most every 50 ms.
    """

    def __init__(self, url: str, service: str) -> None:
        self._url = url
        self._service = service
        self._dirty = asyncio.Event()
        self._published = asyncio.Event()
        self.backend: int | None = None

    def mark(self, published: bool) -> None:
        """Say that something was committed, and whether the outbox got anything."""
        self._dirty.set()
        if published:
            self._published.set()

    async def run(self) -> None:
        """Notify until cancelled; a lost notice costs at most the relay's poll."""
        while True:
            try:
                connection = await db.connect(self._url, application=f"{self._service} notifier")
                self.backend = connection.get_server_pid()
                try:
                    while True:
                        await self._dirty.wait()
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(_QUIET_NOTICE_SECONDS):
                                await self._published.wait()
                        published = relay.PUBLISHED if self._published.is_set() else ""
                        self._dirty.clear()
                        self._published.clear()
                        await connection.execute(f"notify {relay.CHANNEL}, '{published}'")
                        await asyncio.sleep(_NOTICE_SECONDS)
                finally:
                    await connection.close(timeout=2)
            except Exception as error:
                if not db.is_away(error):
                    raise
                await asyncio.sleep(1)


def build_app(service: Service, database: Database | None = None) -> FastAPI:
    """Build the service's HTTP door."""
    settings = service.settings()
    counters = Counters()
    pool = database or open_database(service)

    async def rest(_brief: bool) -> Rest:
        busy = counters.in_flight
        return Rest(busy == 0, counters.served + pool.activity, None, [f"{busy} requests"] if busy else [])

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        notifier = Notifier(pool.url, service.name)
        pool.on_commit(notifier.mark)
        task = asyncio.create_task(notifier.run())
        gc.freeze()
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await pool.close()

    routers = service.router, operators_router(service.pause_kinds, service.name, service.personal)
    app = DescribedApi(
        title=f"Doorstep {service.name}",
        version="1",
        lifespan=lifespan,
        separate_input_output_schemas=False,
        routes=one_level(*routers, process_router(pool, rest)).routes,
    )
    app.state.database = pool
    app.state.secret = settings.secret.get_secret_value()
    app.state.verifier = TokenVerifier(platform().token_public_keys)
    app.state.rate_limit = RateLimit(settings.rate_per_second, settings.rate_burst)
    app.state.resolve_key = service.resolve_key(pool) if service.resolve_key is not None else None
    install_errors(app)
    app.add_middleware(Edge, service=service.name, counters=counters, roomy=service.roomy_paths)
    return app


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def make_server(app: FastAPI, host: str, port: int) -> Server:
    """Make a server; its access log is the metrics."""
    config = uvicorn.Config(
        app, host=host, port=port, loop="uvloop", http="httptools", ws="none", access_log=False, log_config=None,
        timeout_graceful_shutdown=_STOP_SECONDS, timeout_keep_alive=30, backlog=2048, server_header=False,
    )  # fmt: skip
    return Server(config)


async def serve_until_stopped(server: Server, stopping: asyncio.Event) -> None:
    """Serve; stop gracefully when `stopping` is set; exit with status 3 when the port cannot be had."""
    task = asyncio.create_task(server.serve())
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    server.should_exit = True
    await task


def stop_on_signals() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def serve(app: FastAPI, settings: DoorSettings) -> None:
    """Serve an application where its settings say, until told to stop."""
    await serve_until_stopped(make_server(app, settings.host, settings.port), stop_on_signals())


async def _run_api(service: Service) -> None:
    await serve(build_app(service), service.settings())


async def _run_worker(service: Service) -> None:
    from shared.worker import Worker

    await Worker(service, open_database(service)).run(stop_on_signals())


def prepare(name: str, role: str, settings: DoorSettings) -> None:
    """Set up the log and the clocks of a process; raises ConfigurationError for a secret that is none."""
    shared_settings = platform()
    log.configure(name, role, shared_settings.log_level)
    settings.require_real_secrets(shared_settings.environment)
    clock.run_wrong_by(shared_settings.clock_skew_seconds, environment=shared_settings.environment)
    if shared_settings.clock_file is not None:
        clock.use_stepped_file(shared_settings.clock_file, environment=shared_settings.environment)


def main(service: Service) -> None:
    """Be `python -m services.<name> api|worker|migrate|replay`."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name}")
    parser.add_argument("role", choices=["api", "worker", "migrate", "replay"])
    parser.add_argument("--since", type=_moment, help="replay: publish again what was published since this real time")
    arguments = parser.parse_args()
    settings = service.settings()
    prepare(service.name, arguments.role, settings)
    if arguments.role == "migrate":
        from shared import migrate

        url = settings.migrations_database_url or settings.database_url
        migrate.upgrade(service.migrations, url.get_secret_value())
        return
    if arguments.role == "replay":
        if arguments.since is None:
            parser.error("replay needs --since")
        count = asyncio.run(relay.replay(settings.database_url.get_secret_value(), arguments.since))
        sys.stdout.write(f"{service.name}: {count} events queued again\n")
        return
    run_to_end(_run_api(service) if arguments.role == "api" else _run_worker(service))


def run_to_end(work: Coroutine[None, None, None]) -> None:
    """Be a process that does this work."""
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(work)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
