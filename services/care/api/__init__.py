"""The HTTP door of care: staff routes for cases, remedies and oversight."""

from fastapi import APIRouter

from services.care.api import cases, contacts, oversight, remedies

router = APIRouter(prefix="/staff")
router.include_router(cases.router)
router.include_router(remedies.router)
router.include_router(oversight.router)
router.include_router(contacts.router)
