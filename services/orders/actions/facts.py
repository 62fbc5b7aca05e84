"""How each fact is told: its sentence on the timeline, who may read it, which stage it describes, its public event."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.orders.models import Document, OrderRecord
from shared.events.base import Event, Progress


@dataclass(frozen=True, slots=True)
class Telling:
    """A fact's row: `stage` is the bucket whose units its progress speaks of, `rank` breaks ties of time."""

    what: str
    public: bool = False
    stage: str = ""
    rank: int = 0
    subject: str = ""


TELLINGS: Mapping[str, Telling] = {
    "order_placed": Telling("Order received", public=True, stage="open", rank=0),
    "promise_made": Telling("Delivery date promised", public=True),
    "order_rejected": Telling("Order refused", public=True),
    "order_amended": Telling("Order changed", public=True),
    "hold_applied": Telling("Order on hold"),
    "hold_released": Telling("Hold released"),
    "cancellation_requested": Telling("Cancellation requested", public=True),
    "lines_cancelled": Telling("Items cancelled", public=True),
    "lines_written_off": Telling("Items given up"),
    "order_cancelled": Telling("Order cancelled", public=True),
    "order_completed": Telling("Order completed", public=True),
    "order_released": Telling("Handed to the warehouse", public=True, stage="reserved", rank=3),
    "promise_revised": Telling("New delivery date", public=True),
    "promise_settled": Telling("Promise settled"),
    "payment_reported": Telling("Payment reported"),
    "customer_erased": Telling("Customer's data erased"),
    "remedy_executed": Telling("Remedy carried out", public=True),
    "remedy_refused": Telling("Remedy could not be carried out"),
    "stock_reserved": Telling("Items reserved", public=True, stage="reserved", rank=2),
    "stock_backordered": Telling("Waiting for stock", public=True, stage="backordered", rank=1),
    "reservation_released": Telling("Reservation released"),
    "fulfilment_planned": Telling("Scheduled for picking", stage="reserved", rank=4, subject="fulfilment_id"),
    "pick_started": Telling("Picking started", public=True, stage="reserved", rank=5, subject="fulfilment_id"),
    "pick_confirmed": Telling("Items picked", stage="picked", rank=7, subject="fulfilment_id"),
    "pick_shorted": Telling("Items missing at the shelf"),
    "shortfall_opened": Telling("No other stock for the missing items", stage="backordered", rank=6, subject="line_id"),
    "shortfall_healed": Telling("Missing items found elsewhere"),
    "parcel_damaged": Telling("Items damaged before dispatch"),
    "parcel_closed": Telling("Parcel packed", public=True, stage="packed", rank=8, subject="parcel_id"),
    "parcel_reopened": Telling("Parcel opened again", stage="picked", rank=8, subject="parcel_id"),
    "parcel_handed_over": Telling(
        "Handed to the carrier", public=True, stage="in_transit", rank=10, subject="parcel_id"
    ),
    "picks_put_back": Telling("Items put back on the shelf"),
    "cancellation_answered": Telling("Cancellation answered"),
    "shipment_booked": Telling("Label bought", public=True, stage="packed", rank=9, subject="parcel_id"),
    "booking_failed": Telling("The carrier refused the label", stage="packed", rank=9, subject="parcel_id"),
    "booking_unknown": Telling("The carrier's answer was lost", stage="packed", rank=9, subject="parcel_id"),
    "label_void_requested": Telling("Label given back"),
    "label_voided": Telling("Carrier answered for the label given back"),
    "shipment_progressed": Telling("Carrier scan", public=True, stage="in_transit", rank=11, subject="parcel_id"),
    "shipment_delivered": Telling("Delivered", public=True),
    "exception_raised": Telling("Exception raised"),
    "exception_cleared": Telling("Exception cleared"),
    "case_opened": Telling("Case opened"),
    "case_updated": Telling("Case updated"),
    "case_resolved": Telling("Case resolved"),
    "remedy_granted": Telling("Remedy granted"),
    "customer_notified": Telling("Customer informed", public=True),
    "feedback_received": Telling("Feedback received"),
}

# Steps in the order units take them: the first that still has units is the one that blocks.
STAGES = ("open", "backordered", "reserved", "picked", "packed", "in_transit")
_LEFT_OUT = {"order_id", "progress", "lines", "destination", "packed", "handed_over", "grant"}


def name_of(fact: Event) -> str:
    """Give `stock_reserved` for `doorstep.inventory.stock_reserved.v1`."""
    return fact.event_type.split(".")[2]


def details_of(fact: Event) -> Document:
    """Give what the timeline keeps of a fact: its own fields, references rather than lists of lines."""
    return fact.model_dump(mode="json", exclude=_LEFT_OUT, exclude_defaults=True)


def progress_of(fact: Event) -> Progress | None:
    """Give the progress a fact carries, if any."""
    progress = getattr(fact, "progress", None)
    return progress if isinstance(progress, Progress) else None


def order_summary(record: OrderRecord) -> Document:
    """Say in a public event which order it is about and where it stands."""
    head, promise = record.head, record.promise
    return {
        "id": str(head.id),
        "number": head.number,
        "reference": head.reference,
        "status": str(head.state),
        "fulfilment_status": str(record.fulfilment_status),
        "payment_status": head.payment_status,
        "promise": {
            "revision": promise.revision,
            "ship_by": promise.ship_by.isoformat(),
            "deliver_by_latest": promise.deliver_by_latest.isoformat(),
        },
    }
