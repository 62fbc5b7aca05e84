"""The table of jobs."""

from shared.jobs import Jobs

jobs = Jobs()
