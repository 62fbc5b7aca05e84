"""Forgetting customers when orders does: the warehouse knows none, but an unreadable message may hold anything."""

from collections.abc import Sequence

from services.inventory.queries.personal import TABLES
from shared import privacy
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import CustomerErased


async def erase_customers(tx: Transaction, events: Sequence[Received[CustomerErased]]) -> None:
    """Erase dead letters about these orders; what our doors answered never told of a customer."""
    await privacy.erase_customers(tx, TABLES, events, answers=False)
