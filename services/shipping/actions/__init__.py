"""What the shipping service can do; every function locks, checks, changes and publishes, none commits."""
