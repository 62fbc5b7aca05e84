"""What leads and operators look at: the backlog, and whether stock is what its ledger says."""

from services.inventory.actions import oversight
from services.inventory.schemas.oversight import Backlog, Drift
from shared.auth import LookUp, Operator
from shared.doors import Tx, public_router

router = public_router(prefix="/staff", tags=["oversight"])


@router.get("/backlog")
async def show_backlog(tx: Tx, _who: LookUp) -> Backlog:
    """Say what is not handed over yet, by location and cut-off."""
    return await oversight.show_backlog(tx)


@router.get("/drift")
async def compare_stock(tx: Tx, _who: Operator) -> Drift:
    """Compare every stock row with its ledger and its live reservations: reads both as a whole."""
    return await oversight.compare_stock(tx)
