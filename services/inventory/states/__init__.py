"""The inventory service's transition tables."""
