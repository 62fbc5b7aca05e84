"""What leads and operators ask of the warehouse as a whole."""

from services.inventory.queries import oversight
from services.inventory.schemas.oversight import Backlog, CutOffBacklog, Drift, DriftRow
from shared.db import Transaction

_MOST = 500


async def show_backlog(tx: Transaction) -> Backlog:
    """Give what is not handed over, by location and cut-off."""
    rows = await oversight.list_backlog(tx, tx.now, _MOST)
    return Backlog(data=[CutOffBacklog.model_validate(dict(row)) for row in rows])


async def compare_stock(tx: Transaction) -> Drift:
    """Give the stock rows that are not what their ledger and reservations say: the first of them, and how many."""
    rows = await oversight.list_drift(tx, _MOST)
    return Drift(data=[DriftRow.model_validate(dict(row)) for row in rows], total=rows[0]["total"] if rows else 0)
