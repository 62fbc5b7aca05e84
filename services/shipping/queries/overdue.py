"""Which shipments must move on, and until when."""

from services.shipping.states import STATES
from shared.overdue import Dwelling

DWELLINGS = (
    Dwelling(
        "shipment",
        "select id::text as subject, order_id::text as order_id, status as state, due_at from shipment "
        "where due_at is not null",
        {status.value: (rule.holder, rule.unblock) for status, rule in STATES.items() if rule.dwell is not None},
    ),
)
