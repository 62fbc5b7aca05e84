"""Shipping: parcels outside the house, from the label to the doorstep."""
