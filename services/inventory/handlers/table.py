"""The table of event handlers."""

from shared.consumer import EventRouter

router = EventRouter()
