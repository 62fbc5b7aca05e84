"""Reservation by inventory's own consumer, started before a topic that is full already."""

import asyncio
from collections.abc import Mapping

from bench import feeding, machine
from bench.figures import median, ratios, steady_rate
from bench.session import Session
from bench.shop import quieten
from bench.table import Result
from deploy.local import names
from shared import clock

_APPLIED = "doorstep_events_applied_total"
_PLACED = "doorstep.orders.order_placed.v1"
_WORKER = "inventory-worker"
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0
_BACKLOG_SECONDS = 900.0
_READ = "select coalesce(sum(sequence), 0) from stream_position where consumer = 'inventory' and source = 'orders'"


async def measure(session: Session) -> Mapping[str, Result]:
    """Measure (b) or (c), fill the topic, and let one worker empty it, in every cell."""
    await _read_all(session)
    await quieten(session.rig)
    results: dict[str, Result] = {}
    for key, limit, hot in (("reserve_spread", "b", False), ("reserve_hot", "c", True)):
        limits: list[float] = []
        rates: list[float] = []
        used: Mapping[str, float] = {}
        for _ in range(session.plan.cells):
            limits.append(await session.limit(limit))
            rate, used = await empty_topic(session, session.plan.reservations, hot=hot)
            rates.append(rate)
            session.say(f"  {'hot' if hot else 'spread'}: {rate:,.0f} orders/s")
        cells = ratios(rates, limits)
        if not hot:
            session.empty["reserve"] = cells
        results[key] = Result(
            cells, f"{median(rates):,.0f} orders/s ÷ {median(limits):,.0f}/s", {"cpu_ms_per_order": dict(used)}
        )
    return results


async def _read_all(session: Session) -> None:
    """Let the worker read what orders has published before, so that every cell begins at the topic's end."""
    await session.rig.run_only(_WORKER)
    published = await session.rig.value("orders", "select count(*) from event_log")
    await session.rig.until("inventory", _READ, published, seconds=_BACKLOG_SECONDS)


async def empty_topic(session: Session, count: int, *, hot: bool) -> tuple[float, Mapping[str, float]]:
    """Give orders a second, from the first wave seen to the last, and processor milliseconds per order."""
    rig = session.rig
    await rig.run_only()
    await feeding.feed(rig, session.shop, count, hot=hot)
    await rig.run_only(_WORKER)
    meter = machine.Meter(rig.pids(_WORKER, names.POSTGRES, names.BROKER))
    address, ends = rig.stack.site.url(_WORKER), clock.monotonic() + _PATIENCE_SECONDS
    seen: list[tuple[float, float]] = []
    while not seen or seen[-1][1] < count:
        seen.append((clock.monotonic(), await rig.counter(address, _APPLIED, type=_PLACED)))
        if clock.monotonic() > ends:
            raise TimeoutError(f"only {seen[-1][1]:.0f} of {count} orders were reserved in {_PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(_POLL_SECONDS)
    return steady_rate(seen, least=count / 4), machine.per_order(meter.read(), round(count - seen[0][1]))
