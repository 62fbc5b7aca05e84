"""The independent services: orders, inventory, shipping and care."""
