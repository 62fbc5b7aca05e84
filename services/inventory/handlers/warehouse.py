"""Facts of orders and of shipping that start, stop or label the warehouse's work."""

from services.inventory.actions import forgetting, holds, labels, planning
from services.inventory.handlers.table import router
from shared.db import Transaction
from shared.events.base import Received
from shared.events.orders import CustomerErased, HoldApplied, OrderReleased
from shared.events.shipping import BookingFailed, BookingUnknown, LabelVoidRequested, ShipmentBooked


@router.on(OrderReleased)
async def on_order_released(tx: Transaction, events: list[Received[OrderReleased]]) -> None:
    """Plan the picks of released units."""
    await planning.plan_fulfilments(tx, events)


@router.on(HoldApplied)
async def on_hold_applied(tx: Transaction, events: list[Received[HoldApplied]]) -> None:
    """Stop the work on held orders."""
    await holds.stop_work(tx, events)


@router.on(ShipmentBooked)
async def on_shipment_booked(tx: Transaction, events: list[Received[ShipmentBooked]]) -> None:
    """Label parcels."""
    await labels.note_labels(tx, events)


@router.on(BookingFailed)
async def on_booking_failed(tx: Transaction, events: list[Received[BookingFailed]]) -> None:
    """Show at the bench what the carrier refused."""
    await labels.note_failures(tx, events)


@router.on(BookingUnknown)
async def on_booking_unknown(tx: Transaction, events: list[Received[BookingUnknown]]) -> None:
    """Show at the bench that the carrier's answer was lost."""
    await labels.note_unknown(tx, events)


@router.on(LabelVoidRequested)
async def on_label_void_requested(tx: Transaction, events: list[Received[LabelVoidRequested]]) -> None:
    """Keep parcels whose label is given back."""
    await labels.note_voids(tx, events)


@router.on(CustomerErased)
async def on_customer_erased(tx: Transaction, events: list[Received[CustomerErased]]) -> None:
    """Erase what messages and answers may tell of a customer."""
    await forgetting.erase_customers(tx, events)
