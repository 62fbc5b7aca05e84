"""Order intake over HTTP: authorisation, validation, idempotency and promise, answered after the commit."""

from collections.abc import Mapping

from pydantic import JsonValue

from bench import machine
from bench.figures import median, ratios
from bench.session import Session
from bench.table import Result

_WARM_SECONDS = 2.0


async def measure(session: Session) -> Mapping[str, Result]:
    """Measure (a), then one API process, then two, in every cell; the workers do not run."""
    rig = session.rig
    await rig.run_only("orders-api")
    one = [rig.stack.urls["orders"]]
    await session.load(one, _WARM_SECONDS)
    limits: list[float] = []
    rates: dict[int, list[float]] = {1: [], 2: []}
    used: dict[int, Mapping[str, float]] = {}
    for _ in range(session.plan.cells):
        limits.append(await session.limit("a"))
        for count, found in rates.items():
            addresses = [*one, *(await rig.start_more("orders-api", count - 1) if count > 1 else [])]
            if count > 1:
                await session.load(addresses, _WARM_SECONDS)
            meter = machine.Meter(rig.pids())
            load = await session.load(addresses)
            used[count] = machine.per_order({**meter.read(), "load (wrk)": load.cpu_seconds}, load.orders)
            found.append(load.rate)
            session.say(f"  {count} API process(es): {load.rate:,.0f} orders/s, p99 {load.p99_ms:.1f} ms")
            await rig.stop_more()
    session.empty["intake"] = ratios(rates[1], limits)
    return {
        f"intake_{count}": Result(
            ratios(rates[count], limits),
            f"{median(rates[count]):,.0f} orders/s ÷ {median(limits):,.0f}/s",
            _details(used[count]),
        )
        for count in rates
    }


def _details(used: Mapping[str, float]) -> dict[str, JsonValue]:
    cpu: dict[str, JsonValue] = {name: value for name, value in used.items() if value}
    return {"cpu_ms_per_order": cpu}
