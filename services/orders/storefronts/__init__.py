"""Order formats of other systems, read as ours: one pure module per format."""
