"""A soak: 150 orders a second for many minutes with every process running; what must stay flat is watched."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import charts, machine
from bench.figures import median, percentile
from bench.load import Load, Wish, place_orders
from bench.measures.journey import Watch, warm_up
from bench.report import CHARTS, RESULTS
from bench.rig import Rig
from bench.run import Say
from bench.shop import open_shop
from shared import clock

PER_SECOND: Final = 150
_SAMPLE_SECONDS = 10.0
_THIRD = 3
_LEAST_SAMPLES = 6
_WATCHED_TABLES = ("outbox", "stream", "stream_position", "stock", "orders", "snapshot")
_OUTBOX = "select count(*) from outbox"
_SIZES = """
select relname, pg_total_relation_size(oid) / 1e6 as megabytes from pg_class
where relkind = 'r' and relname = any($1::text[])
"""
_TITLES: Final = {
    "memory": ("Memory by process (USS)", "MB"),
    "latency": ("Placed to pick task visible", "ms"),
    "outbox": ("Events waiting in the outbox", "rows"),
    "lag": ("Records not yet read", "records"),
    "tables": ("Tables with their indexes", "MB"),
}


@dataclass(slots=True)
class Samples:
    """What was seen over time: by chart, by line, (minutes, value)."""

    seen: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)

    def note(self, chart: str, name: str, minutes: float, value: float) -> None:
        """Keep one value."""
        self.seen.setdefault(chart, {}).setdefault(name, []).append((round(minutes, 2), round(value, 2)))


def growth(values: Sequence[float]) -> float:
    """Give the median of the last third ÷ that of the second third: the first third is warming up."""
    third = len(values) // _THIRD
    if third == 0:
        raise ValueError("too few samples to tell growth")
    before = median(values[third : 2 * third])
    return median(values[-third:]) / before if before else 1.0


async def run(minutes: float, per_second: float, home: Path, say: Say) -> None:
    """Soak, tell what came of it, and write bench/results/soak.json and the charts."""
    rig = await Rig.start(home, say)
    try:
        say("setting up the shop: 10,000 articles")
        shop = await open_shop(rig)
        await warm_up(rig, shop)
        wish = Wish(minutes * 60, per_second=per_second)
        loading = asyncio.create_task(place_orders(shop, [rig.stack.urls["orders"]], wish))
        samples = Samples()
        await _sample_until(loading, rig, samples, say)
        _tell(await loading, per_second, samples, say)
    finally:
        await rig.stop()


async def _sample_until(loading: "asyncio.Task[Load]", rig: Rig, samples: Samples, say: Say) -> None:
    started = clock.monotonic()
    while not loading.done():
        watch = await Watch.begin(rig)
        await asyncio.wait({loading}, timeout=_SAMPLE_SECONDS)
        waits = await watch.end()
        minutes = (clock.monotonic() - started) / 60
        if waits:
            samples.note("latency", "p50", minutes, percentile(waits, 0.5))
            samples.note("latency", "p99", minutes, percentile(waits, 0.99))
        await _sample(rig, samples, minutes)
        say(f"  {minutes:5.1f} min: {len(waits)} orders, p99 {percentile(waits, 0.99) if waits else 0:.0f} ms")


async def _sample(rig: Rig, samples: Samples, minutes: float) -> None:
    for name, pid in rig.pids(*rig.stack.apis, *rig.stack.workers).items():
        samples.note("memory", name, minutes, machine.unshared_megabytes(pid))
    for service in rig.services:
        samples.note("outbox", service, minutes, await rig.value(service, _OUTBOX))
        worker = rig.stack.site.url(f"{service}-worker")
        samples.note("lag", service, minutes, await rig.counter(worker, "doorstep_consumer_lag"))
        connection = await rig.connect(service)
        try:
            for row in await connection.fetch(_SIZES, list(_WATCHED_TABLES)):
                samples.note("tables", f"{service}.{row['relname']}", minutes, float(row["megabytes"]))
        finally:
            await connection.close()


def _tell(load: Load, wanted: float, samples: Samples, say: Say) -> None:
    findings = _findings(samples)
    document = {
        "at": clock.real().isoformat(timespec="seconds"),
        "command": f"make soak MINUTES={load.seconds / 60:.0f} RATE={wanted:g}",
        "machine": machine.describe(),
        "orders": load.orders,
        "orders_per_second": round(load.rate, 1),
        "findings": findings,
        "samples": samples.seen,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "soak.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    CHARTS.mkdir(parents=True, exist_ok=True)
    for chart, lines in samples.seen.items():
        (CHARTS / f"soak-{chart}.svg").write_text(charts.series(*_TITLES[chart], lines), encoding="utf-8")
    say(f"{load.orders} orders at {load.rate:.0f}/s, wanted {wanted:g}/s, for {load.seconds / 60:.1f} min")
    for finding in findings:
        say(f"  {finding}")


def _findings(samples: Samples) -> list[str]:
    """Say of each thing that must stay flat how it ended against how it was once warm."""
    said: list[str] = []
    for chart in ("memory", "latency", "outbox", "lag", "tables"):
        for name, line in sorted(samples.seen.get(chart, {}).items()):
            values = [value for _, value in line]
            if len(values) < _LEAST_SAMPLES:
                said.append(f"{chart} {name}: too few samples to tell")
            elif chart in {"outbox", "lag"}:
                said.append(
                    f"{chart} {name}: median {median(values):.0f}, most {max(values):.0f}, last {values[-1]:.0f}"
                )
            else:
                said.append(
                    f"{chart} {name}: {values[-1]:.1f} {_TITLES[chart][1]}, last ÷ second third {growth(values):.2f}"
                )
    return said
