"""The clock door: the halves register their jobs in one table."""

from services.inventory.jobs import overdue, stock, warehouse
from services.inventory.jobs.table import jobs

__all__ = ["jobs", "overdue", "stock", "warehouse"]
