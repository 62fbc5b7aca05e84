"""Read copies of inventory's SKUs, locations and stock; inventory's newest word replaces the one before."""

from collections.abc import Sequence

from services.orders.models import LocationCopy, SkuCopy, StockCopy
from services.orders.queries import rows
from shared.db import Transaction
from shared.events.base import Received
from shared.events.inventory import LocationSaved, SkuSaved, StockChanged


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
