"""The HTTP door: storefronts under /v1, staff under /staff, services under /internal, the status page's /customer."""

from fastapi import APIRouter

from services.orders.api import customer, erasures, feed, foreign, intake, internal, orders, staff, support

router = APIRouter()
for part in (
    intake.router,
    foreign.router,
    orders.router,
    feed.router,
    staff.router,
    support.router,
    internal.router,
    erasures.router,
    customer.router,
):
    router.include_router(part)

ROOMY = {"/v1/orders/bulk": intake.BULK_BYTES}
"""Paths that take larger bodies than others, in bytes."""
