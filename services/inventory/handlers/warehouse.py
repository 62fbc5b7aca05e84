"""Facts of orders that start or stop the warehouse's work."""
