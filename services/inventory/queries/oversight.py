"""What leads look at: work against its cut-off, and where stock parts from its ledger or its live reservations."""

from datetime import datetime

import asyncpg
from prometheus_client import Gauge

from shared.db import Transaction
from shared.upkeep import Measured

_BACKLOG = """
select location, cut_off_at, count(*) as orders, count(*) filter (where state = 'packed') as packed,
  count(*) filter (where state in ('on_hold', 'cancel_requested', 'incomplete')) as stuck,
  coalesce(sum(to_pick), 0) as to_pick, min(cut_off_at) < $1 as late
from fulfilment where state not in ('handed_over', 'cancelled') group by location, cut_off_at
order by cut_off_at, location limit $2
"""
# Work that is on nobody's hold and whose truck leaves within half an hour.
_NEAR_CUT_OFF = """
select location, count(*) from fulfilment where state in ('open', 'in_progress', 'packed', 'incomplete')
  and cut_off_at between $1 and $1::timestamptz + interval '30 minutes' group by location
"""
_DRIFT = """
select s.sku, s.location, s.on_hand, s.reserved, s.damaged, s.quarantined,
  coalesce(l.on_hand, 0) as ledger_on_hand, coalesce(l.reserved, 0) as ledger_reserved,
  coalesce(l.damaged, 0) as ledger_damaged, coalesce(l.quarantined, 0) as ledger_quarantined,
  coalesce(r.held, 0) as held, count(*) over () as total
from stock s
left join (
  select sku, location, sum(on_hand) as on_hand, sum(reserved) as reserved, sum(damaged) as damaged,
    sum(quarantined) as quarantined from ledger group by sku, location
) l using (sku, location)
left join (
  select sku, location, sum(quantity) as held from reservation where state in ('soft_reserved', 'allocated')
  group by sku, location
) r using (sku, location)
where (s.on_hand, s.reserved, s.damaged, s.quarantined)
    is distinct from (
      coalesce(l.on_hand, 0), coalesce(l.reserved, 0), coalesce(l.damaged, 0), coalesce(l.quarantined, 0)
    )
  or s.reserved <> coalesce(r.held, 0)
order by s.sku, s.location limit $1
"""


_DRIFTED = f"select 'stock', count(*) from ({_DRIFT.replace('limit $1', '')}) d where $1::timestamptz is not null"

MEASURED = (
    Measured(
        Gauge("doorstep_near_cut_off", "Fulfilment orders whose truck leaves in 30 minutes", ["location"]),
        _NEAR_CUT_OFF,
    ),
    # Sums the whole ledger, so once an hour.
    Measured(Gauge("doorstep_drift", "Stock rows that part from their ledger or reservations", ["of"]), _DRIFTED, 60),
)


async def list_backlog(tx: Transaction, now: datetime, limit: int) -> list[asyncpg.Record]:
    """List what is not handed over by location and cut-off, the earliest cut-off first."""
    return await tx.fetch(_BACKLOG, now, limit)


async def list_drift(tx: Transaction, limit: int) -> list[asyncpg.Record]:
    """Compare every stock row with the sums of its ledger and of its live reservations."""
    return await tx.fetch(_DRIFT, limit)
