"""What the orders service can do."""
