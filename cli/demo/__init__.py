"""The demonstration: a sample shop's orders travel through the whole suite in stepped business time."""
