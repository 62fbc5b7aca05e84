"""How much work waits at a location."""

from services.inventory.queries import workload as queries
from services.inventory.schemas.warehouse import ParcelCount, WorkCount, WorkloadAnswer
from shared.db import Transaction


async def read_workload(tx: Transaction, location: str) -> WorkloadAnswer:
    """Count all that waits at a location; one that nobody knows has nothing."""
    return WorkloadAnswer(
        works=[WorkCount.model_validate(dict(row)) for row in await queries.count_works(tx, location)],
        parcels=[ParcelCount.model_validate(dict(row)) for row in await queries.count_parcels(tx, location)],
        inbounds=await queries.count_inbounds(tx, location),
        counts=await queries.count_counts(tx, location),
    )
