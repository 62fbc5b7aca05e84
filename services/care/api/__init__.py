"""The HTTP door of care: staff routes for cases, remedies and oversight; what the status page asks and says."""

from fastapi import APIRouter

from services.care.api import cases, consents, contacts, customer, evidence, oversight, remedies

router = APIRouter()
for part in (cases.router, remedies.router, oversight.router, contacts.router, consents.router, evidence.router):
    router.include_router(part, prefix="/staff")
router.include_router(customer.router)

ROOMY = {"/customer/evidence": customer.MOST_BYTES}
"""Paths that take larger bodies than others, in bytes."""
