"""What the console can do."""
