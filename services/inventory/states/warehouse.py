"""States of fulfilment orders, pick lists, pick tasks and parcels."""
