"""Repeatable benchmarks: every figure is a ratio to what PostgreSQL or a bare client does in the same run."""
