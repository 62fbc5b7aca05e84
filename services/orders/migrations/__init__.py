"""Schema changes of the orders service's own database."""
