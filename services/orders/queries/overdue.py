"""What of orders must move on, and until when."""

from services.orders.states import CANCELLATION, DELIVERY, ERASURE, HOLD, ORDER, REFUND, RELEASE, REMEDY
from shared.overdue import dwelling

_WRITTEN = "coalesce(due_at, since + {dwell})"
_RELEASE_ID = "concat_ws('/', order_id, release_no, line_id, location)"
_DELIVERIES = "(select d.*, e.order_id from webhook_delivery d join public_event e on e.id = d.event_id) d"

DWELLINGS = (
    dwelling("order", ORDER, "orders", columns=("id::text", "id::text"), due=_WRITTEN),
    dwelling("hold", HOLD, "hold", due=_WRITTEN),
    dwelling("release", RELEASE, "order_release", columns=(_RELEASE_ID, "order_id::text"), due="due_at"),
    dwelling("cancellation", CANCELLATION, "cancellation", due="coalesce(due_at, requested_at + {dwell})"),
    dwelling("remedy", REMEDY, "remedy", due=_WRITTEN),
    dwelling("refund", REFUND, "refund", due=_WRITTEN),
    dwelling("erasure", ERASURE, "erasure", columns=("order_id::text", "order_id::text"), due="due_at"),
    dwelling("webhook", DELIVERY, _DELIVERIES, due="d.created_at + {dwell}"),
)
