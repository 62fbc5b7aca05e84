"""The simulator's heartbeat: does what business time has made due, and says whether anything is left to do."""

import asyncio
import logging
from datetime import datetime

from deploy.carrier_simulator.dispatcher import Dispatcher
from deploy.carrier_simulator.events import Events, Webhooks
from deploy.carrier_simulator.faults import Faults
from deploy.carrier_simulator.settings import JourneyRates, Settings
from deploy.carrier_simulator.shipments import Shipments
from deploy.carrier_simulator.store import Store, from_micros, to_micros
from deploy.carrier_simulator.trackers import Trackers
from shared import clock

_log = logging.getLogger(__name__)


class Engine:
    """The carrier: its file, its parts and its heartbeat."""

    def __init__(self, settings: Settings, rates: JourneyRates) -> None:
        self.settings = settings
        self.store = Store(settings.state)
        self.faults = Faults(self.store)
        self.events = Events(self.store, self.faults, settings)
        self.webhooks = Webhooks(self.store)
        self.trackers = Trackers(self.store, self.events, settings.seed, rates)
        self.shipments = Shipments(self.store, self.trackers, self.events, settings.refund_hours)
        self.requests_in_flight = 0
        self._dispatcher = Dispatcher(self.store, settings)
        self._heartbeat: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to live."""
        await self._dispatcher.open()
        self._heartbeat = asyncio.create_task(self._live())
        self._heartbeat.add_done_callback(_report)

    async def stop(self) -> None:
        """Stop; everything accepted is in the file."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        await self._dispatcher.close()
        self.store.close()

    @property
    def alive(self) -> bool:
        """Say whether the heart still beats."""
        return self._heartbeat is not None and not self._heartbeat.done()

    async def _live(self) -> None:
        looked = None
        while True:
            # Nothing becomes due or owed but by the clock or by something written.
            sight = (clock.now(), self.store.commits)
            if sight != looked:
                self._do_due(sight[0])
                self._dispatcher.take_up()
                looked = sight
            self._dispatcher.start_due()
            await asyncio.sleep(self.settings.poll_seconds)

    def _do_due(self, now: datetime) -> None:
        """Do one transaction's worth of what is due, refunds in their place among the scans."""
        refund_due = self.store.number("select min(refund_due_at) from shipment where refund_due_at is not null")
        horizon = now if refund_due is None else min(now, from_micros(refund_due))
        if not self.trackers.apply_due(horizon) and refund_due is not None:
            self.shipments.settle_refunds(horizon)

    def rest(self) -> dict[str, object]:
        """Say whether everything due is done, what has been done so far, and when something is due next."""
        now = to_micros(clock.now())
        scan = self.store.number("select min(due_at) from scan where done = 0")
        refund = self.store.number("select min(refund_due_at) from shipment where refund_due_at is not null")
        owed = self.store.number("select count(*) from delivery where done = 0 and held = 0") or 0
        why = []
        if scan is not None and scan <= now:
            why.append("scans are due")
        if refund is not None and refund <= now:
            why.append("refunds are due")
        if owed:
            why.append(f"{owed} webhooks are undelivered")
        if self.requests_in_flight:
            why.append(f"{self.requests_in_flight} requests are in flight")
        if not self.alive:
            why.append("the heartbeat has stopped")
        dues = [due for due in (scan, refund) if due is not None]
        return {
            "at_rest": not why,
            "activity": self.store.number("select done from activity"),
            "next_due": from_micros(min(dues)).isoformat().replace("+00:00", "Z") if dues else None,
            "why": why,
        }


def _report(heartbeat: asyncio.Task[None]) -> None:
    if not heartbeat.cancelled() and heartbeat.exception() is not None:
        _log.critical("the heartbeat has stopped", exc_info=heartbeat.exception())
