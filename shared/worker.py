"""A service's worker: relay, consumer, retrier and jobs side by side, and what the stepping driver asks of them."""

import asyncio
import contextlib
import gc
import itertools
import socket
from datetime import datetime

import structlog
from fastapi import FastAPI

from shared import clock, db, inbox, retention, upkeep
from shared.consumer import Applier, Consumer
from shared.db import Database
from shared.doors import install_errors
from shared.jobs import Scheduler
from shared.kafka import Producer
from shared.kept import KeptConnection
from shared.operators import Rest, process_router
from shared.parking import Retrier
from shared.process import Notifier, Service, make_server, serve_until_stopped
from shared.relay import Relay
from shared.settings import platform

log = structlog.get_logger()

_UPKEEP_SECONDS = 60


class Worker:
    """One worker process of a service."""

    def __init__(self, service: Service, database: Database) -> None:
        self._service = service
        self._settings = service.settings()
        self._database = database
        slot = f"{service.name}-{socket.gethostname()}-{self._settings.ops_port}"
        self._applier = Applier(service.name, service.events, database)
        self._consumer = Consumer(self._applier, service.events.sources, platform(), slot, service.pace)
        self._retrier = Retrier(self._applier, database, self._consumer.owned_partitions)
        self._consumer.after_wave = self._retrier.retry
        self._scheduler = Scheduler(service.name, service.jobs, database)
        self._kept = KeptConnection(database.url, f"{service.name} rest")
        self._notifier = Notifier(database.url, service.name)
        self._relay = Relay(
            database.url, service.name, lambda: Producer(platform(), slot), on_notice=self._scheduler.wake,
            own_backend=lambda: self._notifier.backend,
        )  # fmt: skip
        database.on_commit(self._committed)

    def _committed(self, published: bool) -> None:
        self._scheduler.wake()
        if published:
            self._relay.wake()
        self._notifier.mark(published)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then finish what is at hand and leave; raises what ends a part."""
        app = FastAPI(openapi_url=None)
        install_errors(app)
        app.include_router(process_router(self._database, self.rest))
        ops = asyncio.create_task(
            serve_until_stopped(make_server(app, self._settings.host, self._settings.ops_port), stopping)
        )
        await self._start_hooks()
        parts = [
            asyncio.create_task(part)
            for part in (
                self._relay.run(),
                self._retrier.run(),
                self._scheduler.run(),
                self._notifier.run(),
                self._upkeep(),
                retention.run(self._database, self._settings, (*retention.PLUMBING, *self._service.kept)),
                *((self._consumer.run(), self._consumer.watch_stalls()) if self._service.events.handlers else ()),
            )
        ]
        gc.freeze()
        done, _ = await asyncio.wait({ops, *parts}, return_when=asyncio.FIRST_COMPLETED)
        stopping.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._consumer.stop(), 10)
        await asyncio.sleep(0)
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, ops, return_exceptions=True)
        await self._kept.close()
        await self._database.close()
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                log.critical("worker ends", error=task.exception())
                task.result()

    async def _start_hooks(self) -> None:
        for hook in self._service.on_start:
            await hook(self._database)

    async def rest(self, brief: bool) -> Rest:
        """Say whether outbox, consumer and jobs have nothing to do at this business time.

        A brief answer of one at work says just that, without what it has published and read.
        """
        why = self._at_work()
        before = self._database.activity
        if brief and why:
            return Rest(at_rest=False, activity=before, next_due=None, why=why)
        rows = await self._kept.fetch(inbox.PUBLISHED_AND_CONSUMED, self._service.name)
        counts = {row["source"]: int(row["events"]) for row in rows}
        due = await self._scheduler.due_times_by(self._kept)
        now = clock.now()
        why = [f"job {name}" for name, moment in sorted(due.items()) if moment <= now]
        why.extend(self._at_work())
        if self._database.activity != before:
            why.append("commits")
        upcoming: list[datetime] = [moment for moment in due.values() if moment > now]
        reads = {source: counts.get(source, 0) for source in self._service.events.sources}
        return Rest(not why, self._database.activity, min(upcoming, default=None), why, counts[""], reads)

    def _at_work(self) -> list[str]:
        """Name what is being done at this moment."""
        away = self._service.events.handlers and not self._consumer.is_joined
        return [*(f"job {name}" for name in sorted(self._scheduler.running)), *(["consumer"] if away else [])]

    async def _upkeep(self) -> None:
        """Empty the rings' old days, drop old idempotency rows, and measure the outbox."""
        for minute in itertools.count():
            try:
                await upkeep.clean(self._database, self._settings.retention_days)
                await upkeep.measure(self._database, self._service.name, self._service.gauges, minute=minute)
            except Exception as error:
                if not (db.is_away(error) or db.is_transient(error)):
                    raise
            await asyncio.sleep(_UPKEEP_SECONDS)
