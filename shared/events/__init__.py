"""Every event of the suite: one file per producing service, which is also its topic."""

from shared.events import care, inventory, orders, shipping
from shared.events.base import REGISTRY, Event, Received, topic_of

SOURCES = ("orders", "inventory", "shipping", "care")

__all__ = ["REGISTRY", "SOURCES", "Event", "Received", "care", "inventory", "orders", "shipping", "topic_of"]
