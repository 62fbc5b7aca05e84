"""Schema changes of the console service's own database."""
