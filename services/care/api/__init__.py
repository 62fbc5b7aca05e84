"""The HTTP door of care: staff routes for cases, remedies and oversight; what the status page asks and says."""

from services.care.api import cases, consents, contacts, customer, evidence, oversight, remedies
from shared.doors import one_level

router = one_level(
    cases.router,
    remedies.router,
    oversight.router,
    contacts.router,
    consents.router,
    evidence.router,
    customer.router,
)

ROOMY = {"/customer/evidence": customer.MOST_BYTES}
"""Paths that take larger bodies than others, in bytes."""
