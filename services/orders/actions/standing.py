"""What an order waits for on our side, as progress: a hold, its day, stock, or the next service's step."""

from datetime import datetime, timedelta

from services.orders.models import OrderRecord
from services.orders.states import ORDER, hold_progress
from shared.events.base import Progress

_MARGIN = timedelta(hours=1)
_LONGEST_BACKORDER = timedelta(days=30)


def standing(record: OrderRecord, now: datetime) -> Progress:
    """Describe the step an order is at, so that waiting for a known day does not look stuck."""
    head = record.head
    if record.is_ended:
        return ORDER.progress(head.state, head.since)
    if record.open_holds:
        hold = min(record.open_holds, key=lambda hold: hold.since)
        return hold_progress(hold.reason, hold.since, hold.due_at)
    if head.ship_after is not None and head.ship_after > now and not record.releases:
        return Progress(
            step="ship_after",
            holder="customer",
            since=now,
            due_at=head.ship_after + _MARGIN,
            unblock="the day the customer asked for comes",
        )
    if record.units.backordered:
        expected = [line.expected_at for line in record.lines if line.expected_at is not None]
        return Progress(
            step="backordered",
            holder="inventory",
            since=now,
            due_at=max([*expected, now]) + _MARGIN if expected else now + _LONGEST_BACKORDER,
            unblock="stock arrives, or the units are cancelled",
        )
    return ORDER.progress(head.state, now)
