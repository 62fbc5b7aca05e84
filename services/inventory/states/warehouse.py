"""States of fulfilment orders, pick lists, pick tasks, parcels and shortfalls: moves, dwell and what unblocks."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.states import Rule, TransitionTable

WITHOUT_SCAN = timedelta(minutes=30)


class FulfilmentState(StrEnum):
    """Where the units of one release at one location stand."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    PACKED = "packed"
    HANDED_OVER = "handed_over"
    ON_HOLD = "on_hold"
    INCOMPLETE = "incomplete"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"


class WorkStage(StrEnum):
    """Whose hands a fulfilment order in progress is in."""

    PICKING = "picking"  # units are still on their shelves
    PICKED = "picked"  # all of them wait for a packer
    PACKING = "packing"  # a parcel is begun


class ListState(StrEnum):
    """Where a pick list stands."""

    PLANNED = "planned"
    ASSIGNED = "assigned"
    PICKING = "picking"
    DONE = "done"


class TaskState(StrEnum):
    """Where one line of a fulfilment order stands on its way from the shelf into a parcel."""

    RELEASED = "released"
    ASSIGNED = "assigned"
    PICKED = "picked"
    SHORT_PICKED = "short_picked"
    PACKED = "packed"
    HANDED_OVER = "handed_over"
    PUT_BACK = "put_back"
    CANCELLED = "cancelled"


class ParcelState(StrEnum):
    """Where a parcel stands between the first unit in the box and the truck."""

    OPEN = "open"
    VERIFIED = "verified"
    CLOSED = "closed"
    LABELLED = "labelled"
    STAGED = "staged"
    HANDED_OVER = "handed_over"
    DISCARDED = "discarded"


class ShortfallState(StrEnum):
    """Whether units that were released and could not be picked have stock again."""

    OPEN = "open"
    HEALED = "healed"
    CANCELLED = "cancelled"


class LabelState(StrEnum):
    """What shipping last said about a parcel's label; not ours to decide."""

    NONE = "none"
    ASKED = "asked"
    LIVE = "live"
    FAILED = "failed"
    UNKNOWN = "unknown"
    VOIDED = "voided"


class PickMode(StrEnum):
    """One order at a time, or a cart with a tote for each of several orders."""

    SINGLE = "single"
    MULTI_ORDER_CART = "multi_order_cart"


_DAY = timedelta(days=1)

F = FulfilmentState
_SIDE = frozenset({F.ON_HOLD, F.INCOMPLETE, F.CANCEL_REQUESTED, F.CANCELLED})
FULFILMENT: TransitionTable[FulfilmentState] = TransitionTable(
    FulfilmentState,
    {
        F.OPEN: Rule(_SIDE | {F.IN_PROGRESS}, 2 * _DAY, "warehouse", "a picker takes its pick list"),
        F.IN_PROGRESS: Rule(_SIDE | {F.PACKED, F.HANDED_OVER}, _DAY, "warehouse", "pick and pack every unit"),
        F.PACKED: Rule(_SIDE | {F.HANDED_OVER, F.IN_PROGRESS}, _DAY, "warehouse", "hand its parcels to the carrier"),
        F.HANDED_OVER: Rule(frozenset()),
        F.ON_HOLD: Rule(frozenset(F) - {F.ON_HOLD}, 3 * _DAY, "care", "release the hold or cancel"),
        F.INCOMPLETE: Rule(frozenset(F) - {F.INCOMPLETE}, 2 * _DAY, "warehouse", "find stock or cancel the rest"),
        F.CANCEL_REQUESTED: Rule(
            frozenset(F) - {F.CANCEL_REQUESTED, F.OPEN}, _DAY, "warehouse", "put the cancelled units back on the shelf"
        ),
        F.CANCELLED: Rule(frozenset()),
    },
)

L = ListState
PICK_LIST: TransitionTable[ListState] = TransitionTable(
    ListState,
    {
        L.PLANNED: Rule(frozenset({L.ASSIGNED, L.DONE}), _DAY, "warehouse", "a picker takes the list"),
        L.ASSIGNED: Rule(frozenset({L.PICKING, L.PLANNED, L.DONE}), WITHOUT_SCAN, "picker", "scan the first unit"),
        L.PICKING: Rule(frozenset({L.PLANNED, L.DONE}), WITHOUT_SCAN, "picker", "scan the next unit"),
        L.DONE: Rule(frozenset()),
    },
)

T = TaskState
_SHELF = frozenset(T)
PICK_TASK: TransitionTable[TaskState] = TransitionTable(
    TaskState,
    {
        T.RELEASED: Rule(_SHELF - {T.RELEASED}, 2 * _DAY, "warehouse", "a pick list takes it"),
        T.ASSIGNED: Rule(_SHELF - {T.ASSIGNED}, _DAY, "picker", "scan its units"),
        T.PICKED: Rule(_SHELF - {T.PICKED}, _DAY, "packer", "pack its units"),
        T.SHORT_PICKED: Rule(_SHELF - {T.SHORT_PICKED}, _DAY, "packer", "pack what was found"),
        T.PACKED: Rule(frozenset({T.PICKED, T.SHORT_PICKED, T.HANDED_OVER}), _DAY, "dispatch", "hand the parcel over"),
        T.HANDED_OVER: Rule(frozenset()),
        T.PUT_BACK: Rule(frozenset()),
        T.CANCELLED: Rule(frozenset()),
    },
)

P = ParcelState
PARCEL: TransitionTable[ParcelState] = TransitionTable(
    ParcelState,
    {
        P.OPEN: Rule(frozenset({P.VERIFIED, P.DISCARDED}), _DAY, "packer", "scan its contents and weigh it"),
        P.VERIFIED: Rule(frozenset({P.OPEN, P.CLOSED, P.DISCARDED}), _DAY, "packer", "close it"),
        P.CLOSED: Rule(frozenset({P.LABELLED, P.OPEN, P.HANDED_OVER}), _DAY, "packer", "stick a label on it"),
        P.LABELLED: Rule(frozenset({P.STAGED, P.HANDED_OVER, P.CLOSED}), _DAY, "dispatch", "scan it to its lane"),
        P.STAGED: Rule(frozenset({P.HANDED_OVER, P.CLOSED}), _DAY, "dispatch", "scan it into the truck"),
        P.HANDED_OVER: Rule(frozenset()),
        P.DISCARDED: Rule(frozenset()),
    },
)

CLOSED_PARCELS = frozenset({P.CLOSED, P.LABELLED, P.STAGED})
"""Packed and still in the house, with or without a label."""

S = ShortfallState
SHORTFALL: TransitionTable[ShortfallState] = TransitionTable(
    ShortfallState,
    {
        S.OPEN: Rule(frozenset({S.HEALED, S.CANCELLED}), 3 * _DAY, "stock", "receive stock, or cancel the units"),
        S.HEALED: Rule(frozenset()),
        S.CANCELLED: Rule(frozenset()),
    },
)


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Where the units of a pick task are, as totals; `live` is what still ships or has shipped."""

    live: int
    unpicked: int
    packed: int
    handed_over: int
    lost: int
    put_back: int
    listed: bool


def task_state(counts: TaskCounts) -> TaskState:
    """Give the state of a pick task from where its units are."""
    if counts.live == 0:
        return T.PUT_BACK if counts.put_back else T.CANCELLED
    if counts.handed_over == counts.live:
        return T.HANDED_OVER
    if counts.packed == counts.live:
        return T.PACKED
    if counts.unpicked == 0:
        return T.SHORT_PICKED if counts.lost else T.PICKED
    return T.ASSIGNED if counts.listed else T.RELEASED


@dataclass(frozen=True, slots=True)
class FulfilmentFacts:
    """What decides the state of a fulfilment order.

    `missing` are units shorted here that have no stock yet; `waits` says that the order ships whole.
    """

    live: int
    packed: int
    handed_over: int
    put_back_due: int
    missing: int
    waits: bool
    held: bool
    started: bool


def fulfilment_state(facts: FulfilmentFacts) -> FulfilmentState:
    """Give the state of a fulfilment order from where its units are and what stops it."""
    ships_without = not facts.missing or not facts.waits
    if facts.live == 0 and not facts.missing:
        return F.CANCELLED
    if facts.live and facts.handed_over == facts.live and ships_without:
        return F.HANDED_OVER
    if facts.held:
        return F.ON_HOLD
    return F.CANCEL_REQUESTED if facts.put_back_due else _working_state(facts, ships_without=ships_without)


def _working_state(facts: FulfilmentFacts, *, ships_without: bool) -> FulfilmentState:
    all_packed = facts.live > 0 and facts.packed == facts.live
    if facts.missing and not (all_packed and ships_without):
        return F.INCOMPLETE
    if all_packed:
        return F.PACKED
    return F.IN_PROGRESS if facts.started else F.OPEN
