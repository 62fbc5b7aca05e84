"""The orders service: the order, the customer's side, the promise and the storefronts' door."""
