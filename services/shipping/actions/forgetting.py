"""Forgetting customers when orders does: label files go, and places and words of scans."""

from collections.abc import Sequence

from services.shipping.queries import labels
from services.shipping.queries.personal import TABLES
from shared import privacy
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import CustomerErased


async def erase_customers(tx: Transaction, events: Sequence[Received[CustomerErased]]) -> None:
    """Erase what tells of these orders' customers; a file not fetched yet is fetched no more."""
    await labels.drop_file_jobs(tx, await privacy.erase_customers(tx, TABLES, events))
