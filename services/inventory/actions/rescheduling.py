"""Released work follows what becomes of its order: another destination, other dates, another promise."""

from collections.abc import Sequence

from services.inventory.actions import fulfilments
from services.inventory.actions.cut_offs import cut_off_for
from services.inventory.actions.holds import take_off_lists
from services.inventory.models.warehouse import Fulfilment
from services.inventory.queries import pick_lists
from services.inventory.queries.fulfilments import Work, lock_work, save_orders
from services.inventory.queries.locations import Location, get_locations
from services.inventory.states.warehouse import FULFILMENT, FulfilmentState
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import OrderAmended, PromiseRevised


async def amend_work(tx: Transaction, events: Sequence[Received[OrderAmended]]) -> None:
    """Send what is not closed yet to the destination as amended; what may not leave yet is not picked before."""
    works = await lock_work(tx, {event.event.order_id for event in events})
    for event in events:
        work = works.get(event.event.order_id)
        if work is not None:
            work.order.country_code = event.event.destination.country_code
            work.order.postal_zone = event.event.destination.postal_zone
            work.order.ship_after = event.event.ship_after
    await save_orders(tx, [work.order for work in works.values()])
    waiting = [work for work in works.values() if work.order.ship_after is not None and work.order.ship_after > tx.now]
    left_lists = {list_id for work in waiting for list_id in take_off_lists(work)}
    await fulfilments.settle_and_store(tx, waiting)
    await pick_lists.finish_lists(tx, left_lists)


async def move_cut_offs(tx: Transaction, events: Sequence[Received[PromiseRevised]]) -> None:
    """Give unfinished work the truck that keeps the promise as it is now, and tell who watches it."""
    works = await lock_work(tx, {event.event.order_id for event in events})
    for event in events:
        work = works.get(event.event.order_id)
        if work is not None:
            work.order.ship_by = event.event.promise.ship_by
    await save_orders(tx, [work.order for work in works.values()])
    codes = {fulfilment.location for work in works.values() for fulfilment in work.fulfilments}
    places = await get_locations(tx, codes) if codes else {}
    moved = [fulfilment for work in works.values() for fulfilment in _move(tx, work, places)]
    if moved:
        await fulfilments.settle_and_store(tx, works.values())
        await pick_lists.move_cut_offs(tx, [fulfilment.id for fulfilment in moved])
        # What is packed is past planning: its parcels say where it stands.
        await fulfilments.publish_planned(tx, works, [f for f in moved if f.state != FulfilmentState.PACKED])


def _move(tx: Transaction, work: Work, places: dict[str, Location]) -> list[Fulfilment]:
    moved: list[Fulfilment] = []
    for fulfilment in work.fulfilments:
        place = places.get(fulfilment.location)
        cut_off_at = cut_off_for(place, work.order.service_level, work.order.ship_by, tx.now)
        if not FULFILMENT.is_terminal(FulfilmentState(fulfilment.state)) and cut_off_at != fulfilment.cut_off_at:
            fulfilment.cut_off_at = cut_off_at
            moved.append(fulfilment)
    return moved
