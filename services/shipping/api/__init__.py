"""The HTTP door of the shipping service: staff, other services, carriers."""

from services.shipping.api import carriers, internal, staff
from shared.doors import one_level

router = one_level(staff.router, internal.router, carriers.router)
