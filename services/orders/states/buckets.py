"""Where the units of a line are: one pure function of the absolute totals that the services reported."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, Self

DELIVERED, LOST, RETURNED = "delivered", "lost", "returned_to_sender"
# Positions of a parcel that say that it left the house, in shipping's words.
OUTSIDE = frozenset(
    {
        "handed_over", "picked_up", "in_transit", "out_for_delivery", "delivery_attempted", "available_for_pickup",
        "undeliverable", "returning_to_sender", "delivery_corrected", DELIVERED, LOST, RETURNED,
    }
)  # fmt: skip


class Totals(NamedTuple):
    """What is known of a line's units, each an absolute total of one source; sources may lag behind each other."""

    ordered: int
    backordered: int = 0
    reserved: int = 0  # live reservations, those consumed by hand-over included
    picked: int = 0
    packed: int = 0
    handed_over: int = 0
    delivered: int = 0
    lost: int = 0
    returned_to_sender: int = 0
    cancelled: int = 0
    written_off: int = 0  # of those handed over


class Buckets(NamedTuple):
    """A partition of the ordered units: each unit is in exactly one of these."""

    open: int = 0
    backordered: int = 0
    reserved: int = 0
    picked: int = 0
    packed: int = 0
    in_transit: int = 0
    delivered: int = 0
    cancelled: int = 0
    lost: int = 0
    returned_to_sender: int = 0
    written_off: int = 0

    @classmethod
    def sum(cls, of: Iterable[Self]) -> Self:
        """Add up the buckets of several lines."""
        counts = zip(*of, strict=True)
        return cls(*map(sum, counts))

    @property
    def total(self) -> int:
        """All units."""
        return sum(self)

    @property
    def ended(self) -> int:
        """Units for which nothing more is to come."""
        return self.delivered + self.cancelled + self.lost + self.returned_to_sender + self.written_off

    @property
    def before_pick(self) -> int:
        """Units that nobody has taken from a shelf."""
        return self.open + self.backordered + self.reserved

    @property
    def inside(self) -> int:
        """Units that have not left the house."""
        return self.before_pick + self.picked + self.packed


@lru_cache(maxsize=4096)
def buckets_of(totals: Totals) -> Buckets:
    """Derive the buckets; a later stage implies the earlier ones, so a source that lags cannot hide a unit.

    Units are given out from the surest fact to the least sure: where sources contradict each other for a
    moment, the sum still is `ordered`.
    """
    left = totals.ordered

    def take(count: int) -> int:
        nonlocal left
        taken = max(0, min(count, left))
        left -= taken
        return taken

    ended_outside = totals.delivered + totals.lost + totals.returned_to_sender
    handed_over = max(totals.handed_over, ended_outside)
    packed = max(totals.packed, handed_over)
    picked = max(totals.picked, packed)
    reserved = max(totals.reserved, picked)
    taken = {
        "delivered": take(totals.delivered),
        "lost": take(totals.lost),
        "returned_to_sender": take(totals.returned_to_sender),
        "in_transit": take(handed_over - ended_outside - totals.written_off),
        "cancelled": take(totals.cancelled),
        "written_off": take(totals.written_off),
        "packed": take(packed - handed_over),
        "picked": take(picked - packed),
        "reserved": take(reserved - picked),
        "backordered": take(totals.backordered),
    }
    return Buckets(open=left, **taken)
