"""The inventory service's tables."""
