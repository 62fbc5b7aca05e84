"""The external facts of a replay in the order in which they happen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from cli.olist.plan import Plan


class Deed(IntEnum):
    """What somebody outside does, in the order in which it is done when all fall into one slot."""

    PURCHASE = 1
    APPROVE = 2
    CANCEL = 3
    PACK = 4
    HAND_OVER = 5


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """Something that is done at a moment."""

    at: datetime
    deed: Deed
    reference: str


class Facts:
    """All facts to come; each is given out once."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = sorted(facts)
        self._next = 0

    @property
    def next_at(self) -> datetime | None:
        """When the next fact happens."""
        return self._facts[self._next].at if self._next < len(self._facts) else None

    @property
    def last_at(self) -> datetime:
        """When the last fact of all happens."""
        return self._facts[-1].at

    def take(self, until: datetime) -> list[Fact]:
        """Give what happens up to and including a moment."""
        start = self._next
        while self._next < len(self._facts) and self._facts[self._next].at <= until:
            self._next += 1
        return self._facts[start : self._next]


def facts_of(plan: Plan, lead: timedelta) -> list[Fact]:
    """Give what is done about an order; it is picked and packed `lead` before its hand-over, yet never unpaid."""
    purchased = plan.purchase.purchased_at
    facts = [Fact(purchased, Deed.PURCHASE, plan.reference)]
    if plan.approved_at is not None:
        facts.append(Fact(max(plan.approved_at, purchased), Deed.APPROVE, plan.reference))
    if plan.cancelled_at is not None:
        facts.append(Fact(plan.cancelled_at, Deed.CANCEL, plan.reference))
    if plan.handed_over_at is not None:
        paid = max(plan.approved_at or plan.handed_over_at, purchased)
        facts.append(Fact(max(paid, plan.handed_over_at - lead), Deed.PACK, plan.reference))
        facts.append(Fact(max(paid, plan.handed_over_at), Deed.HAND_OVER, plan.reference))
    return facts
