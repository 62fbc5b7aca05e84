"""What the inventory service can do."""
