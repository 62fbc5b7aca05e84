"""What time does to the warehouse's work."""
