"""The packing bench waits for its label: book at once, in the caller's time, and give what was bought."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from services.shipping.actions.booking import Done, claim_bookings, perform
from services.shipping.actions.labels import live_label
from services.shipping.actions.moves import S, status_of
from services.shipping.actions.outcomes import record_booking
from services.shipping.carriers.registry import ADAPTER
from services.shipping.errors import BookingRefusedError, LabelNotReadyError
from services.shipping.models import Shipment, ShippingLabel
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as queries
from shared import clock
from shared.db import Database, Transaction
from shared.errors import PausedError
from shared.jobs import Outcome
from shared.switches import is_paused

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class PrintableLabel:
    """A live label with its file, as a bench prints it."""

    shipment: Shipment
    label: ShippingLabel
    media_type: str
    content: bytes


async def label_at_once(database: Database, parcel_id: UUID, wait_seconds: float) -> PrintableLabel:
    """Give a parcel's label, bought now if need be, within `wait_seconds` of real time.

    Raises BookingRefusedError with the carrier's reason, PausedError, or LabelNotReadyError when the
    time is over: the booking goes on, so asking again is safe.
    """
    deadline = clock.monotonic() + wait_seconds
    while True:
        async with database.transaction(cause=f"bench:{parcel_id}") as tx:
            ready, shipment_id = await _look(tx, parcel_id)
        if ready is not None:
            return ready
        booked = shipment_id is not None and await _book_now(database, shipment_id)
        left = deadline - clock.monotonic()
        if left <= 0:
            raise LabelNotReadyError("the label is not here yet; ask again", headers={"Retry-After": "1"})
        if not booked:
            await asyncio.sleep(min(_POLL_SECONDS, left))


async def _look(tx: Transaction, parcel_id: UUID) -> tuple[PrintableLabel | None, UUID | None]:
    """Give the label if it is here, else the shipment to book if its parcel's event has arrived."""
    shipment = await queries.get_shipment_of_parcel(tx, parcel_id)
    if shipment is None:
        return None, None
    status = status_of(shipment)
    if status is S.BOOKING_FAILED:
        detail = shipment.failure_reason or "the carrier refused the parcel"
        raise BookingRefusedError(detail, extra={"carrier_code": shipment.failure_code})
    if status in {S.PENDING, S.BOOKING} and await is_paused(
        tx, label_queries.BOOKING_SWITCH, ADAPTER, shipment.location
    ):
        raise PausedError("booking is paused by an operator")
    if status in {S.VOIDED, S.VOID_REQUESTED, S.VOID_REFUSED}:
        raise LabelNotReadyError(f"the shipment is {status}: close the parcel again for a new label")
    if status in {S.PENDING, S.BOOKING, S.BOOKING_UNKNOWN}:
        return None, shipment.id
    label = await live_label(tx, shipment)
    file = await label_queries.get_file(tx, label.id)
    return (PrintableLabel(shipment, label, *file) if file is not None else None), None


async def _book_now(database: Database, shipment_id: UUID) -> bool:
    """Make the shipment's due call here, unless a worker is making it; says whether it was made."""
    async with database.transaction(cause=f"bench:{shipment_id}") as tx:
        works = await claim_bookings(tx, shipment_id)
    for work in works:
        outcome: Outcome[Done]
        try:
            outcome = Outcome(result=await perform(work))
        except Exception as error:  # noqa: BLE001 - record decides what a failure means
            outcome = Outcome(error=error)
        async with database.transaction(cause=f"bench:{shipment_id}") as tx:
            await record_booking(tx, work, outcome)
    return bool(works)
