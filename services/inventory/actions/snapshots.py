"""Snapshots: stock_changed, absolute, at most one a second for a SKU at a location however much happens there."""

from services.inventory.queries import stock
from shared.db import Transaction
from shared.events.inventory import StockChanged

BATCH = 200


async def publish_snapshots(tx: Transaction) -> int:
    """Publish due snapshots; gives how many."""
    due = await stock.claim_snapshots(tx, BATCH)
    for snapshot in due:
        row = snapshot.stock
        tx.publish(
            StockChanged(
                sku=row.sku,
                location=row.location,
                on_hand=row.on_hand,
                reserved=row.reserved,
                damaged=row.damaged,
                quarantined=row.quarantined,
                # As allocation sees it: what lies in a closed house, or is no longer sold, nobody can have.
                available=row.available if snapshot.offered else 0,
                backorderable=snapshot.sku_active,
                next_available_at=snapshot.next_available_at if snapshot.offered else None,
            )
        )
    return len(due)
