"""The event door: what other services' facts make shipping do."""

from services.shipping.actions import forgetting, shipments
from shared.consumer import EventRouter
from shared.db import Transaction
from shared.events.base import Received
from shared.events.inventory import LocationSaved, ParcelClosed, ParcelHandedOver, ParcelReopened
from shared.events.orders import CustomerErased, OrderCancelled, OrderPlaced, PromiseRevised

router = EventRouter()


@router.on(OrderPlaced)
async def on_order_placed(tx: Transaction, events: list[Received[OrderPlaced]]) -> None:
    """Keep what booking will need."""
    await shipments.keep_orders(tx, events)


@router.on(PromiseRevised)
async def on_promise_revised(tx: Transaction, events: list[Received[PromiseRevised]]) -> None:
    """Choose rates by the date that is promised now."""
    await shipments.note_promises(tx, events)


@router.on(OrderCancelled)
async def on_order_cancelled(tx: Transaction, events: list[Received[OrderCancelled]]) -> None:
    """Give back the labels of what will not leave."""
    await shipments.stop_cancelled(tx, events)


@router.on(LocationSaved)
async def on_location_saved(tx: Transaction, events: list[Received[LocationSaved]]) -> None:
    """Know where parcels leave from."""
    await shipments.keep_locations(tx, events)


@router.on(ParcelClosed)
async def on_parcel_closed(tx: Transaction, events: list[Received[ParcelClosed]]) -> None:
    """Plan a shipment."""
    await shipments.plan_shipments(tx, events)


@router.on(ParcelReopened)
async def on_parcel_reopened(tx: Transaction, events: list[Received[ParcelReopened]]) -> None:
    """The parcel travels with no label until it is closed again."""
    await shipments.unpack_shipments(tx, events)


@router.on(ParcelHandedOver)
async def on_parcel_handed_over(tx: Transaction, events: list[Received[ParcelHandedOver]]) -> None:
    """The parcel is the carrier's now."""
    await shipments.hand_over(tx, events)


@router.on(CustomerErased)
async def on_customer_erased(tx: Transaction, events: list[Received[CustomerErased]]) -> None:
    """Delete label files, and where the carrier scanned what for whom."""
    await forgetting.erase_customers(tx, events)
