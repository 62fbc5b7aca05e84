"""Released units without stock: opened when they are missed, healed when stock is found, closed when cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.inventory.actions import fulfilments
from services.inventory.actions.fulfilments import PlannedUnits
from services.inventory.models.warehouse import Fulfilment, Shortfall
from services.inventory.queries import shortfalls as queries
from services.inventory.queries.fulfilments import Work
from services.inventory.queries.reservations import Units
from services.inventory.states.warehouse import SHORTFALL, ShortfallState
from shared.db import Transaction
from shared.events.inventory import ShortfallHealed, ShortfallOpened
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Missing:
    """Units missed at a fulfilment order that no stock serves."""

    fulfilment: Fulfilment
    line_id: UUID
    sku: str
    quantity: int
    expected_at: datetime | None = None


async def open_shortfalls(tx: Transaction, missing: Sequence[Missing]) -> None:
    """Record and tell units without stock; their fulfilment orders' `missing` is raised by the caller."""
    rows = [
        Shortfall(
            id=new_id(), fulfilment_id=m.fulfilment.id, order_id=m.fulfilment.order_id, line_id=m.line_id, sku=m.sku,
            since=tx.now, opened_at=tx.now, quantity=m.quantity,
        )
        for m in missing
    ]  # fmt: skip
    await queries.insert_shortfalls(tx, rows)
    for m in missing:
        tx.publish(
            ShortfallOpened(
                order_id=m.fulfilment.order_id, line_id=m.line_id, sku=m.sku, quantity=m.quantity,
                expected_at=m.expected_at, progress=SHORTFALL.progress(ShortfallState.OPEN, tx.now),
            )
        )  # fmt: skip


async def heal(tx: Transaction, works: dict[UUID, Work], units: Sequence[Units]) -> list[Fulfilment]:
    """Plan picks for units of open shortfalls that have stock now; units that were never released are ignored.

    Gives the fulfilment orders that have new units; the caller settles, stores and tells them as planned.
    """
    rows = await queries.list_open(tx, works)
    planned: list[PlannedUnits] = []
    for unit in units:
        left = unit.quantity
        for row in (r for r in rows if r.line_id == unit.line_id and r.missing):
            count = min(left, row.missing)
            if count:
                left -= count
                planned.append(_heal(tx, works[unit.order_id], row, unit, count))
    await queries.save_shortfalls(tx, [row for row in rows if row.healed])
    return await fulfilments.plan_units(tx, works, planned)


def _heal(tx: Transaction, work: Work, row: Shortfall, unit: Units, count: int) -> PlannedUnits:
    missed_at = work.fulfilment(row.fulfilment_id)
    missed_at.missing -= count
    row.healed += count
    _end(row, ShortfallState.HEALED, tx.now)
    tx.publish(
        ShortfallHealed(
            order_id=unit.order_id, line_id=unit.line_id, sku=unit.sku, quantity=count, location=unit.location
        )
    )
    return PlannedUnits(unit.order_id, missed_at.release_no, unit.line_id, unit.sku, unit.location, count)


async def close(tx: Transaction, works: dict[UUID, Work], wanted: dict[UUID, int]) -> None:
    """Close this many units per line of open shortfalls because they are cancelled."""
    rows = await queries.list_open(tx, works)
    for row in rows:
        count = min(wanted.get(row.line_id, 0), row.missing)
        if count:
            wanted[row.line_id] -= count
            row.cancelled += count
            works[row.order_id].fulfilment(row.fulfilment_id).missing -= count
            _end(row, ShortfallState.CANCELLED, tx.now)
    await queries.save_shortfalls(tx, [row for row in rows if row.cancelled])


def _end(row: Shortfall, state: ShortfallState, now: datetime) -> None:
    if not row.missing:
        SHORTFALL.check(ShortfallState(row.state), state)
        row.state, row.since = state.value, now
