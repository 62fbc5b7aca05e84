"""How a service is, from its own database: what waits to leave, what it has read, what is stuck, who works."""

from dataclasses import dataclass, field

from shared import inbox
from shared.db import Transaction

_STANDING = """
select (select count(*) from outbox) as outbox_rows,
  (select coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0) from outbox) as outbox_seconds,
  (select count(*) from parked where state = 'parked') as parked,
  (select count(*) from parked where state = 'dead') as dead_events,
  (select count(*) from dead_letter where state = 'open') as dead_letters,
  (select count(*) from overdue) as overdue,
  (select count(*) from pg_stat_activity where application_name = $1) as workers
"""


@dataclass(frozen=True, slots=True)
class Vitals:
    """`published` and `consumed` (by source) count events since ever; their difference is what a reader lags behind.

    `workers` are the relays connected now; `outbox_seconds` is the age of the oldest event that waits to leave.
    """

    outbox_rows: int
    outbox_seconds: float
    parked: int
    dead_events: int
    dead_letters: int
    overdue: int
    workers: int
    published: int
    consumed: dict[str, int] = field(default_factory=dict)


async def take(tx: Transaction, service: str) -> Vitals:
    """Read how a service is."""
    row = await tx.row(_STANDING, f"{service} relay")
    counts = {one["source"]: int(one["events"]) for one in await tx.fetch(inbox.PUBLISHED_AND_CONSUMED, service)}
    standing = dict(row) if row is not None else {}
    standing["outbox_seconds"] = float(standing["outbox_seconds"])
    return Vitals(**standing, published=counts.pop("", 0), consumed=counts)
