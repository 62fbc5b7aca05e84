"""The timeline, and the progress that facts reported."""

from uuid import UUID

import asyncpg

from services.orders.models import ProgressRow
from services.orders.queries.orders import as_model
from shared.db import Transaction

_PAGE = """
select * from timeline where order_id = $1 and ($2 or audience = 'public') and id > $3 order by id limit $4
"""


async def list_timeline(
    tx: Transaction, order_id: UUID, *, internal: bool, after: int, limit: int
) -> list[asyncpg.Record]:
    """List facts in the order we learned them."""
    return await tx.fetch(_PAGE, order_id, internal, after, limit)


async def list_progress(tx: Transaction, order_id: UUID) -> list[ProgressRow]:
    """List what each kind of fact last said of who holds the order."""
    rows = await tx.fetch("select * from progress where order_id = $1", order_id)
    return [as_model(ProgressRow, row) for row in rows]
