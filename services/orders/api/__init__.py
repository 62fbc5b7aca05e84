"""The HTTP door: storefronts under /v1, staff under /staff, services under /internal."""

from fastapi import APIRouter

from services.orders.api import feed, foreign, intake, internal, orders, staff, support

router = APIRouter()
for part in (intake.router, foreign.router, orders.router, feed.router, staff.router, support.router, internal.router):
    router.include_router(part)
