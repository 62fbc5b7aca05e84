"""The whole way from placed to pick tasks ready, with every process of the suite running."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import JsonValue

from bench import machine
from bench.figures import median, percentile, ratios
from bench.load import Wish, place_orders
from bench.rig import Rig
from bench.session import Session
from bench.shop import Shop, quieten
from bench.table import Result
from shared import clock

_PLANNED = "select count(distinct order_id) from pick_task"
_ORDERS = "select count(*) from orders"
_SENT = """
select id, (storefront_metadata->>'sent_us')::float8 / 1e6 as sent from orders
where id > uuidv7($1::timestamptz - now() - interval '1 second') and since >= $1
"""
_PER_SECOND = 200.0
_POLL_SECONDS = 0.005
_FIRST_SECONDS = 3.0
_WARM_SECONDS = 1.0
_PATIENCE_SECONDS = 300.0
# A transaction that makes pick tasks is committed within this time, or its order is not counted.
_OPEN_SECONDS = 1.0
_MILLISECONDS = 1000.0


async def measure_rate(session: Session) -> Mapping[str, Result]:
    """Place orders at 8 clients for a while, wait for the last one's pick tasks: all orders ÷ all that time."""
    rig = session.rig
    everybody = [*rig.stack.apis, *rig.stack.workers]
    await rig.run_only(*everybody)
    await session.load([rig.stack.urls["orders"]], _WARM_SECONDS)
    await all_planned(rig)
    limits: list[float] = []
    rates: list[float] = []
    used: dict[str, JsonValue] = {}
    for _ in range(session.plan.cells):
        limits.append(await session.limit("a"))
        meter = machine.Meter(rig.pids())
        load = await session.load([rig.stack.urls["orders"]], session.plan.whole_way_seconds)
        await all_planned(rig)
        rates.append(load.orders / (clock.monotonic() - meter.started))
        used = dict(machine.per_order(meter.read(), load.orders))
        session.say(f"  {load.orders} orders, taken in at {load.rate:,.0f}/s, all ready at {rates[-1]:,.0f}/s")
    return {
        "whole_way": Result(
            ratios(rates, limits),
            f"{median(rates):,.0f} orders/s ÷ {median(limits):,.0f}/s",
            {"cpu_ms_per_order": used, "broker": rig.broker, "processes": list(used)},
            note="" if rig.broker == "kafka" else "on the embedded broker: Apache Kafka could not be started",
        )
    }


async def measure_latency(session: Session) -> Mapping[str, Result]:
    """Place 200 orders a second and watch each one's pick tasks become visible in inventory's database."""
    rig = session.rig
    await rig.run_only(*rig.stack.apis, *rig.stack.workers)
    cells: dict[str, list[float]] = {"latency_p50": [], "latency_p99": []}
    taken_in: list[float] = []
    for _ in range(session.plan.cells):
        watch = await Watch.begin(rig)
        wish = Wish(session.plan.latency_seconds, per_second=_PER_SECOND)
        load = await place_orders(session.shop, [rig.stack.urls["orders"]], wish)
        await all_planned(rig)
        waits = await watch.end()
        cells["latency_p50"].append(percentile(waits, 0.5))
        cells["latency_p99"].append(percentile(waits, 0.99))
        taken_in.append(load.rate)
        session.say(f"  {len(waits)} orders: p50 {percentile(waits, 0.5):.0f} ms, p99 {percentile(waits, 0.99):.0f} ms")
    at = f"at {median(taken_in):.0f} orders/s"
    return {key: Result(values, f"{median(values):.0f} ms {at}") for key, values in cells.items()}


async def warm_up(rig: Rig, shop: Shop) -> None:
    """Take the first orders the whole way, so that the server's plans are not those for empty tables."""
    await place_orders(shop, [rig.stack.urls["orders"]], Wish(_FIRST_SECONDS))
    await all_planned(rig)
    await quieten(rig)


async def all_planned(rig: Rig) -> None:
    """Wait until every order that was placed has its pick tasks."""
    placed = await rig.value("orders", _ORDERS)
    await rig.until("inventory", _PLANNED, placed, seconds=_PATIENCE_SECONDS)


@dataclass(slots=True)
class Watch:
    """Notes when each order's pick tasks are first visible; they come in one transaction with their fulfilment."""

    rig: Rig
    begins: datetime
    connection: "asyncpg.Connection[asyncpg.Record]"
    seen: dict[str, float] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    @classmethod
    async def begin(cls, rig: Rig) -> "Watch":
        """Start watching what is placed from now on."""
        watch = cls(rig, clock.real(), await rig.connect("inventory"))
        watch._task = asyncio.create_task(watch._look())
        return watch

    async def end(self) -> list[float]:
        """Stop, and give the milliseconds from each order's sending to its pick tasks."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.connection.close()
        sent = await self._sent()
        return [(self.seen[order] - sent[order]) * _MILLISECONDS for order in sent if order in self.seen]

    async def _look(self) -> None:
        # A fulfilment's id begins with the millisecond it was made at.
        question = await self.connection.prepare("select order_id from fulfilment where id > $1")
        while True:
            oldest_ms = int((clock.real().timestamp() - _OPEN_SECONDS) * _MILLISECONDS)
            rows = await question.fetch(UUID(int=oldest_ms << 80))
            now = clock.real().timestamp()
            for row in rows:
                self.seen.setdefault(str(row["order_id"]), now)
            await asyncio.sleep(_POLL_SECONDS)

    async def _sent(self) -> dict[str, float]:
        """Give when the load sent each order, as it wrote into the order's metadata; seconds since the epoch."""
        connection = await self.rig.connect("orders")
        try:
            rows = await connection.fetch(_SENT, self.begins)
        finally:
            await connection.close()
        return {str(row["id"]): float(row["sent"]) for row in rows}
