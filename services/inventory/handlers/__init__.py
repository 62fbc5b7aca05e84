"""The event door: the halves register their handlers in one table."""

from services.inventory.handlers import stock, warehouse
from services.inventory.handlers.table import router

__all__ = ["router", "stock", "warehouse"]
