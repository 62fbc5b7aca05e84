"""`doorstep check`: verifies every invariant over the running databases, with a role that can only read."""

from cli.check.findings import Fact, Finding, Report
from cli.check.run import run

__all__ = ["Fact", "Finding", "Report", "run"]
