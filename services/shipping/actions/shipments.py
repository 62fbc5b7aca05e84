"""Shipments: planned when a parcel is closed, handed over, retried and repaired."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from services.shipping.actions.estimates import estimate
from services.shipping.actions.labels import ask_for_label, void_label
from services.shipping.actions.moves import S, move, place, publish_progress, status_of
from services.shipping.actions.tracking import apply_facts, listen
from services.shipping.errors import ShipmentNotFoundError
from services.shipping.models import OrderCopy, ParcelLine, Shipment, ShippingLabel, Source, TrackingEvent
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as queries
from services.shipping.queries import tracking as tracking_queries
from services.shipping.states import LABEL_LIVE, Flag, ShipmentStatus, due_at, may_move
from shared.audit import audit
from shared.db import Transaction
from shared.errors import FieldError, IllegalMoveError, InvalidError, NotYetError
from shared.events.base import Received
from shared.events.inventory import LocationSaved, ParcelClosed, ParcelHandedOver, ParcelReopened
from shared.events.orders import OrderCancelled, OrderPlaced, PromiseRevised
from shared.ids import new_id

_REOPENED = frozenset({S.VOID_REQUESTED, S.VOIDED, S.VOID_REFUSED, S.BOOKING_FAILED})
_TO_BE_BOOKED = frozenset({S.PENDING, S.BOOKING, S.BOOKING_UNKNOWN})
_GIVEN_BACK = frozenset({S.VOID_REQUESTED, S.VOIDED, S.VOID_REFUSED})
_BEFORE_HAND_OVER = frozenset(
    {S.PENDING, S.BOOKING, S.BOOKING_UNKNOWN, S.BOOKING_FAILED, S.LABEL_PURCHASED, S.VOID_REFUSED}
)
_AFTER_HAND_OVER = LABEL_LIVE - {S.LABEL_PURCHASED}


async def keep_orders(tx: Transaction, placed: Sequence[Received[OrderPlaced]]) -> None:
    """Keep what booking needs of an order: its reference, service level and promise."""
    orders = [
        OrderCopy(
            order_id=received.event.order_id,
            reference=received.event.reference,
            service_level=received.event.service_level,
            deliver_by=received.event.promise.deliver_by_latest,
            test=received.event.test,
        )
        for received in placed
    ]
    await queries.keep_orders(tx, orders)


async def keep_locations(tx: Transaction, saved: Sequence[Received[LocationSaved]]) -> None:
    """Keep the names of the locations that parcels leave from."""
    await queries.keep_locations(tx, [received.event.location for received in saved])


async def note_promises(tx: Transaction, revised: Sequence[Received[PromiseRevised]]) -> None:
    """Note the dates that are now promised."""
    await queries.note_promises(
        tx, {received.event.order_id: received.event.promise.deliver_by_latest for received in revised}
    )


async def stop_cancelled(tx: Transaction, cancelled: Sequence[Received[OrderCancelled]]) -> None:
    """Give back the labels of cancelled orders' parcels that have not left the house."""
    order_ids = [received.event.order_id for received in cancelled]
    await queries.note_cancelled(tx, order_ids)
    for shipment in await queries.lock_shipments_of_orders(tx, order_ids):
        if status_of(shipment) in _BEFORE_HAND_OVER:
            await void_label(tx, shipment, reason="order cancelled")


async def plan_shipments(tx: Transaction, closed: Sequence[Received[ParcelClosed]]) -> None:
    """Plan a shipment for each closed parcel; raises NotYetError where its order is not known yet."""
    orders = await queries.get_orders(tx, {received.event.order_id for received in closed})
    unknown = {received.key for received in closed if received.event.order_id not in orders}
    if unknown:
        raise NotYetError(frozenset(unknown), "order_placed has not arrived")
    parcels = {received.event.parcel_id for received in closed}
    known = await queries.lock_shipments_of_parcels(tx, parcels)
    for received in closed:
        parcel = received.event
        shipment = known.get(parcel.parcel_id) or _planned(tx, parcel)
        tx.session.add(shipment)
        await tx.session.flush()
        if parcel.parcel_id in known:
            await _plan_again(tx, shipment, parcel)
        elif orders[parcel.order_id].cancelled_at is not None:
            shipment.void_reason = "order cancelled"
            move(shipment, S.VOIDED, tx.now)
        else:
            await ask_for_label(tx, shipment, "png")


def _planned(tx: Transaction, parcel: ParcelClosed) -> Shipment:
    return Shipment(
        id=parcel.parcel_id,  # the carrier knows it by this: it must be the same again in a restored database
        order_id=parcel.order_id,
        parcel_id=parcel.parcel_id,
        location=parcel.location,
        service_level=parcel.service_level,
        country_code=parcel.destination.country_code,
        postal_zone=parcel.destination.postal_zone,
        **_packed(parcel),
        since=tx.now,
        due_at=due_at(S.PENDING, tx.now),
        created_at=tx.now,
    )


class _Packed(TypedDict):
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    contents: list[ParcelLine]


def _packed(parcel: ParcelClosed) -> _Packed:
    return {
        "weight_grams": parcel.weight_grams,
        "length_mm": parcel.length_mm,
        "width_mm": parcel.width_mm,
        "height_mm": parcel.height_mm,
        "contents": [
            {"line_id": str(line.line_id), "sku": line.sku, "quantity": line.quantity} for line in parcel.contents
        ],
    }


async def _plan_again(tx: Transaction, shipment: Shipment, parcel: ParcelClosed) -> None:
    """Book a parcel anew that was reopened, as its void allows, and closed again, unless its order is cancelled."""
    if status_of(shipment) not in _REOPENED or await _is_cancelled(tx, shipment):
        return
    for name, value in _packed(parcel).items():
        setattr(shipment, name, value)
    await _start_again(tx, shipment)


async def _is_cancelled(tx: Transaction, shipment: Shipment) -> bool:
    orders = await queries.get_orders(tx, {shipment.order_id})
    return orders[shipment.order_id].cancelled_at is not None


async def unpack_shipments(tx: Transaction, reopened: Sequence[Received[ParcelReopened]]) -> None:
    """Note parcels that lie open again: scans of the label they had are not theirs; raises NotYetError."""
    known = await queries.lock_shipments_of_parcels(tx, {received.event.parcel_id for received in reopened})
    missing = {received.key for received in reopened if received.event.parcel_id not in known}
    if missing:
        raise NotYetError(frozenset(missing), "no shipment is planned for the parcel")
    for received in reopened:
        known[received.event.parcel_id].reopened_at = received.occurred_at


async def _start_again(tx: Transaction, shipment: Shipment) -> None:
    shipment.failure_code = shipment.failure_reason = shipment.void_reason = shipment.reopened_at = None
    move(shipment, S.PENDING, tx.now)
    await ask_for_label(tx, shipment, "png")


async def hand_over(tx: Transaction, handed_over: Sequence[Received[ParcelHandedOver]]) -> None:
    """Record our dispatch scans; raises NotYetError for a parcel without a shipment, or without a label so far.

    A parcel leaves with a label only, so one that is not booked here is to come: a restored database lags behind.
    """
    known = await queries.lock_shipments_of_parcels(tx, {received.event.parcel_id for received in handed_over})
    missing = {received.key for received in handed_over if received.event.parcel_id not in known}
    if missing:
        raise NotYetError(frozenset(missing), "no shipment is planned for the parcel")
    early = {one.key for one in handed_over if status_of(known[one.event.parcel_id]) in _TO_BE_BOOKED}
    if early:
        raise NotYetError(frozenset(early), "the parcel's label is not booked here yet")
    for received in handed_over:
        shipment = known[received.event.parcel_id]
        if shipment.handed_over_at is not None:
            continue
        label = await label_queries.get_label(tx, shipment.label_id) if shipment.label_id else None
        if label is not None and status_of(shipment) in _GIVEN_BACK:
            _left_all_the_same(tx, shipment, label, received.occurred_at)
            listen(shipment, received.occurred_at)
            continue
        if label is None or status_of(shipment) not in LABEL_LIVE:
            raise IllegalMoveError(f"a shipment that is {shipment.status} cannot be handed over")
        shipment.handed_over_at = received.occurred_at
        # The carrier's first scan may be quicker than our own event.
        if status_of(shipment) is S.LABEL_PURCHASED:
            place(shipment, S.HANDED_OVER, received.occurred_at)
            await estimate(tx, shipment, label, received.occurred_at, None)
            publish_progress(tx, shipment, label, scanned_at=received.occurred_at)
        listen(shipment, received.occurred_at)


def _left_all_the_same(tx: Transaction, shipment: Shipment, label: ShippingLabel, at: datetime) -> None:
    """Record a dispatch scan that was made before the warehouse heard of the void: the parcel has left."""
    shipment.handed_over_at = at
    move(shipment, S.HANDED_OVER, at)
    shipment.flags = sorted({*shipment.flags, Flag.VOIDED_LABEL_USED.value})
    publish_progress(tx, shipment, label, scanned_at=at, exception=Flag.VOIDED_LABEL_USED.value)


async def lock(tx: Transaction, shipment_id: UUID) -> Shipment:
    """Lock a shipment; raises ShipmentNotFoundError."""
    shipment = await queries.lock_shipment(tx, shipment_id)
    if shipment is None:
        raise ShipmentNotFoundError(f"there is no shipment {shipment_id}")
    return shipment


async def void_shipment(tx: Transaction, shipment_id: UUID, *, actor: str, reason: str) -> Shipment:
    """Give a shipment's label back at the wish of staff; audited."""
    shipment = await lock(tx, shipment_id)
    before = shipment.status
    await void_label(tx, shipment, reason=reason)
    await _audit(tx, shipment, "void_label", actor, reason, before)
    return shipment


async def void_parcel(tx: Transaction, parcel_id: UUID, *, actor: str, reason: str) -> Shipment:
    """Give a parcel's label back, as reopening it asks for first."""
    known = await queries.lock_shipments_of_parcels(tx, {parcel_id})
    if parcel_id not in known:
        raise ShipmentNotFoundError(f"there is no shipment for parcel {parcel_id}")
    return await void_shipment(tx, known[parcel_id].id, actor=actor, reason=reason)


async def retry_booking(tx: Transaction, shipment_id: UUID, *, actor: str, reason: str) -> Shipment:
    """Book again what failed or was given back; an attempt that waits or is being made is tried at once, no second one.

    Raises IllegalMoveError where a label is live, or where nothing is left to ship.
    """
    shipment = await lock(tx, shipment_id)
    before = shipment.status
    if status_of(shipment) in {S.PENDING, S.BOOKING, S.BOOKING_UNKNOWN}:
        await tx.execute("update carrier_job set not_before = 'epoch' where label_id = $1", shipment.label_id)
    elif await _is_cancelled(tx, shipment):
        raise IllegalMoveError("the order is cancelled: no label is booked for its parcel")
    else:
        await _start_again(tx, shipment)
    await _audit(tx, shipment, "retry_booking", actor, reason, before)
    return shipment


async def set_status(
    tx: Transaction, shipment_id: UUID, target: ShipmentStatus, *, actor: str, reason: str
) -> Shipment:
    """Repair where a parcel is; later scans lead on from there; audited and published.

    Raises IllegalMoveError naming what is possible, InvalidError without a reason.
    """
    if not reason.strip():
        raise InvalidError("say why", errors=(FieldError("/reason", "required", "a repair needs a reason"),))
    shipment = await lock(tx, shipment_id)
    before = status_of(shipment)
    label = await label_queries.get_label(tx, shipment.label_id) if shipment.label_id else None
    if label is None or label.tracking_number is None or not may_move(before, target) or before not in _AFTER_HAND_OVER:
        raise IllegalMoveError(f"a shipment that is {before} cannot be set to {target} by hand")
    await force_position(tx, shipment, label, target, Source.STAFF, f"{actor}: {reason}")
    await _audit(tx, shipment, "set_status", actor, reason, before.value)
    return shipment


async def force_position(
    tx: Transaction,
    shipment: Shipment,
    label: ShippingLabel,
    target: ShipmentStatus,
    source: Source,
    message: str,
) -> None:
    """Enter a position that is taken at its word, as one more fact of the parcel's life."""
    event = TrackingEvent(
        id=new_id(),
        tracking_number=label.tracking_number or "",
        content=f"{source}:{new_id()}",
        shipment_id=shipment.id,
        label_id=label.id,
        source=source.value,
        occurred_at=tx.now,
        recorded_at=tx.now,
        raw_status=source.value,
        raw_detail=target.value,
        message=message,
        city="",
        region="",
        postal_code="",
        country_code="",
        position=target.value,
        forced=True,
    )
    await tracking_queries.keep_event(tx, event)
    await apply_facts(tx, shipment, label, [event])


async def _audit(tx: Transaction, shipment: Shipment, act: str, actor: str, reason: str, before: str) -> None:
    await tx.session.flush()
    change = ({"status": before}, {"status": shipment.status})
    await audit(tx, actor=actor, act=act, subject=f"shipment:{shipment.id}", reason=reason, change=change)
