"""What is to happen to each order and when, and what must come of it: pure, with every assumption named."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from cli.olist.rows import ZONE, Item, Purchase

CANCELLED_AFTER = timedelta(hours=24)
PAYMENT_GRACE = timedelta(days=7)
LOST_AFTER = timedelta(days=30)
_NOON = time(12)
_DAY_END = time(23, 59, 59)


class Fate(StrEnum):
    """What must come of an order."""

    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    LOST = "lost, with a case"
    WAITING = "waiting, with an open case"
    REFUSED = "refused with 422"


class Assumption(StrEnum):
    """What the data do not say, and what is done instead."""

    CANCELLED = f"cancelled, without a time: cancelled {CANCELLED_AFTER.total_seconds() / 3600:.0f} h after approval"
    UNAPPROVED = "handed over without an approval time: the payment is reported at the hand-over"
    APPROVED_LATE = "handed over before its approval: the payment is reported at the hand-over"
    DELIVERED_FIRST = "delivered before its hand-over: handed over when the data say, then the earlier delivery is told"
    NO_DELIVERY_TIME = "delivered, without a time: at noon of the promised day; not among the judged flags"
    LOST = (
        f"shipped, without an end: one scan at the hand-over, and {LOST_AFTER.days} days later, yet not before the "
        "promise's end, the carrier says lost"
    )


_FATES = {
    "delivered": Fate.DELIVERED,
    "shipped": Fate.LOST,
    "canceled": Fate.CANCELLED,
    "processing": Fate.WAITING,
    "invoiced": Fate.WAITING,
    "approved": Fate.WAITING,
    "created": Fate.WAITING,
    "unavailable": Fate.WAITING,
}


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one product from one seller at one price in cents."""

    reference: str
    product: str
    seller: str
    price: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One order: when what happens to it, and its fate; times in UTC, None for what never happens."""

    purchase: Purchase
    lines: tuple[Line, ...]
    fate: Fate
    promise_end: datetime
    approved_at: datetime | None = None
    handed_over_at: datetime | None = None
    ends_at: datetime | None = None
    cancelled_at: datetime | None = None
    assumptions: tuple[Assumption, ...] = ()

    @property
    def reference(self) -> str:
        """The order's name in the data and in the suite."""
        return self.purchase.reference

    @property
    def sellers(self) -> tuple[str, ...]:
        """The locations that have a part of it."""
        return tuple(sorted({line.seller for line in self.lines}))

    @property
    def judged(self) -> bool:
        """Whether its delivery time is in the data, so that flags on it can be judged."""
        return self.fate is Fate.DELIVERED and self.purchase.delivered_at is not None

    @property
    def late(self) -> bool:
        """Whether it was delivered after the promised day."""
        delivered = self.purchase.delivered_at
        return delivered is not None and delivered.astimezone(ZONE).date() > self.purchase.promised_on

    @property
    def shipping_price(self) -> int:
        """Freight in cents."""
        return sum(item.freight for item in self.purchase.items)

    @property
    def total(self) -> int:
        """Lines and freight in cents."""
        return self.shipping_price + sum(item.price for item in self.purchase.items)


def plan(purchase: Purchase) -> Plan:
    """Decide what happens to an order."""
    lines = lines_of(purchase.items)
    end = datetime.combine(purchase.promised_on, _DAY_END, ZONE).astimezone(UTC)
    if not lines:
        return Plan(purchase, (), Fate.REFUSED, end)
    fate = _FATES.get(purchase.status, Fate.WAITING)
    if fate is Fate.CANCELLED:
        return _cancelled(purchase, lines, end)
    handed_over_at = purchase.handed_over_at
    if fate is Fate.WAITING or handed_over_at is None:
        return Plan(purchase, lines, Fate.WAITING, end, approved_at=purchase.approved_at)
    approved_at, assumed = _approval(purchase.approved_at, handed_over_at)
    ends_at, also_assumed = _end(purchase, fate, handed_over_at, end)
    return Plan(
        purchase,
        lines,
        fate,
        end,
        approved_at=approved_at,
        handed_over_at=handed_over_at,
        ends_at=ends_at,
        assumptions=(*assumed, *also_assumed),
    )


def lines_of(items: Iterable[Item]) -> tuple[Line, ...]:
    """Count equal units of an order into lines, in the order in which the data name them."""
    counted = Counter((item.product, item.seller, item.price) for item in items)
    return tuple(Line(str(number), *what, quantity) for number, (what, quantity) in enumerate(counted.items(), start=1))


def _cancelled(purchase: Purchase, lines: tuple[Line, ...], end: datetime) -> Plan:
    return Plan(
        purchase,
        lines,
        Fate.CANCELLED,
        end,
        approved_at=purchase.approved_at,
        cancelled_at=(purchase.approved_at or purchase.purchased_at) + CANCELLED_AFTER,
        assumptions=(Assumption.CANCELLED,),
    )


def _approval(approved_at: datetime | None, handed_over_at: datetime) -> tuple[datetime, tuple[Assumption, ...]]:
    if approved_at is None:
        return handed_over_at, (Assumption.UNAPPROVED,)
    if approved_at > handed_over_at:
        return handed_over_at, (Assumption.APPROVED_LATE,)
    return approved_at, ()


def _end(
    purchase: Purchase, fate: Fate, handed_over_at: datetime, promise_end: datetime
) -> tuple[datetime, tuple[Assumption, ...]]:
    if fate is Fate.LOST:
        return max(promise_end, handed_over_at + LOST_AFTER), (Assumption.LOST,)
    if purchase.delivered_at is None:
        noon = datetime.combine(purchase.promised_on, _NOON, ZONE).astimezone(UTC)
        return max(noon, handed_over_at), (Assumption.NO_DELIVERY_TIME,)
    if purchase.delivered_at < handed_over_at:
        return purchase.delivered_at, (Assumption.DELIVERED_FIRST,)
    return purchase.delivered_at, ()
