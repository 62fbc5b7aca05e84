"""Holds what the services say against the data: outcomes order by order, conservation of units, flags. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from cli.olist import flags
from cli.olist.evidence import CaseSeen, EffectSeen, Evidence, ExceptionSeen, OrderSeen, StockSeen
from cli.olist.flags import Judged, Score
from cli.olist.plan import Fate, Plan
from cli.olist.wire import Pair

_TERMINAL = frozenset({"completed", "cancelled", "rejected"})
_CLOSED = frozenset({"resolved", "closed", "self_healed", "false_positive"})
_SECOND = timedelta(seconds=1)
ANY_LEVEL = frozenset({"at_risk", "predicted", "breached", "suspected", "confirmed"})
PREDICTED = frozenset({"predicted"})


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An order that ended otherwise than the data say."""

    reference: str
    olist_status: str
    expected: str
    actual: str


@dataclass(slots=True)
class Conservation:
    """What must never happen, each with the names of whom it happened to."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    oversold: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    unbalanced_lines: list[str] = field(default_factory=list)
    unbalanced_stock: list[str] = field(default_factory=list)

    def as_counts(self) -> dict[str, int]:
        """Count each."""
        return {
            "lost": len(self.lost),
            "doubled": len(self.doubled),
            "oversold": len(self.oversold),
            "stuck": len(self.stuck),
            "unbalanced_lines": len(self.unbalanced_lines),
            "unbalanced_stock": len(self.unbalanced_stock),
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it all."""

    outcomes: Mapping[tuple[str, str, str], int]
    mismatches: Sequence[Mismatch]
    conservation: Conservation
    scores: Sequence[Score]
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Run:
    """What was done: plans by reference, references accepted and refused, units received."""

    plans: Mapping[str, Plan]
    accepted: Mapping[str, UUID]
    refused: Mapping[str, Sequence[str]]
    received: Mapping[Pair, int]


def judge(run: Run, evidence: Evidence) -> Verdict:
    """Judge a finished replay."""
    orders = {order.reference: order for order in evidence.orders}
    opened, ever = open_cases(evidence.cases), frozenset(case.order_id for case in evidence.cases)
    outcomes: Counter[tuple[str, str, str]] = Counter()
    mismatches: list[Mismatch] = []
    for plan in run.plans.values():
        actual = outcome_of(plan, orders.get(plan.reference), run, opened, ever)
        outcomes[plan.purchase.status, str(plan.fate), actual] += 1
        if actual != plan.fate:
            mismatches.append(Mismatch(plan.reference, plan.purchase.status, str(plan.fate), actual))
    judged = [
        Judged(plan.reference, plan.promise_end, plan.purchase.delivered_at, plan.late)
        for plan in run.plans.values()
        if plan.judged and plan.purchase.delivered_at is not None
    ]
    return Verdict(
        outcomes=outcomes,
        mismatches=mismatches,
        conservation=conserve(run, evidence, opened),
        scores=scores_of(judged, evidence.risks, {order.id: order.reference for order in evidence.orders}),
        units=units_of(evidence.orders),
    )


def outcome_of(plan: Plan, order: OrderSeen | None, run: Run, opened: frozenset[UUID], ever: frozenset[UUID]) -> str:
    """Say in the plan's words what became of an order, or how it differs."""
    if order is None:
        return _refusal(plan, run)
    ordered = sum(line.quantity for line in order.lines)
    if order.status == "cancelled" and sum(line.cancelled for line in order.lines) == ordered:
        return str(Fate.CANCELLED)
    if order.status == "completed" and sum(line.lost for line in order.lines) == ordered:
        return str(Fate.LOST) if order.id in ever else "lost, without a case"
    if order.status == "completed" and sum(line.delivered for line in order.lines) == ordered:
        return _delivery(plan, order)
    if order.status in _TERMINAL:
        return f"{order.status}, in part"
    return str(Fate.WAITING) if order.id in opened else f"{order.status}, without a case"


def _refusal(plan: Plan, run: Run) -> str:
    if plan.reference not in run.refused:
        return "never answered" if plan.reference not in run.accepted else "accepted, then gone"
    pointers = run.refused[plan.reference]
    return str(Fate.REFUSED) if list(pointers) == ["/lines"] else f"refused for {', '.join(pointers)}"


def _delivery(plan: Plan, order: OrderSeen) -> str:
    """Compare the delivery's time and the promise's outcome with the data."""
    if any(parcel.delivered_at is None for parcel in order.shipments) or not order.shipments:
        return "delivered, without a delivery time"
    last = max(parcel.delivered_at for parcel in order.shipments if parcel.delivered_at is not None)
    if plan.ends_at is None or abs(last - plan.ends_at) > _SECOND:
        return f"delivered at {last.isoformat()}, not at {plan.ends_at}"
    if plan.judged and order.promise.outcome != ("broken" if plan.late else "kept"):
        return f"delivered, the promise {order.promise.outcome}"
    return str(Fate.DELIVERED)


def open_cases(cases: Iterable[CaseSeen]) -> frozenset[UUID]:
    """Name the orders with an open case."""
    return frozenset(case.order_id for case in cases if case.state not in _CLOSED)


def is_over(orders: Iterable[OrderSeen], opened: frozenset[UUID]) -> bool:
    """Say whether every order has ended or has an open case."""
    return all(order.status in _TERMINAL or order.id in opened for order in orders)


def conserve(run: Run, evidence: Evidence, opened: frozenset[UUID]) -> Conservation:
    """Look for orders and units that were lost, doubled, oversold or stuck."""
    result = Conservation()
    seen = Counter(order.reference for order in evidence.orders)
    result.lost = sorted(set(run.accepted) - set(seen))
    result.doubled = [f"order {reference}" for reference, count in sorted(seen.items()) if count > 1]
    result.doubled += [f"parcel {number}" for number in _shared_numbers(evidence.orders)]
    result.doubled += [f"order {order.reference} is not of this replay" for order in _strangers(run, evidence)]
    for order in evidence.orders:
        result.unbalanced_lines += [
            f"{order.reference} line {line.sku}: {line.accounted} of {line.quantity}"
            for line in order.lines
            if line.accounted != line.quantity
        ]
        if not is_over([order], opened):
            result.stuck.append(f"{order.reference}: {order.status}")
    result.oversold, result.unbalanced_stock = _stock(run, evidence)
    return result


def _shared_numbers(orders: Iterable[OrderSeen]) -> list[str]:
    numbers = Counter(parcel.tracking_number for order in orders for parcel in order.shipments)
    return sorted(number for number, count in numbers.items() if number and count > 1)


def _strangers(run: Run, evidence: Evidence) -> list[OrderSeen]:
    return [order for order in evidence.orders if order.reference not in run.plans]


def _stock(run: Run, evidence: Evidence) -> tuple[list[str], list[str]]:
    """Hold stock against receipts, orders and the ledger's sums; gives what is oversold and what does not add up."""
    shipped, held = units_at(evidence.orders)
    sums = ledger_sums(evidence.effects)
    oversold: list[str] = []
    unbalanced: list[str] = []
    for row in evidence.stock:
        pair = row.sku, row.location
        received = run.received.get(pair, 0)
        if row.available < 0 or shipped[pair] + held[pair] > received:
            oversold.append(f"{row.sku}@{row.location}: {shipped[pair] + held[pair]} of {received}")
        expected = received - shipped[pair], held[pair]
        if (row.on_hand, row.reserved) != expected or _buckets(row) != sums[pair]:
            buckets, wanted = (row.on_hand, row.reserved), f"expected {expected}, the ledger says {sums[pair]}"
            unbalanced.append(f"{row.sku}@{row.location}: {buckets}, {wanted}")
    known = {(row.sku, row.location) for row in evidence.stock}
    unbalanced += [f"{sku}@{location}: no stock row" for sku, location in sorted(set(run.received) - known)]
    return oversold, unbalanced


def units_at(orders: Iterable[OrderSeen]) -> tuple[Counter[Pair], Counter[Pair]]:
    """Count per SKU and location the units that have left, and those still held for orders."""
    shipped: Counter[Pair] = Counter()
    held: Counter[Pair] = Counter()
    for order in orders:
        for line in order.lines:
            pair = line.sku, line.location or ""
            shipped[pair] += line.in_transit + line.delivered + line.lost + line.returned_to_sender
            held[pair] += line.reserved + line.picked + line.packed
    return shipped, held


def ledger_sums(effects: Iterable[EffectSeen]) -> defaultdict[Pair, tuple[int, int, int, int]]:
    """Add the ledger's rows up per SKU and location."""
    sums: defaultdict[Pair, tuple[int, int, int, int]] = defaultdict(lambda: (0, 0, 0, 0))
    for row in effects:
        on_hand, reserved, damaged, quarantined = sums[row.sku, row.location]
        sums[row.sku, row.location] = (
            on_hand + row.on_hand,
            reserved + row.reserved,
            damaged + row.damaged,
            quarantined + row.quarantined,
        )
    return sums


def units_of(orders: Iterable[OrderSeen]) -> dict[str, int]:
    """Count units by where they ended, beside those ordered."""
    names = ("delivered", "cancelled", "lost", "reserved", "in_transit", "picked", "packed", "backordered", "open")
    counted = Counter({"ordered": 0, **dict.fromkeys(names, 0)})
    for order in orders:
        for line in order.lines:
            counted["ordered"] += line.quantity
            for name in names:
                counted[name] += int(getattr(line, name))
    return dict(counted)


def scores_of(judged: Sequence[Judged], risks: Iterable[ExceptionSeen], references: Mapping[UUID, str]) -> list[Score]:
    """Score our flags at both levels, and the baseline."""
    levels = [
        (references[risk.order_id], level.level, level.at)
        for risk in risks
        if risk.order_id is not None and risk.order_id in references
        for level in risk.levels
    ]
    return [
        flags.score("predicted (p50 late)", judged, flags.first_flags(levels, PREDICTED)),
        flags.score("at risk (p80 late)", judged, flags.first_flags(levels, ANY_LEVEL)),
        flags.score("baseline (two days before)", judged, flags.baseline(judged)),
    ]


def _buckets(row: StockSeen) -> tuple[int, int, int, int]:
    return row.on_hand, row.reserved, row.damaged, row.quarantined
