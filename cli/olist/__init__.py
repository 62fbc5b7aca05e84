"""A year of real orders (the Olist data set) replayed through the running services in stepped business time."""
