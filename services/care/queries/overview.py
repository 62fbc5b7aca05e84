"""How orders that were due went: on time, in full, sound; as a whole, by day, by warehouse, by carrier."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.care.queries import parcels, report
from shared.db import Transaction

FORMULAS: Mapping[str, str] = {
    "due": "orders whose first promise ended in the time shown; no cancelled ones, replacements or test orders",
    "otif": "delivered by the first promise's end and in full / due",
    "perfect_order": "on time, in full, and nothing wrong, missing, damaged or lost / delivered",
    "kept_promise": "promises kept / (kept + broken), of the promise in force; one broken is broken for good",
    "on_time": "delivered by the first promise's end / delivered",
    "sla_attainment": "clocks of cases fulfilled in time / (those + breached)",
}
# What makes a delivered order imperfect, whatever became of it afterwards.
_HARM = ["damage", "wrong_item", "missing_item", "lost", "returned_to_sender"]


# A promise ends with its local day, so half a day before it is that day's date in UTC everywhere.
_DUE = f"""
with due as (
  select w.order_id, (w.first_deliver_by - interval '12 hours')::date as day,
    w.delivered_at is not null and w.ended_at is not null as delivered,
    coalesce(w.delivered_at < w.first_deliver_by, false) and w.ended_at is not null as on_time,
    w.outcome is not distinct from 'delivered' as in_full, w.promise_outcome as outcome,
    not exists (select from exception e where e.order_id = w.order_id and e.kind = any($3)) as sound
  from watch w where w.first_deliver_by >= $1 and w.first_deliver_by < $2 and w.reship_of is null
    and w.outcome is distinct from 'cancelled' and not w.test and {parcels.of_cut("w", 4)}
)
select {{name}} as name, count(*) as due, count(*) filter (where delivered) as delivered,
  count(*) filter (where on_time) as on_time, count(*) filter (where on_time and in_full) as otif,
  count(*) filter (where on_time and in_full and sound) as perfect,
  count(*) filter (where outcome = 'kept') as kept, count(*) filter (where outcome = 'broken') as broken
from due {{join}} group by 1 order by 1
"""
_CUTS: Mapping[str, tuple[str, str]] = {
    "total": ("''", ""),
    "day": ("day::text", ""),
    "warehouse": (
        "p.name",
        "join (select distinct order_id, location as name from watch_fulfilment) p using (order_id)",
    ),
    "carrier": (
        "p.name",
        "join (select distinct order_id, carrier as name from watch_parcel where carrier <> '') p using (order_id)",
    ),
}
_EXCEPTIONS = f"""
select kind, count(*) as raised, count(*) filter (where cleared_at is null) as open
from exception where detected_at >= $1 and detected_at < $2 and {report.live("exception")}
  and {parcels.of_cut("exception", 3)}
group by kind order by raised desc, kind
"""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What is counted: the orders of a time, [since, until), and of them those of one warehouse, of one carrier."""

    since: datetime
    until: datetime
    location: str | None = None
    carrier: str | None = None


async def count_due(tx: Transaction, cut: str, of: Narrowed) -> list[asyncpg.Record]:
    """Count what was due by `total`, `day`, `warehouse` or `carrier`."""
    name, join = _CUTS[cut]
    return await tx.fetch(_DUE.format(name=name, join=join), of.since, of.until, _HARM, of.location, of.carrier)


async def count_exceptions(tx: Transaction, of: Narrowed) -> list[asyncpg.Record]:
    """Count what was detected by kind."""
    return await tx.fetch(_EXCEPTIONS, of.since, of.until, of.location, of.carrier)


async def count_clocks(tx: Transaction, of: Narrowed) -> tuple[int, int]:
    """Count the clocks of cases that began in the time: (fulfilled in time, breached)."""
    rows = await report.count_clocks(tx, of.since, of.until, of.location, of.carrier)
    return sum(row["in_time"] for row in rows), sum(row["breached"] for row in rows)
