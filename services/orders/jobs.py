"""The clock door: days that come, payments that do not, stock that takes too long."""

from services.orders.actions import cancellations, erasing, holds, remedies, webhooks
from services.orders.queries.feed import NEXT_DELIVERY, NEXT_EXPIRY, NEXT_UNNUMBERED
from services.orders.queries.overdue import DWELLINGS
from services.orders.settings import KEPT_DAYS
from shared import overdue
from shared.jobs import Jobs
from shared.retention import Clock, Kept

jobs = Jobs()

_DUE = "select min({0}) from orders where {0} is not null"

jobs.timer(
    next_due="select min(release_due_at) from orders o where release_due_at is not null and not exists (select from "
    "pause_switch p where p.kind = 'release' and p.scope in ('*', o.storefront_id::text))"
)(holds.release_due_orders)
jobs.timer(next_due=_DUE.format("payment_due_at"))(cancellations.cancel_unpaid_orders)
jobs.timer(next_due=_DUE.format("backorder_due_at"))(cancellations.cancel_late_backorders)
jobs.timer(next_due=_DUE.format("authorization_due_at"))(holds.hold_expiring_authorizations)
jobs.timer(next_due="select min(since) from remedy where code = 'revived' and state = 'executed'")(
    remedies.settle_revived
)

jobs.timer(next_due="select min(look_at) from erasure where look_at is not null")(erasing.erase_due_customers)

jobs.timer(next_due=NEXT_UNNUMBERED, every_seconds=0.25)(webhooks.number_events)
jobs.timer(next_due=NEXT_EXPIRY.format(days=KEPT_DAYS))(webhooks.drop_old_events)
jobs.effect(
    "deliver_webhooks",
    next_due=NEXT_DELIVERY,
    claim=webhooks.claim_deliveries,
    call=webhooks.deliver,
    record=webhooks.record_delivery,
    order_of=lambda delivery: delivery.order_id,
)

overdue.watch(jobs, DWELLINGS)

KEPT = (
    Kept(
        "customers of ended orders", "orders", "since", "customer_days", clock=Clock.BUSINESS,
        act=erasing.ask_for_old_customers,
    ),
    Kept("quotes that ended", "quote", "expires_at", "retention_days", clock=Clock.BUSINESS),
    Kept("looks at personal data", "person_view", "at", "access_log_days"),
    Kept("verifications of callers", "caller_verification", "at", "access_log_days"),
)  # fmt: skip
