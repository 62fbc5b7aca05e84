"""Schema changes of the shipping service's own database."""
