"""What of stock and of the warehouse's work must move on, and until when."""

from services.inventory.states.stock import INBOUNDS, RESERVATIONS
from services.inventory.states.warehouse import FULFILMENT, PARCEL, PICK_LIST, PICK_TASK, SHORTFALL
from shared.overdue import dwelling

# What is planned for a later day may wait for it.
_RESERVED = "greatest(since + {dwell}, ship_after, soft_until, expected_at)"
_PLANNED = "greatest(since + {dwell}, cut_off_at)"
_LISTED = "case state when 'planned' then greatest(since + {dwell}, cut_off_at) else active_at + {dwell} end"
_TASKS = "(select t.*, f.cut_off_at from pick_task t join fulfilment f on f.id = t.fulfilment_id) t"

DWELLINGS = (
    dwelling("reservation", RESERVATIONS, "reservation join order_demand using (order_id)", due=_RESERVED),
    dwelling(
        "inbound", INBOUNDS, "inbound", columns=("id::text", "null"), due="greatest(since + {dwell}, expected_at)"
    ),
    dwelling("fulfilment", FULFILMENT, "fulfilment", due=_PLANNED),
    dwelling("pick list", PICK_LIST, "pick_list", columns=("id::text", "null"), due=_LISTED),
    dwelling("pick task", PICK_TASK, _TASKS, due=_PLANNED),
    dwelling("parcel", PARCEL, "parcel"),
    dwelling("shortfall", SHORTFALL, "shortfall"),
)
