"""Labels: asked for, given back, printed."""

from uuid import UUID

from services.shipping.actions.booking import LabelFile
from services.shipping.actions.moves import S, move, place, status_of
from services.shipping.carriers.registry import ADAPTER
from services.shipping.errors import LabelNotReadyError, NothingToVoidError, ShipmentNotFoundError
from services.shipping.models import LabelState, Shipment, ShippingLabel, Step
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as shipment_queries
from services.shipping.states import progress_of
from shared.db import Transaction
from shared.events.shipping import LabelVoided, LabelVoidRequested
from shared.ids import new_id

_UNSOLD = frozenset({S.PENDING, S.BOOKING_FAILED})
_UNDECIDED = frozenset({S.BOOKING, S.BOOKING_UNKNOWN})


async def ask_for_label(tx: Transaction, shipment: Shipment, label_format: str) -> None:
    """Make a pending shipment's next attempt at a label due now."""
    label = ShippingLabel(
        id=new_id(),
        shipment_id=shipment.id,
        parcel_id=shipment.parcel_id,
        format=label_format,
        adapter=ADAPTER,
        requested_at=tx.now,
    )
    tx.session.add(label)
    await tx.session.flush()
    shipment.label_id = label.id
    await label_queries.put_job(tx, label, Step.CREATE, tx.now)


async def void_label(tx: Transaction, shipment: Shipment, *, reason: str) -> None:
    """Give a locked shipment's label back, or see to it that none is bought.

    Raises NothingToVoidError once the parcel has left or the label is given back already.
    """
    status = status_of(shipment)
    if status in _UNSOLD:
        await _abandon(tx, shipment)
        shipment.failure_code = shipment.failure_reason = None
        move(shipment, S.VOIDED, tx.now)
    elif status in _UNDECIDED:
        # The carrier is being asked: what it has sold by then is given back at once.
        pass
    elif status in {S.LABEL_PURCHASED, S.VOID_REFUSED}:
        await _request_void(tx, shipment, reason)
    else:
        raise NothingToVoidError(f"the shipment is {status}: there is no live label to give back")
    shipment.void_reason = reason


async def _abandon(tx: Transaction, shipment: Shipment) -> None:
    label = await label_queries.get_label(tx, shipment.label_id) if shipment.label_id else None
    if label is not None and label.state == LabelState.REQUESTED:
        label.state = LabelState.ABANDONED.value
        await label_queries.drop_job(tx, label.id)


async def _request_void(tx: Transaction, shipment: Shipment, reason: str) -> None:
    label = await live_label(tx, shipment)
    label.state = LabelState.VOID_REQUESTED.value
    label.void_requested_at = tx.now
    move(shipment, S.VOID_REQUESTED, tx.now)
    await label_queries.put_job(tx, label, Step.VOID, tx.now)
    tx.publish(
        LabelVoidRequested(
            order_id=shipment.order_id,
            shipment_id=shipment.id,
            parcel_id=shipment.parcel_id,
            tracking_number=label.tracking_number or "",
            reason=reason,
            progress=progress_of(S.VOID_REQUESTED, shipment.since),
        )
    )


async def live_label(tx: Transaction, shipment: Shipment) -> ShippingLabel:
    """Give the label a shipment travels with; raises LabelNotReadyError."""
    label = await label_queries.get_label(tx, shipment.label_id) if shipment.label_id else None
    if label is None or label.bought_at is None:
        raise LabelNotReadyError("no label is bought for this parcel yet")
    return label


async def settle_void(tx: Transaction, shipment: Shipment, label: ShippingLabel, *, voided: bool) -> None:
    """Record the carrier's answer to a void, and tell it."""
    label.state = (LabelState.VOIDED if voided else LabelState.VOID_REFUSED).value
    label.void_requested_at = label.void_requested_at or tx.now
    label.void_settled_at = tx.now
    await label_queries.drop_job(tx, label.id)
    # A parcel closed again in the meantime is on its way to its next label already.
    is_current = shipment.label_id == label.id
    if is_current and status_of(shipment) is S.VOID_REQUESTED:
        place(shipment, S.VOIDED if voided else S.VOID_REFUSED, tx.now)
    tx.publish(
        LabelVoided(
            order_id=shipment.order_id,
            shipment_id=shipment.id,
            parcel_id=shipment.parcel_id,
            tracking_number=label.tracking_number or "",
            outcome="voided" if voided else "refused",
            progress=progress_of(status_of(shipment), shipment.since) if is_current else None,
        )
    )


async def get_printed(tx: Transaction, shipment_id: UUID) -> tuple[ShippingLabel, LabelFile]:
    """Give a shipment's live label and what its bench prints; raises ShipmentNotFoundError and LabelNotReadyError."""
    shipment = await shipment_queries.get_shipment(tx, shipment_id)
    if shipment is None:
        raise ShipmentNotFoundError(f"there is no shipment {shipment_id}")
    label = await live_label(tx, shipment)
    found = await label_queries.get_file(tx, label.id) if label.state == LabelState.LIVE else None
    if found is None:
        raise LabelNotReadyError("the label is given back, or its file is not here (yet, or any more)")
    return label, LabelFile(*found)
