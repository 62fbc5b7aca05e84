"""The embedded stack: PostgreSQL, broker, services and carrier simulator as processes of one machine."""
