"""Snapshots: stock_changed, absolute, at most one a second for a SKU at a location however much happens there."""

from services.inventory.queries import stock
from shared.db import Transaction
from shared.events.inventory import StockChanged

BATCH = 200


async def publish_snapshots(tx: Transaction) -> int:
    """Publish due snapshots; gives how many."""
    rows = await stock.claim_snapshots(tx, BATCH)
    for row, next_available_at in rows:
        tx.publish(
            StockChanged(
                sku=row.sku,
                location=row.location,
                on_hand=row.on_hand,
                reserved=row.reserved,
                damaged=row.damaged,
                quarantined=row.quarantined,
                available=row.available,
                next_available_at=next_available_at,
            )
        )
    return len(rows)
