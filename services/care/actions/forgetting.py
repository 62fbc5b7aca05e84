"""Forgetting customers when orders does: what they wrote, what was written to them and of them, what they showed."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.care.errors import CustomerErasedError, OrderNotWatchedError
from services.care.queries import customers
from services.care.queries.facts import lock_watch
from services.care.queries.personal import TABLES
from shared import privacy
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import CustomerErased


async def erase_customers(tx: Transaction, facts: Sequence[Received[CustomerErased]]) -> None:
    """Leave that something was said, when and by whom, but not what; photos go."""
    await customers.mark_erased(tx, await privacy.erase_customers(tx, TABLES, facts))


async def require_customer(tx: Transaction, order_id: UUID) -> asyncpg.Record:
    """Lock and give the watch of an order whose customer is known, so that no fact comes between it and what is kept.

    Raises OrderNotWatchedError and CustomerErasedError.
    """
    return refuse_unknown(await lock_watch(tx, order_id), order_id)


def refuse_unknown(watch: asyncpg.Record | None, order_id: UUID) -> asyncpg.Record:
    """Give a watch whose customer is known; raises OrderNotWatchedError and CustomerErasedError."""
    if watch is None:
        raise OrderNotWatchedError(f"care knows no order {order_id}")
    if watch["erased_at"] is not None:
        raise CustomerErasedError("this order's customer is forgotten: nothing more is kept of them")
    return watch
