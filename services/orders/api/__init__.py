"""The HTTP door: storefronts under /v1, staff under /staff, services under /internal, the status page's /customer."""

from services.orders.api import customer, erasures, feed, foreign, intake, internal, orders, staff, support
from shared.doors import one_level

router = one_level(
    intake.placing,
    intake.router,
    foreign.router,
    orders.router,
    feed.router,
    staff.router,
    support.router,
    internal.router,
    erasures.router,
    customer.router,
)

ROOMY = {"/v1/orders/bulk": intake.BULK_BYTES}
"""Paths that take larger bodies than others, in bytes."""
