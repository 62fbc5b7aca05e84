"""Routing: which locations serve an order. Pure; the caller holds the locks of the stock it passes.

The rule (DOMAIN, Routing): a pinned location is the only one for its line; else one location that keeps the
promise; else the fewest splits; else the earliest date. As many units as possible are placed in any case.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from uuid import UUID

EXACT_LOCATIONS = 8  # up to here every combination is tried; beyond, the location serving most comes first

Free = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Ask:
    """Units of a line that look for stock."""

    line_id: UUID
    sku: str
    quantity: int
    pinned: str | None = None
    avoided: frozenset[str] = frozenset()

    def may_use(self, location: str) -> bool:
        """Say whether the line may be served from `location`."""
        return location not in self.avoided and self.pinned in {None, location}


@dataclass(frozen=True, slots=True)
class Site:
    """A location as one order sees it: when its truck leaves, whether that keeps the promise, whether it is near."""

    code: str
    truck_at: datetime
    keeps_promise: bool
    is_near: bool

    @property
    def rank(self) -> tuple[bool, bool, datetime, str]:
        """Better sites sort first."""
        return not self.keeps_promise, not self.is_near, self.truck_at, self.code


@dataclass(frozen=True, slots=True)
class Placement:
    """Units of a line placed at a location."""

    ask: Ask
    location: str
    quantity: int


def route(asks: Sequence[Ask], free: Free, sites: Sequence[Site]) -> list[Placement]:
    """Place as many units as there are, in as few locations as the rule allows; what is missing is left out."""
    ranked = sorted(sites, key=lambda site: site.rank)
    everything = _place(asks, free, ranked)
    if len({placement.location for placement in everything}) <= 1:
        return everything
    possible = _count(everything)
    for chosen in _choices(asks, free, ranked):
        placements = _place(asks, free, chosen)
        if _count(placements) == possible:
            return placements
    return everything


def _choices(asks: Sequence[Ask], free: Free, ranked: Sequence[Site]) -> Iterator[Sequence[Site]]:
    """Give sets of sites to try: small ones first, better ones first within a size."""
    useful = [site for site in ranked if any(_takes(ask, site, free) for ask in asks)]
    if len(useful) <= EXACT_LOCATIONS:
        for count in range(1, len(useful) + 1):
            yield from combinations(useful, count)
        return
    yield from ([site] for site in useful)
    chosen: list[Site] = []
    while len(chosen) < len(useful):
        rest = [site for site in useful if site not in chosen]
        chosen.append(max(rest, key=lambda site: _count(_place(asks, free, [*chosen, site]))))
        yield list(chosen)


def _takes(ask: Ask, site: Site, free: Free) -> bool:
    return ask.may_use(site.code) and free.get((ask.sku, site.code), 0) > 0


def _count(placements: Sequence[Placement]) -> int:
    return sum(placement.quantity for placement in placements)


def _place(asks: Sequence[Ask], free: Free, chosen: Collection[Site]) -> list[Placement]:
    """Serve lines in order from the chosen sites in order."""
    left: dict[tuple[str, str], int] = {}
    placements: list[Placement] = []
    for ask in asks:
        missing = ask.quantity
        for site in chosen:
            key = (ask.sku, site.code)
            units = min(missing, left.get(key, free.get(key, 0))) if ask.may_use(site.code) else 0
            if units > 0:
                left[key] = left.get(key, free.get(key, 0)) - units
                missing -= units
                placements.append(Placement(ask, site.code, units))
    return placements
