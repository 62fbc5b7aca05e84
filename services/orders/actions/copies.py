"""Read copies of inventory's SKUs, locations and stock; inventory's newest word replaces the one before."""

from collections.abc import Sequence

from services.orders.models import LocationCopy, PublicEvent, SkuCopy, StockCopy
from services.orders.queries import feed, rows
from services.orders.queries.catalogue import list_availability
from shared.db import Transaction
from shared.events.base import Received
from shared.events.inventory import LocationSaved, SkuSaved, StockChanged
from shared.ids import new_id

_CHANGED = "availability.changed"


async def copy_skus(tx: Transaction, events: Sequence[Received[SkuSaved]]) -> None:
    """Keep what intake and promises need of SKUs."""
    await rows.save(
        tx,
        [
            SkuCopy(
                sku=event.sku,
                name=event.name,
                weight_grams=event.weight_grams,
                requires_shipping=event.requires_shipping,
                active=event.active,
                perishable=event.perishable,
                safety=event.safety,
            )
            for event in (received.event for received in events)
        ],
    )


async def copy_locations(tx: Transaction, events: Sequence[Received[LocationSaved]]) -> None:
    """Keep cut-offs and calendars."""
    await rows.save(
        tx,
        [
            LocationCopy(
                code=event.location,
                name=event.name,
                country_code=event.country_code,
                postal_code=event.postal_code,
                zone=event.zone,
                time_zone=event.time_zone,
                cut_offs=[cut_off.model_dump() for cut_off in event.cut_offs],
                holidays=list(event.holidays),
                active=event.active,
            )
            for event in (received.event for received in events)
        ],
    )


async def copy_stock(tx: Transaction, events: Sequence[Received[StockChanged]]) -> None:
    """Keep what is available where."""
    await rows.save(
        tx,
        [
            StockCopy(
                sku=received.event.sku,
                location=received.event.location,
                available=received.event.available,
                backorderable=received.event.backorderable,
                next_available_at=received.event.next_available_at,
                updated_at=received.occurred_at,
            )
            for received in events
        ],
    )
    await _announce(tx, sorted({received.event.sku for received in events}))


async def _announce(tx: Transaction, skus: list[str]) -> None:
    """Tell the storefronts that asked for it what is available now."""
    subscribers = await feed.subscribers(tx, _CHANGED)
    if not subscribers:
        return
    found = await list_availability(tx, skus, len(skus))
    news = [
        PublicEvent(
            id=new_id(),
            storefront_id=subscriber["storefront_id"],
            type=_CHANGED,
            test=subscriber["test"],
            created_at=tx.now,
            data=dict(row),
        )
        for subscriber in subscribers
        for row in found
    ]
    await rows.save(tx, news)
