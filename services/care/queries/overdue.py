"""What of care must move on, and until when; cases and remedies have escalations of their own."""

from services.care.states import INCIDENTS, MESSAGES
from shared.overdue import dwelling

DWELLINGS = (
    # A message may be planned for later, for the end of quiet hours; a failed try puts it off, which saves it no time.
    dwelling("message", MESSAGES, "message", due="greatest(created_at, send_at) + {dwell}"),
    dwelling("incident", INCIDENTS, "incident", columns=("id::text", "null::text"), due="opened_at + {dwell}"),
)
