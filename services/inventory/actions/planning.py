"""Planning: what orders released becomes fulfilment orders and pick tasks, a location at a time."""

from collections.abc import Sequence
from uuid import UUID

from services.inventory.actions import fulfilments, reservations, shortfalls
from services.inventory.actions.fulfilments import PlannedUnits
from services.inventory.actions.shortfalls import Missing
from services.inventory.models.warehouse import WarehouseOrder
from services.inventory.queries.fulfilments import Work, insert_orders, lock_work
from services.inventory.queries.locations import unknown_locations
from services.inventory.queries.reservations import Demand, Units, list_allocated, lock_orders
from services.inventory.queries.warehouse import count_stages
from shared.db import Transaction
from shared.errors import NotYetError
from shared.events.base import Received
from shared.events.orders import OrderReleased

Place = tuple[UUID, str]


async def plan_fulfilments(tx: Transaction, events: Sequence[Received[OrderReleased]]) -> None:
    """Plan the picks of released units; what lost its reservation meanwhile is reserved again, or is missing.

    Raises NotYetError for orders that stock's side does not know yet, and for locations that it does not know.
    """
    demands = await lock_orders(tx, {event.event.order_id for event in events})
    unknown = frozenset(event.key for event in events if event.event.order_id not in demands)
    if unknown:
        raise NotYetError(unknown, "the order was not placed here yet")
    nowhere = await unknown_locations(tx, {line.location for event in events for line in event.event.lines})
    strangers = frozenset(e.key for e in events if any(line.location in nowhere for line in e.event.lines))
    if strangers:
        raise NotYetError(strangers, f"there is no location {', '.join(sorted(nowhere))} here yet")
    releases = sorted((event.event for event in events), key=lambda r: _urgency(r, demands[r.order_id]))
    await insert_orders(tx, [_order(release, demands[release.order_id]) for release in releases])
    works = await lock_work(tx, demands)
    planned, lost = await _match_reservations(tx, works, releases)
    found = await reservations.reserve_again(tx, [_units(unit) for unit in lost]) if lost else []
    regained, missing = _share_out(lost, found)
    touched = await fulfilments.plan_units(tx, works, [*planned, *regained, *missing])
    await fulfilments.settle_and_store(tx, works.values())
    await fulfilments.publish_planned(tx, works, touched)
    await shortfalls.open_shortfalls(tx, [_missing(works[unit.order_id], unit) for unit in missing])


def _urgency(release: OrderReleased, demand: Demand) -> tuple[object, ...]:
    return release.ship_by, -release.priority, demand.placed_at, release.reference


def _order(release: OrderReleased, demand: Demand) -> WarehouseOrder:
    return WarehouseOrder(
        order_id=release.order_id, number=release.number, reference=release.reference,
        service_level=release.service_level, country_code=release.destination.country_code,
        postal_zone=release.destination.postal_zone, ship_by=release.ship_by, priority=release.priority,
        placed_at=demand.placed_at, ships_partially=demand.partial_shipments == "allowed",
    )  # fmt: skip


async def _match_reservations(
    tx: Transaction, works: dict[UUID, Work], releases: Sequence[OrderReleased]
) -> tuple[list[PlannedUnits], list[PlannedUnits]]:
    """Split released units into those that hold a reservation here and those that have lost it."""
    free: dict[Place, int] = {}
    for units in await list_allocated(tx, works):
        free[units.line_id, units.location] = units.quantity
    for work in works.values():
        for place, stages in count_stages(work).items():
            free[place] = free.get(place, 0) - stages.planned
    planned: list[PlannedUnits] = []
    lost: list[PlannedUnits] = []
    for release in releases:
        for line in release.lines:
            place = (line.line_id, line.location)
            held = max(0, min(line.quantity, free.get(place, 0)))
            free[place] = free.get(place, 0) - held
            unit = PlannedUnits(release.order_id, release.release_no, line.line_id, line.sku, line.location, held)
            if held:
                planned.append(unit)
            if held < line.quantity:
                lost.append(_count(unit, unit.location, line.quantity - held))
    return planned, lost


def _share_out(lost: Sequence[PlannedUnits], found: Sequence[Units]) -> tuple[list[PlannedUnits], list[PlannedUnits]]:
    """Give what was reserved again to the releases that lost it; the rest is missing where it was released."""
    left = {(unit.line_id, unit.location): unit.quantity for unit in found}
    regained: list[PlannedUnits] = []
    missing: list[PlannedUnits] = []
    for unit in lost:
        wanted = unit.quantity
        for place in [place for place in left if place[0] == unit.line_id and left[place]]:
            count = min(wanted, left[place])
            left[place] -= count
            wanted -= count
            if count:
                regained.append(_count(unit, place[1], count))
        if wanted:
            missing.append(_count(unit, unit.location, wanted, missing=wanted))
    return regained, missing


def _count(unit: PlannedUnits, location: str, quantity: int, *, missing: int = 0) -> PlannedUnits:
    return PlannedUnits(unit.order_id, unit.release_no, unit.line_id, unit.sku, location, quantity, missing)


def _units(unit: PlannedUnits) -> Units:
    return Units(unit.order_id, unit.line_id, unit.sku, unit.location, unit.quantity)


def _missing(work: Work, unit: PlannedUnits) -> Missing:
    missed_at = next(
        f for f in reversed(work.fulfilments) if f.location == unit.location and f.release_no == unit.release_no
    )
    return Missing(missed_at, unit.line_id, unit.sku, unit.missing)
