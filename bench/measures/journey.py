"""The whole way from placed to pick tasks ready, with every process of the suite running."""

from collections.abc import Mapping

from pydantic import JsonValue

from bench import machine
from bench.figures import median, percentile, ratios
from bench.load import Wish, place_orders
from bench.rig import Rig
from bench.session import Session
from bench.shop import Shop, quieten
from bench.table import Result
from bench.watch import Watch
from shared import clock

# One fulfilment order for each order, since there is one warehouse; its pick tasks come in the same transaction.
_PLANNED = "select count(*) from fulfilment"
_ORDERS = "select count(*) from orders"
_PER_SECOND = 200.0
_CALMER_PER_SECOND = (50.0, 100.0)
_FIRST_SECONDS = 3.0
_WARM_SECONDS = 1.0
_PATIENCE_SECONDS = 300.0


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
        used = dict(machine.per_order({**meter.read(), "load (wrk)": load.cpu_seconds}, load.orders))
        session.say(f"  {load.orders} orders, taken in at {load.rate:,.0f}/s, all ready at {rates[-1]:,.0f}/s")
    return {
        "whole_way": Result(
            ratios(rates, limits),
            f"{median(rates):,.0f} orders/s ÷ {median(limits):,.0f}/s",
            {"cpu_ms_per_order": used, "broker": rig.broker},
            note="" if rig.broker == "kafka" else "on the embedded broker: Apache Kafka could not be started",
        )
    }


async def measure_latency(session: Session) -> Mapping[str, Result]:
    """Place 200 orders a second and watch each one's pick tasks become visible; then fewer, to see what load adds."""
    rig = session.rig
    await rig.run_only(*rig.stack.apis, *rig.stack.workers)
    cells: dict[str, list[float]] = {"latency_p50": [], "latency_p99": []}
    taken_in: list[float] = []
    for _ in range(session.plan.cells):
        rate, p50, p99 = await _watch(session, _PER_SECOND)
        cells["latency_p50"].append(p50)
        cells["latency_p99"].append(p99)
        taken_in.append(rate)
    calmer = [await _watch(session, per_second) for per_second in _CALMER_PER_SECOND]
    at = f"at {median(taken_in):.0f} orders/s"
    notes = {
        key: "; ".join(f"{found[place]:.0f} ms at {found[0]:.0f} orders/s" for found in calmer)
        for place, key in enumerate(cells, start=1)
    }
    return {key: Result(values, f"{median(values):.0f} ms {at}", note=notes[key]) for key, values in cells.items()}


async def _watch(session: Session, per_second: float) -> tuple[float, float, float]:
    """Give orders a second as they were taken in, and p50 and p99 in milliseconds."""
    watch = await Watch.begin(session.rig)
    wish = Wish(session.plan.latency_seconds, per_second=per_second)
    load = await place_orders(session.shop, [session.rig.stack.urls["orders"]], wish)
    await all_planned(session.rig)
    waits = await watch.end()
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    session.say(f"  {len(waits)} orders at {load.rate:.0f}/s: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return load.rate, p50, p99


async def warm_up(rig: Rig, shop: Shop) -> None:
    """Take the first orders the whole way, so that the server's plans are not those for empty tables."""
    await place_orders(shop, [rig.stack.urls["orders"]], Wish(_FIRST_SECONDS))
    await all_planned(rig)
    await quieten(rig)


async def all_planned(rig: Rig) -> None:
    """Wait until every order that was placed has its pick tasks."""
    placed = await rig.value("orders", _ORDERS)
    await rig.until("inventory", _PLANNED, placed, seconds=_PATIENCE_SECONDS)
