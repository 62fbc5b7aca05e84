"""What time does to all of it: who stays too long is told of."""

from services.inventory.jobs.table import jobs
from services.inventory.queries.overdue import DWELLINGS
from shared import overdue

overdue.watch(jobs, DWELLINGS)
