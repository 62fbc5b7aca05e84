"""Allocation: stock is locked once, then orders are served in turn from memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.inventory.actions.cut_offs import next_dispatch
from services.inventory.actions.routing import Ask, Placement, Site, route
from services.inventory.queries import inbounds, locations, reservations, stock
from services.inventory.queries.inbounds import Supply
from services.inventory.queries.locations import Location
from services.inventory.queries.reservations import Demand
from shared.db import Transaction


@dataclass(slots=True)
class Shelf:
    """Locked stock of some SKUs: what is free of it, and the calendars of where it lies."""

    now: datetime
    free: dict[stock.Key, int]
    locations: Mapping[str, Location]
    _places: dict[str, list[str]] = field(default_factory=dict)
    _sites: dict[tuple[str, str, datetime, datetime, str], Site] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for sku, location in self.free:
            self._places.setdefault(sku, []).append(location)

    def serve(self, demand: Demand, asks: Sequence[Ask]) -> list[Placement]:
        """Place an order's lines and take the units off the shelf."""
        codes = {code for ask in asks for code in self._places.get(ask.sku, ()) if self.free[ask.sku, code] > 0}
        sites = [self._site(demand, code) for code in codes if self.locations[code].active]
        placements = route(asks, self.free, sites)
        for placement in placements:
            self.free[placement.ask.sku, placement.location] -= placement.quantity
        return placements

    def _site(self, demand: Demand, code: str) -> Site:
        location = self.locations[code]
        ready_at = max(self.now, demand.ship_after or self.now)
        key = (code, demand.service_level, ready_at, demand.ship_by, demand.country_code)
        if key not in self._sites:
            truck_at = next_dispatch(location, demand.service_level, ready_at).truck_at
            near = location.country_code == demand.country_code
            self._sites[key] = Site(code, truck_at, keeps_promise=truck_at <= demand.ship_by, is_near=near)
        return self._sites[key]


async def open_shelf(tx: Transaction, asks: Iterable[Ask]) -> Shelf:
    """Lock the stock that could serve these lines, everywhere, in (SKU, location) order."""
    pinned = {(ask.sku, ask.pinned) for ask in asks if ask.pinned is not None}
    anywhere = {ask.sku for ask in asks if ask.pinned is None}
    rows = await stock.lock_reachable(tx, anywhere, {(sku, code) for sku, code in pinned if code is not None})
    return await shelf_of(tx, rows)


async def shelf_of(tx: Transaction, rows: Mapping[stock.Key, stock.Stock]) -> Shelf:
    """Make a shelf of stock that is locked already."""
    free = {key: row.available for key, row in rows.items()}
    known = await locations.get_locations(tx, {code for _, code in free}) if free else {}
    return Shelf(tx.now, free, known)


@dataclass(slots=True)
class Arrivals:
    """What open inbounds will bring, handed out to those who wait, first in line first."""

    supply: dict[str, list[Supply]]
    taken: dict[tuple[str, int], int] = field(default_factory=dict)

    def promise(self, sku: str, pinned: str | None, quantity: int) -> datetime | None:
        """Take `quantity` units; give when the last of them is expected, None if nothing is announced for it."""
        expected_at: datetime | None = None
        for place, coming in enumerate(self.supply.get(sku, ())):
            left = coming.quantity - self.taken.get((sku, place), 0)
            if quantity == 0:
                break
            if left <= 0 or pinned not in {None, coming.location}:
                continue
            units = min(left, quantity)
            self.taken[sku, place] = self.taken.get((sku, place), 0) + units
            quantity -= units
            expected_at = coming.expected_at
        return expected_at if quantity == 0 else None


async def read_arrivals(tx: Transaction, skus: Iterable[str], *, behind_queue: bool) -> Arrivals:
    """Read the supply of SKUs; `behind_queue` leaves what those already waiting will take out."""
    wanted = sorted(set(skus))
    supply: dict[str, list[Supply]] = {}
    for coming in await inbounds.list_supply(tx, wanted) if wanted else ():
        supply.setdefault(coming.sku, []).append(coming)
    arrivals = Arrivals(supply)
    if behind_queue and supply:
        for sku, pinned, quantity in await reservations.list_queue(tx, supply.keys()):
            arrivals.promise(sku, pinned, quantity)
    return arrivals


def missing_units(asks: Sequence[Ask], placements: Sequence[Placement]) -> list[tuple[Ask, int]]:
    """Give for each line how many of its units found no place."""
    placed: dict[UUID, int] = {}
    for placement in placements:
        placed[placement.ask.line_id] = placed.get(placement.ask.line_id, 0) + placement.quantity
    return [
        (ask, ask.quantity - placed.get(ask.line_id, 0)) for ask in asks if ask.quantity > placed.get(ask.line_id, 0)
    ]
