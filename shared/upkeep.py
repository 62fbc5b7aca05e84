"""What a worker does to its own database once a minute: empty old days, and measure what waits and what is dead."""

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Gauge

from shared import clock, metrics
from shared.db import Database
from shared.tables import RING_SLOTS

_SECONDS_A_DAY = 86_400
_KEYS_DAYS = 7  # idempotency keys are kept at least this long

_WAITING = """
select count(*) as rows, coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0) as age from outbox
"""
_DEAD = """
select (select count(*) from parked where state = 'dead') + (select count(*) from dead_letter where state = 'open')
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """A gauge with one label, read from a service's tables every so many `minutes`.

    `rows` selects (value of the label, number); $1 is business time.
    """

    gauge: Gauge
    rows: str
    minutes: int = 1


async def clean(database: Database, retention_days: int) -> None:
    """Truncate the rings' days before `retention_days` ago (real time), and drop old idempotency keys."""
    today = int(clock.real().timestamp()) // _SECONDS_A_DAY
    keep = {(today + offset) % RING_SLOTS for offset in range(-retention_days, 2)}
    for slot in sorted(set(range(RING_SLOTS)) - keep):
        for table in ("event_log", "inbox"):
            async with database.transaction() as tx:
                if await tx.value(f"select exists (select from {table}_{slot})"):
                    await tx.execute(f"truncate {table}_{slot}")
    async with database.transaction() as tx:
        await tx.execute(
            "delete from idempotency where created_at < $1::timestamptz - make_interval(days => $2)",
            clock.real(),
            max(retention_days, _KEYS_DAYS),
        )


async def measure(database: Database, service: str, gauges: Sequence[Measured] = (), *, minute: int = 0) -> None:
    """Set the gauges of the outbox and of dead events, and those of the service's own that are due this `minute`."""
    async with database.transaction() as tx:
        row = await tx.row(_WAITING)
        dead = await tx.value(_DEAD)
    if row is not None:
        metrics.OUTBOX_ROWS.labels(service).set(row["rows"])
        metrics.OUTBOX_AGE.labels(service).set(float(row["age"]))
    metrics.DEAD_EVENTS.labels(service).set(dead)
    for measured in gauges:
        if minute % measured.minutes == 0:
            await _set(database, measured)


async def _set(database: Database, measured: Measured) -> None:
    async with database.transaction() as tx:
        rows = await tx.fetch(measured.rows, clock.now())
    measured.gauge.clear()
    for label, number in rows:
        measured.gauge.labels(label).set(float(number))
