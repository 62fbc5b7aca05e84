"""What time does to the warehouse's work: lists that nobody scans go back to all."""

from services.inventory.actions import pick_lists
from services.inventory.jobs.table import jobs
from services.inventory.queries.pick_lists import IDLE_DUE
from shared.db import Transaction


@jobs.timer(next_due=IDLE_DUE)
async def unassign_idle_lists(tx: Transaction) -> int:
    """Take lists without a scan for 30 minutes from their pickers."""
    return await pick_lists.unassign_idle_lists(tx)
