"""The clock door: bookings, voids and refunds, silent parcels, learning, and what must be forgotten."""

from services.shipping.actions import booking, estimates, outcomes, webhooks
from services.shipping.queries import labels as label_queries
from services.shipping.queries.overdue import DWELLINGS
from shared import overdue
from shared.db import Transaction
from shared.jobs import Jobs
from shared.retention import Clock, Kept

jobs = Jobs()

jobs.effect(
    "book_shipments",
    next_due=label_queries.NEXT_BOOKING,
    claim=booking.claim_bookings,
    call=booking.perform,
    record=outcomes.record_booking,
    order_of=lambda work: work.job.order_id,
    lease_seconds=booking.LEASE_SECONDS,
)

jobs.effect(
    "settle_labels",
    next_due="select min(due_at) from carrier_job where step in ('fetch_label', 'void', 'check_refund')",
    claim=booking.claim_settlements,
    call=booking.perform,
    record=outcomes.record_settlement,
    order_of=lambda work: work.job.order_id,
    lease_seconds=booking.LEASE_SECONDS,
)

jobs.effect(
    "poll_tracking",
    next_due="select min(poll_due_at) from shipment where not exists "
    "(select from pause_switch where kind = 'polling' and scope in ('*', 'easypost'))",
    claim=webhooks.claim_silent,
    call=webhooks.ask_for_tracking,
    record=webhooks.record_poll,
)

jobs.effect(
    "register_webhook",
    next_due="select min(timestamptz '1970-01-01 00:00Z') from webhook_registration where registered_at is null",
    claim=webhooks.claim_registration,
    call=webhooks.register,
    record=webhooks.record_registration,
)


@jobs.timer(
    next_due="select learned_at + interval '1 day' from transit_learning l "
    "where exists (select from finished_transit f where f.finished_at > l.learned_at)"
)
async def learn_transits(tx: Transaction) -> int:
    """Compute our own quantiles once a day from parcels that have arrived."""
    await estimates.learn_transits(tx)
    return 1


overdue.watch(jobs, DWELLINGS)

KEPT = (
    Kept("label files", "label_file", "forget_at", "label_retention_days", is_end=True),
    Kept("labels in other formats", "label_copy", "forget_at", "label_retention_days", is_end=True),
    Kept(
        "words and places of scans", "tracking_event", "recorded_at", "scan_days",
        "message = '', city = '', region = '', postal_code = ''",
        "(message, city, region, postal_code) <> ('', '', '', '')", Clock.BUSINESS,
    ),
)  # fmt: skip
