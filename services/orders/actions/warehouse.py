"""What the warehouse says of an order's units: planned, picked, packed, handed over, put back, damaged."""

from collections.abc import Sequence

from services.orders.actions import cancelling, remedies
from services.orders.actions.conclusion import finish
from services.orders.actions.work import Work
from services.orders.models import OrderRecord, Parcel
from services.orders.states import RELEASE, ReleaseState
from shared.db import Transaction
from shared.events.base import LineCount, Received
from shared.events.inventory import (
    CancellationAnswered,
    FulfilmentPlanned,
    InventoryEvent,
    ParcelClosed,
    ParcelHandedOver,
    ParcelReopened,
    PickConfirmed,
    PicksPutBack,
    PickStarted,
)


async def apply_planned(tx: Transaction, events: Sequence[Received[FulfilmentPlanned]]) -> None:
    """A location took a release into its plan."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        work.hear(received, record)
        for release in record.releases:
            mine = (release.release_no, release.location) == (event.release_no, event.location)
            if mine and RELEASE.allows(release.state, ReleaseState.PLANNED):
                release.state, release.due_at = ReleaseState.PLANNED, None
    await finish(work)


async def apply_pick_started(tx: Transaction, events: Sequence[Received[PickStarted]]) -> None:
    """A picker is on the way: from now on the order cannot be amended."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        record.head.pick_started_at = record.head.pick_started_at or received.occurred_at
    await finish(work)


async def apply_picked(tx: Transaction, events: Sequence[Received[PickConfirmed]]) -> None:
    """Units lie in the tote."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        record = work.records[received.event.order_id]
        work.hear(received, record)
        record.head.pick_started_at = record.head.pick_started_at or received.occurred_at
        for count in received.event.lines:
            record.line(count.line_id).picked = count.quantity
    await finish(work)


async def apply_packed(tx: Transaction, events: Sequence[Received[ParcelClosed]]) -> None:
    """A parcel is closed."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        work.hear(received, record)
        for count in event.packed:
            record.line(count.line_id).packed = count.quantity
        parcel = record.parcel(event.parcel_id)
        parcel.fulfilment_id, parcel.location = event.fulfilment_id, event.location
        parcel.contents, parcel.closed_at = _contents(event.contents), received.occurred_at
        record.count_parcels()
    await finish(work)


async def apply_reopened(tx: Transaction, events: Sequence[Received[ParcelReopened]]) -> None:
    """A closed parcel was opened again: its units are picked, not packed."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        work.hear(received, record)
        for count in event.packed:
            record.line(count.line_id).packed = count.quantity
        parcel = record.parcel(event.parcel_id)
        parcel.closed_at = parcel.booked_at = None
    await finish(work)


async def apply_handed_over(tx: Transaction, events: Sequence[Received[ParcelHandedOver]]) -> None:
    """A parcel left the house: the storefront learns what to capture for it."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        work.hear(received, record)
        for count in event.handed_over:
            record.line(count.line_id).handed_over = count.quantity
        parcel = record.parcel(event.parcel_id)
        parcel.contents = parcel.contents or _contents(event.contents)
        parcel.handed_over_at = received.occurred_at
        parcel.position = parcel.position or "handed_over"
        parcel.tracking_number = parcel.tracking_number or event.tracking_number
        record.count_parcels()
        parcel.amount_due = _amount_due(record, parcel)
        record.head.handed_over_at = received.occurred_at
        data = {**parcel_summary(parcel), "amount_due": parcel.amount_due, "currency": record.head.currency}
        work.announce(record, "shipment.handed_over", data)
    await finish(work)


async def apply_put_back(tx: Transaction, events: Sequence[Received[PicksPutBack]]) -> None:
    """Cancelled units lie on their shelf again: now they count as cancelled."""
    work = await Work.open_linked(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        work.hear(received, record)
        before = sum(line.cancelled_units for line in record.lines)
        for count in event.lines:
            record.line(count.line_id).put_back = count.quantity
        if sum(line.cancelled_units for line in record.lines) > before:
            cancelling.say_cancelled(work, record, event.cancellation_id or record.cancellations[-1].id)
            remedies.reship_cancelled(work, record)
    await finish(work)


async def apply_answered(tx: Transaction, events: Sequence[Received[CancellationAnswered]]) -> None:
    """The one answer to a request to cancel; an inventory that was restored gives it again."""
    work = await Work.open_linked(tx, (received.event.order_id for received in events))
    for received in events:
        event, record = received.event, work.records[received.event.order_id]
        if cancelling.was_answered(record, event.cancellation_id, event.outcomes):
            continue
        work.hear(received, record)
        row = cancelling.answer(work, record, event.cancellation_id, event.outcomes)
        remedies.cancellation_answered(work, record, row)
        remedies.reship_cancelled(work, record)
    await finish(work)


async def note(tx: Transaction, events: Sequence[Received[InventoryEvent]]) -> None:
    """Put documents of the warehouse on the timeline."""
    work = await Work.open(tx, (received.event.order_id for received in events))
    for received in events:
        work.hear(received, work.records[received.event.order_id])
    await work.save()


def _contents(lines: Sequence[LineCount]) -> list[dict[str, object]]:
    return [line.model_dump(mode="json") for line in lines]


def parcel_summary(parcel: Parcel) -> dict[str, object]:
    """Say in a public event which parcel it is about."""
    return {
        "shipment_id": str(parcel.shipment_id) if parcel.shipment_id else None,
        "parcel_id": str(parcel.id),
        "carrier": parcel.carrier,
        "service": parcel.service,
        "tracking_number": parcel.tracking_number,
        "tracking_url": parcel.tracking_url,
        "lines": parcel.contents,
    }


def _amount_due(record: OrderRecord, parcel: Parcel) -> int:
    """Give the share of this parcel in minor units: its lines by units, shipping with the first parcel.

    A line's last units take what rounding left, so that all parcels add up to the order's total.
    """
    others = [one for one in record.parcels if one.amount_due is not None and one is not parcel]
    due = 0 if others else record.head.shipping_price
    for entry in parcel.contents:
        line = next(line for line in record.lines if str(line.id) == entry["line_id"])
        before = sum(
            int(str(sent["quantity"])) for one in others for sent in one.contents if sent["line_id"] == str(line.id)
        )
        until = min(line.quantity, before + int(str(entry["quantity"])))
        if line.quantity:
            due += line.total * until // line.quantity - line.total * min(before, line.quantity) // line.quantity
    return due
