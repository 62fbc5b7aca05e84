"""What shipping says of an order's parcels: labels, scans, delivery; applied if it leads anywhere, never refused."""

from collections.abc import Sequence

from services.orders.actions import looking_up, remedies
from services.orders.actions.conclusion import finish
from services.orders.actions.warehouse import parcel_summary
from services.orders.actions.work import Work
from services.orders.models import OrderRecord, Parcel
from services.orders.states import DELIVERED
from shared.db import Transaction
from shared.events.base import LineCount, Received
from shared.events.shipping import ShipmentBooked, ShipmentDelivered, ShipmentProgressed, ShippingEvent

_ANNOUNCED = {
    "in_transit": "shipment.in_transit",
    "out_for_delivery": "shipment.out_for_delivery",
    "available_for_pickup": "shipment.available_for_pickup",
    "returned_to_sender": "shipment.returned",
}


async def apply_booked(tx: Transaction, events: Sequence[Received[ShipmentBooked]]) -> None:
    """A label was bought: the tracking number can be looked up."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        work.hear(received, record)
        parcel = _parcel(record, event)
        parcel.carrier, parcel.service = event.carrier, event.service
        parcel.tracking_number, parcel.tracking_url = event.tracking_number, event.tracking_url
        parcel.booked_at = received.occurred_at
        if event.estimate is not None:
            parcel.estimate_at = event.estimate.deliver_at
        key = looking_up.tracking_key(event.tracking_number)
        work.add(looking_up.entry("tracking", key, record.id, received.occurred_at))
        work.announce(record, "shipment.created", parcel_summary(parcel))
    await finish(work)


async def apply_progressed(tx: Transaction, events: Sequence[Received[ShipmentProgressed]]) -> None:
    """A carrier's fact: position, flags, place, estimate."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        parcel = _apply_scan(work, record, received.event)
        record.count_parcels()
        if received.event.physical_scan:
            remedies.revived(record, parcel)
    await finish(work)


async def apply_delivered(tx: Transaction, events: Sequence[Received[ShipmentDelivered]]) -> None:
    """A parcel lies on the doorstep."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        work.hear(received, record)
        parcel = _parcel(record, event)
        parcel.position, parcel.exception = DELIVERED, ""
        parcel.carrier, parcel.service = event.carrier, event.service
        parcel.tracking_number = event.tracking_number
        parcel.delivered_at, parcel.signed_by = event.delivered_at, event.signed_by
        parcel.contents = parcel.contents or _contents(event.contents)
        record.head.delivered_at = max(record.head.delivered_at or event.delivered_at, event.delivered_at)
        record.count_parcels()
        data = {**parcel_summary(parcel), "delivered_at": event.delivered_at.isoformat()}
        work.announce(record, "shipment.delivered", data)
        remedies.revived(record, parcel)
    await finish(work)


async def note(tx: Transaction, events: Sequence[Received[ShippingEvent]]) -> None:
    """Put what shipping did about a label on the timeline."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        _parcel(record, received.event)
    await finish(work)


def _parcel(record: OrderRecord, event: ShippingEvent) -> Parcel:
    parcel = record.parcel(event.parcel_id)
    parcel.shipment_id = event.shipment_id
    return parcel


def _apply_scan(work: Work, record: OrderRecord, event: ShipmentProgressed) -> Parcel:
    parcel = _parcel(record, event)
    moved = parcel.position != event.position
    parcel.position, parcel.flags, parcel.exception = event.position, list(event.flags), event.exception
    parcel.carrier, parcel.service = event.carrier, event.service
    parcel.tracking_number = event.tracking_number
    parcel.contents = parcel.contents or _contents(event.contents)
    parcel.attempts, parcel.pickup_expires_at = event.attempts, event.pickup_expires_at
    if event.physical_scan:
        parcel.scanned_at, parcel.place = event.scanned_at, event.place.model_dump(mode="json")
    if event.estimate is not None:
        parcel.estimate_at = event.estimate.deliver_at
    if parcel.position != DELIVERED:
        parcel.delivered_at = None
    data = {**parcel_summary(parcel), "status": event.position, "at": event.scanned_at.isoformat()}
    if moved and event.position in _ANNOUNCED:
        work.announce(record, _ANNOUNCED[event.position], data)
    if event.exception:
        work.announce(record, "shipment.exception", {**data, "kind": event.exception, "flags": parcel.flags})
    return parcel


def _contents(lines: Sequence[LineCount]) -> list[dict[str, object]]:
    return [line.model_dump(mode="json") for line in lines]
