"""Orders at work by stage: each counts once, where the unit that is furthest behind is."""

import asyncpg

from shared.db import Transaction

# A warehouse's orders are those it has units for; one that has none anywhere counts where it was promised from.
# Totals of a line only grow: what was picked, packed and handed over is in `picked` still.
_STAGES = """
with work as (
  select o.id, o.pick_started_at is not null as started,
    exists (select from hold h where h.order_id = o.id and h.state = 'open') as held,
    sum(l.quantity - l.cancelled - l.written_off - l.handed_over) as inside,
    sum(l.backordered) as backordered, sum(l.reserved) as reserved,
    sum(l.picked - l.handed_over) as picked, sum(l.packed - l.handed_over) as packed,
    bool_or(l.allocations @> jsonb_build_array(jsonb_build_object('location', $1::text))) as ships_from,
    o.origin_location = $1 and bool_and(l.allocations = '[]') as awaited
  from orders o join order_line l on l.order_id = o.id and l.requires_shipping
  where o.state in ('placed', 'open') and not o.test group by o.id
)
select case when inside <= 0 then 'shipped' when held then 'on_hold' when packed >= inside then 'packed'
    when backordered > 0 and picked <= 0 then 'backordered' when picked > 0 or started then 'picking'
    when reserved > 0 then 'allocated' else 'unfulfilled' end as stage, count(*) as orders
from work where $1 is null or ships_from or awaited group by 1
"""


async def count_stages(tx: Transaction, location: str | None) -> list[asyncpg.Record]:
    """Count the live orders at work by (stage, orders), all of them or those of one warehouse."""
    return await tx.fetch(_STAGES, location)
