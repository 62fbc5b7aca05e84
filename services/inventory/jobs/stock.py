"""What time does to stock: unpaid orders lose theirs, backorders are looked at again, snapshots go out."""

from services.inventory.actions import backorders, reservations, snapshots
from services.inventory.jobs.table import jobs
from shared.db import Transaction


@jobs.timer(next_due="select min(soft_until) from order_demand where soft_until is not null")
async def expire_reservations(tx: Transaction) -> int:
    """Give back stock that was held for a payment."""
    return await reservations.expire_unpaid(tx)


@jobs.timer(next_due="select min(due_at) from refill")
async def serve_backorders(tx: Transaction) -> int:
    """Fill and date the backorders of a SKU whose stock or supply has changed."""
    return await backorders.look_again(tx)


@jobs.timer(next_due="select min(due_at) from snapshot where due_at is not null", every_seconds=0.25)
async def publish_snapshots(tx: Transaction) -> int:
    """Publish what lies where, for availability."""
    return await snapshots.publish_snapshots(tx)
