"""The measurements: each gives the results of its lines, or fails alone."""
