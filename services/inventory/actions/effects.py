"""Effects: the one table of what each act does to stock's buckets, and the one way to apply them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import asyncpg

from services.inventory.errors import InsufficientStockError, NoStockRowError
from services.inventory.queries import stock
from services.inventory.settings import settings
from shared import clock
from shared.db import Transaction, root_cause


class Act(StrEnum):
    """What can happen to units of a SKU at a location."""

    RESERVE = "reserve"
    RELEASE = "release"
    EXPIRE = "expire"
    DISPLACE = "displace"
    PUT_BACK = "put_back"
    HAND_OVER = "hand_over"
    SHORT_NOT_FOUND = "short_not_found"
    SHORT_MISMATCH = "short_mismatch"
    SHORT_DAMAGED = "short_damaged"
    RECEIVE = "receive"
    ADJUST_UP = "adjust_up"
    ADJUST_DOWN = "adjust_down"
    COUNT_UP = "count_up"
    COUNT_DOWN = "count_down"
    DAMAGE = "damage"
    REPAIR = "repair"
    QUARANTINE = "quarantine"
    CLEAR = "clear"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"


class Deltas(NamedTuple):
    """What one unit of an act adds to each bucket."""

    on_hand: int = 0
    reserved: int = 0
    damaged: int = 0
    quarantined: int = 0


EFFECTS: dict[Act, Deltas] = {
    Act.RESERVE: Deltas(reserved=1),
    Act.RELEASE: Deltas(reserved=-1),
    Act.EXPIRE: Deltas(reserved=-1),
    Act.DISPLACE: Deltas(reserved=-1),
    Act.PUT_BACK: Deltas(reserved=-1),
    Act.HAND_OVER: Deltas(on_hand=-1, reserved=-1),
    Act.SHORT_NOT_FOUND: Deltas(on_hand=-1, reserved=-1),
    Act.SHORT_MISMATCH: Deltas(on_hand=-1, reserved=-1),
    Act.SHORT_DAMAGED: Deltas(reserved=-1, damaged=1),
    Act.RECEIVE: Deltas(on_hand=1),
    Act.ADJUST_UP: Deltas(on_hand=1),
    Act.ADJUST_DOWN: Deltas(on_hand=-1),
    Act.COUNT_UP: Deltas(on_hand=1),
    Act.COUNT_DOWN: Deltas(on_hand=-1),
    Act.DAMAGE: Deltas(damaged=1),
    Act.REPAIR: Deltas(damaged=-1),
    Act.QUARANTINE: Deltas(quarantined=1),
    Act.CLEAR: Deltas(quarantined=-1),
    Act.TRANSFER_OUT: Deltas(on_hand=-1),
    Act.TRANSFER_IN: Deltas(on_hand=1),
}


@dataclass(frozen=True, slots=True)
class Effect:
    """An act on units of a SKU at a location; `document` names the order, inbound or count behind it."""

    act: Act
    sku: str
    location: str
    quantity: int
    document: str
    actor: str = ""

    @property
    def deltas(self) -> Deltas:
        """What all its units add to each bucket."""
        return Deltas(*(per_unit * self.quantity for per_unit in EFFECTS[self.act]))


async def apply_effects(tx: Transaction, effects: Sequence[Effect], *, locked: bool = False) -> None:
    """Apply effects to stock and ledger; rows are locked in (SKU, location) order unless the caller has done so.

    Raises NoStockRowError for a SKU that never lay at the location, InsufficientStockError where a bucket
    would fall below zero or more would be held than lies there.
    """
    if not effects:
        return
    totals: dict[stock.Key, list[int]] = {}
    for effect in effects:
        total = totals.setdefault((effect.sku, effect.location), [0, 0, 0, 0])
        for place, delta in enumerate(effect.deltas):
            total[place] += delta
    if not locked:
        await stock.lock_stock(tx, totals.keys())
    try:
        touched = await stock.change_stock(tx, totals)
    except asyncpg.CheckViolationError as error:
        raise InsufficientStockError(_refusal(error, effects)) from error
    if touched != len(totals):
        raise NoStockRowError(f"{len(totals) - touched} of these SKUs never lay at their location: receive them first")
    await stock.insert_ledger(tx, [_ledger_row(effect) for effect in effects])
    await request_snapshots(tx, totals.keys())


async def request_snapshots(tx: Transaction, keys: Collection[stock.Key]) -> None:
    """Have stock_changed published for these rows; stepped time waits for nobody."""
    gap_seconds = 0.0 if clock.is_stepped() else settings().snapshot_seconds
    await stock.mark_snapshots(tx, keys, gap_seconds=gap_seconds)


def _ledger_row(effect: Effect) -> stock.LedgerRow:
    return stock.LedgerRow(
        effect.sku, effect.location, effect.act, effect.quantity, effect.deltas, effect.document, effect.actor
    )


def _refusal(error: Exception, effects: Sequence[Effect]) -> str:
    cause = root_cause(error)
    detail = getattr(cause, "constraint_name", "") or "a bucket's limit"
    wanted = ", ".join(sorted({f"{e.act} {e.quantity} of {e.sku} at {e.location}" for e in effects})[:5])
    return f"there are not enough units for {wanted} ({detail})"
