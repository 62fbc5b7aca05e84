"""Schema changes of the care service's own database."""
