"""Displacement: when less lies at a location than is reserved there, the latest promises give way."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.inventory.actions import warehouse
from services.inventory.actions.effects import Act
from services.inventory.actions.measures import count_units
from services.inventory.actions.reservations import Part, seek_stock
from services.inventory.actions.totals import publish_totals
from services.inventory.errors import InsufficientStockError
from services.inventory.queries import reservations, stock
from services.inventory.queries import warehouse as work
from services.inventory.queries.reservations import Demand, Reservation, Units
from shared.db import Transaction

MOST_ROWS = 2000


async def make_room(tx: Transaction, wanted: Mapping[stock.Key, int], *, actor: str) -> int:
    """Have `wanted` units free of reservations at each (SKU, location); gives how many were displaced.

    Stock of these SKUs is locked everywhere, so that displaced units can move. Raises InsufficientStockError
    when what stays reserved is picked already.
    """
    rows = await stock.lock_reachable(tx, {sku for sku, _ in wanted}, ())
    demands: dict[UUID, Demand] = {}
    parts: list[Part] = []
    for (sku, location), units in sorted(wanted.items()):
        row = rows.get((sku, location))
        missing = units - row.free if row is not None else 0
        if missing > 0:
            found = await _victims(tx, sku, location, missing)
            demands.update({demand.order_id: demand for demand, _, _ in found})
            parts += [(reservation, count) for _, reservation, count in found]
    if not parts:
        return 0
    await displace(tx, parts, demands, act=Act.DISPLACE, actor=actor)
    displaced = sum(count for _, count in parts)
    count_units(tx, "displaced", displaced)
    return displaced


async def _victims(tx: Transaction, sku: str, location: str, missing: int) -> list[tuple[Demand, Reservation, int]]:
    """Choose unpicked units, latest promise first."""
    holders = await reservations.claim_holders(tx, sku, location, MOST_ROWS)
    stages = await work.stage_counts(tx, sorted({row.order_id for _, row in holders}))
    picked = {key: stage.picked + stage.packed for key, stage in stages.items()}
    chosen: list[tuple[Demand, Reservation, int]] = []
    for demand, row in holders:
        kept = min(picked.get((row.line_id, location), 0), row.quantity)
        picked[row.line_id, location] = picked.get((row.line_id, location), 0) - kept
        count = min(row.quantity - kept, missing)
        if count > 0:
            chosen.append((demand, row, count))
            missing -= count
    if missing > 0:
        raise InsufficientStockError(
            f"{missing} units of {sku} at {location} are picked, packed or being worked on: they cannot be displaced",
            extra={"sku": sku, "location": location, "missing": missing},
        )
    return chosen


async def displace(
    tx: Transaction, parts: Sequence[Part], demands: Mapping[UUID, Demand], *, act: Act, actor: str
) -> None:
    """Have units leave the places that hold them and seek others; pick work on them follows. Orders are locked."""
    lost = [
        Units(row.order_id, row.line_id, row.sku, row.location, count)
        for row, count in parts
        if row.location is not None
    ]
    found = await seek_stock(tx, demands, parts, act=act, actor=actor)
    await publish_totals(tx, demands, {row.order_id for row, _ in parts})
    await warehouse.stock_lost(tx, lost)
    await warehouse.stock_found(tx, found)
