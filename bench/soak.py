"""A soak: 150 orders a second for many minutes with every process running; what must stay flat is watched."""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench import charts, flatness, machine, versions
from bench.figures import percentile
from bench.flatness import GROWS, TITLES, Finding, Samples
from bench.load import Load, Wish, place_orders
from bench.measures.journey import all_planned, warm_up
from bench.page import CHARTS, replace
from bench.report import BUSY, RESULTS
from bench.rig import Rig
from bench.run import IDLE_SECONDS, Say
from bench.shop import open_shop
from bench.watch import Watch
from shared import clock
from shared.db import connect

PER_SECOND: Final = 150
_SAMPLE_SECONDS = 10.0
_BLOAT_LOOKS = 12
_KEPT_UP = 0.97
_TABLES = ("outbox", "stream", "stream_position", "stock", "orders", "order_line", "pick_task", "snapshot")
_OUTBOX = "select count(*) from outbox"
_SIZES = """
select relname, pg_total_relation_size(oid) / 1e6 as megabytes from pg_class
where relkind = 'r' and relname = any($1::text[])
"""
_UNUSED = """
select c.relname, 100 * (a.approx_free_space + a.dead_tuple_len) / a.table_len as percent
from pg_class c, lateral pgstattuple_approx(c.oid) a
where c.relkind = 'r' and c.relname = any($1::text[]) and a.table_len > 1e6
"""
_FULL = """
select t.relname, sum(s.avg_leaf_density * s.index_size) / sum(s.index_size) as percent
from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
join pg_am on pg_am.oid = x.relam and amname = 'btree', lateral pgstatindex(i.indexrelid) s
where t.relkind = 'r' and t.relname = any($1::text[]) and s.index_size > 1e6 group by 1
"""


@dataclass(slots=True)
class Soak:
    """One soak on its way."""

    rig: Rig
    say: Say
    watch: Watch
    started: float
    samples: Samples
    bloat_minutes: float
    bloat_due: float = 0.0

    @property
    def minutes(self) -> float:
        """How long it lasts already."""
        return (clock.monotonic() - self.started) / 60

    async def sample(self) -> None:
        """Note everything once, and say how it goes."""
        minutes, waits = self.minutes, await self.watch.take()
        looks_inside = minutes >= self.bloat_due
        self.bloat_due += self.bloat_minutes * looks_inside
        for name, share in (("p50", 0.5), ("p99", 0.99)) if waits else ():
            self.samples.note("latency", name, minutes, percentile(waits, share))
        for name, pid in self.rig.pids(*self.rig.stack.apis, *self.rig.stack.workers).items():
            self.samples.note("memory", name, minutes, machine.unshared_megabytes(pid))
        for service in self.rig.services:
            worker = self.rig.stack.site.url(f"{service}-worker")
            self.samples.note("lag", service, minutes, await self.rig.counter(worker, "doorstep_consumer_lag"))
            self.samples.note("outbox", service, minutes, await self.rig.value(service, _OUTBOX))
            await self._measure_tables(service, minutes, looks_inside=looks_inside)
        p99 = f"p99 {percentile(waits, 0.99):,.0f} ms" if waits else "nothing became ready"
        self.say(f"  {minutes:5.1f} min: {len(waits)} orders ready, {p99}")

    async def _measure_tables(self, service: str, minutes: float, *, looks_inside: bool) -> None:
        connection = await connect(self.rig.stack.dsn(service, "admin"), application="bench", patience_seconds=None)
        try:
            for row in await connection.fetch(_SIZES, _TABLES):
                self.samples.note("tables", f"{service}.{row['relname']}", minutes, float(row["megabytes"]))
            if not looks_inside:
                return
            await connection.execute("create extension if not exists pgstattuple")
            for chart, question in (("unused", _UNUSED), ("indexes", _FULL)):
                for row in await connection.fetch(question, _TABLES):
                    self.samples.note(chart, f"{service}.{row['relname']}", minutes, float(row["percent"]))
        finally:
            await connection.close()


async def run(minutes: float, per_second: float, home: Path, say: Say, *, write_docs: bool) -> bool:
    """Soak, tell what came of it, write bench/results/soak.json; says whether everything stayed flat."""
    busy = await machine.busy_share(IDLE_SECONDS)
    say(f"idle check: {busy:.0%} of {machine.describe()['cores']} cores are busy before anything starts")
    rig = await Rig.start(home, say)
    try:
        load, samples = await _load(rig, Wish(minutes * 60, per_second=per_second), say)
        described = await versions.describe(rig)
    finally:
        await rig.stop()
    described["busy before"] = f"{busy:.1%}"
    found = [_kept_up(load, per_second), *flatness.findings(samples, per_second)]
    _save(load, per_second, described, found, samples)
    if write_docs:
        _write_page(load, per_second, described, found, samples)
    if busy > BUSY:
        say(f"NOTE: {busy:.0%} of the processors were busy before: the figures say little")
    for finding in found:
        say(f"  {finding}")
    failed = sum(not one.holds for one in found)
    say(f"{load.orders:,} orders in {load.seconds / 60:.1f} min, {len(found)} findings, {failed} of them fail")
    return not failed


async def _load(rig: Rig, wish: Wish, say: Say) -> tuple[Load, Samples]:
    say("setting up the shop: 10,000 articles")
    shop = await open_shop(rig)
    await warm_up(rig, shop)
    soak = Soak(rig, say, await Watch.begin(rig), clock.monotonic(), Samples(), wish.seconds / 60 / _BLOAT_LOOKS)
    loading = asyncio.create_task(place_orders(shop, [rig.stack.urls["orders"]], wish))
    while not loading.done():
        await asyncio.wait({loading}, timeout=_SAMPLE_SECONDS)
        await soak.sample()
    say("waiting for the last orders' pick tasks")
    await all_planned(rig)
    await soak.watch.end()
    return await loading, soak.samples


def _kept_up(load: Load, wanted: float) -> Finding:
    """Every order that was answered has its pick tasks by now, else waiting for them had failed."""
    figure = f"{load.rate:.1f} orders/s taken in, all of them with pick tasks"
    return Finding("rate", figure, f"at least {_KEPT_UP:.0%} of {wanted:g}/s", load.rate >= _KEPT_UP * wanted)


def _save(load: Load, wanted: float, described: dict[str, str], found: list[Finding], samples: Samples) -> None:
    document = {
        "at": clock.real().isoformat(timespec="seconds"),
        "command": _command(load, wanted),
        "machine": described,
        "orders": load.orders,
        "orders_per_second": round(load.rate, 1),
        "findings": [asdict(one) for one in found],
        "samples": samples.seen,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "soak.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _write_page(load: Load, wanted: float, described: dict[str, str], found: list[Finding], samples: Samples) -> None:
    CHARTS.mkdir(parents=True, exist_ok=True)
    pictures: list[str] = []
    for chart, (title, unit) in TITLES.items():
        (CHARTS / f"soak-{chart}.svg").write_text(charts.series(title, unit, samples.seen[chart]), encoding="utf-8")
        pictures += ["", f"![{title}](performance/soak-{chart}.svg)"]
    failed = sum(not one.holds for one in found)
    head = (
        f"`{_command(load, wanted)}` on {clock.real().date().isoformat()}: {versions.in_words(described)}; "
        f"{described['busy before']} busy before. {load.orders:,} orders in {load.seconds / 60:.1f} minutes; "
        f"{failed} of {len(found)} findings fail. Tables that have a row for each order are not in this list."
    )
    said = [
        head,
        "",
        "| what | figure | bound | |",
        "| --- | --- | --- | --- |",
        *[f"| {one.what} | {one.figure} | {one.bound} | {one.verdict} |" for one in found if one.bound != GROWS],
        *pictures,
    ]
    replace("soak", "\n".join(said))


def _command(load: Load, wanted: float) -> str:
    return f"make soak MINUTES={load.seconds / 60:.0f} RATE={wanted:g}"
