"""The HTTP door: storefronts under /v1, staff under /staff, services under /internal."""

from fastapi import APIRouter

from services.orders.api import feed, intake, internal, orders, staff

router = APIRouter()
for part in (intake.router, orders.router, feed.router, staff.router, internal.router):
    router.include_router(part)
