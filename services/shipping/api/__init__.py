"""The HTTP door of the shipping service: staff, other services, carriers."""

from fastapi import APIRouter

from services.shipping.api import carriers, internal, staff

router = APIRouter()
router.include_router(staff.router)
router.include_router(internal.router)
router.include_router(carriers.router)
