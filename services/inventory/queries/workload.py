"""How much work of each kind waits at a location: counts only, however long the lists are."""

import asyncpg

from services.inventory.queries.orders import STAGE
from shared.db import Transaction

_WORKS = f"""
select f.cut_off_at, f.cut_off_at < $2 as late, {STAGE} as stage, count(*)::int as count
from fulfilment f where f.location = $1 and f.state not in ('handed_over', 'cancelled')
group by 1, 2, 3 order by 1, 3
"""
_PARCELS = """
select p.state, p.carrier, count(*)::int as count from fulfilment f join parcel p on p.fulfilment_id = f.id
where f.location = $1 and f.state not in ('handed_over', 'cancelled') and p.state not in ('handed_over', 'discarded')
group by 1, 2 order by 1, 2
"""


async def count_works(tx: Transaction, location: str) -> list[asyncpg.Record]:
    """Count unfinished fulfilment orders by cut-off and stage."""
    return await tx.fetch(_WORKS, location, tx.now)


async def count_parcels(tx: Transaction, location: str) -> list[asyncpg.Record]:
    """Count parcels that have not left by state and carrier."""
    return await tx.fetch(_PARCELS, location)


async def count_inbounds(tx: Transaction, location: str) -> int:
    """Count deliveries that are not closed."""
    count: int = await tx.value("select count(*)::int from inbound where location = $1 and state <> 'closed'", location)
    return count


async def count_counts(tx: Transaction, location: str) -> int:
    """Count shelves that somebody should count."""
    count: int = await tx.value(
        "select count(*)::int from count_task where location = $1 and done_at is null", location
    )
    return count
