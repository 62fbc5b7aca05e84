"""How far the warehouse is with orders' units, as stock's side asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.inventory.models.warehouse import PickTask
from services.inventory.queries.fulfilments import Work, lock_work
from shared.db import Transaction


@dataclass(frozen=True, slots=True)
class StageCount:
    """Planned units of a line at a location by how far they are, without those to be put back."""

    unpicked: int = 0
    picked: int = 0
    packed: int = 0
    handed_over: int = 0

    @property
    def planned(self) -> int:
        """Units that the warehouse has and that still hold a reservation."""
        return self.unpicked + self.picked + self.packed


async def stage_counts(tx: Transaction, order_ids: Sequence[UUID]) -> dict[tuple[UUID, str], StageCount]:
    """Lock the warehouse's work on these orders and count it by (line id, location)."""
    works = await lock_work(tx, order_ids)
    counts: dict[tuple[UUID, str], StageCount] = {}
    for work in works.values():
        counts.update(count_stages(work))
    return counts


def count_stages(work: Work) -> dict[tuple[UUID, str], StageCount]:
    """Count the units of one order by (line id, location)."""
    locations = {f.id: f.location for f in work.fulfilments}
    counts: dict[tuple[UUID, str], StageCount] = {}
    for task in work.tasks:
        key = (task.line_id, locations[task.fulfilment_id])
        old, new = counts.get(key, StageCount()), _stage(task)
        counts[key] = StageCount(
            old.unpicked + new.unpicked,
            old.picked + new.picked,
            old.packed + new.packed,
            old.handed_over + new.handed_over,
        )
    return counts


def _stage(task: PickTask) -> StageCount:
    """Units to be put back are taken from those in the tote first."""
    unboxed = task.in_tote + task.boxed - task.packed
    due_unboxed = min(task.put_back_due, unboxed)
    return StageCount(
        task.unpicked,
        unboxed - due_unboxed,
        task.packed - task.handed_over - (task.put_back_due - due_unboxed),
        task.handed_over,
    )
