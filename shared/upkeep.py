"""What a worker does to its own database once a minute: empty old days, and measure what waits and what is dead."""

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


async def measure(database: Database, service: str) -> None:
    """Set the gauges of the outbox and of dead events."""
    async with database.transaction() as tx:
        row = await tx.row(_WAITING)
        dead = await tx.value(_DEAD)
    if row is not None:
        metrics.OUTBOX_ROWS.labels(service).set(row["rows"])
        metrics.OUTBOX_AGE.labels(service).set(float(row["age"]))
    metrics.DEAD_EVENTS.labels(service).set(dead)
