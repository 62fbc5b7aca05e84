"""What the care service can do, by subject: every action locks, checks, changes and publishes, and never commits."""
