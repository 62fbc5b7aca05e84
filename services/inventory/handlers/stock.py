"""Facts of orders that reserve, firm up or give back stock."""
