"""Moving a shipment from state to state, and telling the others."""

from datetime import datetime
from uuid import UUID

from services.shipping.models import Shipment, ShippingLabel
from services.shipping.states import ShipmentStatus, due_at, may_move, progress_of
from shared.db import Transaction
from shared.errors import IllegalMoveError
from shared.events.base import LineCount
from shared.events.shipping import Estimate, Place, ShipmentProgressed

S = ShipmentStatus


def status_of(shipment: Shipment) -> ShipmentStatus:
    """Give the state a locked row is in."""
    return ShipmentStatus(shipment.status)


def move(shipment: Shipment, target: ShipmentStatus, at: datetime) -> None:
    """Move a locked shipment by an act of our own; raises IllegalMoveError."""
    current = status_of(shipment)
    if not may_move(current, target):
        raise IllegalMoveError(f"a shipment that is {current} cannot become {target}")
    place(shipment, target, at)


def place(shipment: Shipment, target: ShipmentStatus, at: datetime) -> None:
    """Set a locked shipment's state, whose legality the caller has made sure of."""
    shipment.status = target.value
    shipment.since = at
    shipment.due_at = due_at(target, at)
    shipment.version += 1


def contents_of(shipment: Shipment) -> tuple[LineCount, ...]:
    """Give the parcel's contents as events carry them."""
    return tuple(
        LineCount(line_id=UUID(line["line_id"]), sku=line["sku"], quantity=line["quantity"])
        for line in shipment.contents
    )


def estimate_of(shipment: Shipment) -> Estimate | None:
    """Give the stored estimate as events carry it."""
    if shipment.estimate_at is None or shipment.estimate_source is None:
        return None
    return Estimate(deliver_at=shipment.estimate_at, source=shipment.estimate_source, p80_at=shipment.estimate_p80_at)


def publish_progress(  # noqa: PLR0913 - one fact, all of whose parts differ by caller
    tx: Transaction,
    shipment: Shipment,
    label: ShippingLabel,
    *,
    scanned_at: datetime,
    codes: tuple[str, str] = ("", ""),
    exception: str = "",
    physical_scan: bool = False,
    scanned_in: Place | None = None,
    pickup_expires_at: datetime | None = None,
) -> None:
    """Tell where the parcel stands after a fact."""
    status = status_of(shipment)
    tx.publish(
        ShipmentProgressed(
            order_id=shipment.order_id,
            shipment_id=shipment.id,
            parcel_id=shipment.parcel_id,
            carrier=label.carrier or label.adapter,
            service=label.service or "",
            tracking_number=label.tracking_number or "",
            position=status.value,
            flags=tuple(shipment.flags),
            exception=exception,
            scanned_at=scanned_at,
            physical_scan=physical_scan,
            place=scanned_in or Place(),
            attempts=shipment.failed_attempts,
            pickup_expires_at=pickup_expires_at,
            raw_status=codes[0],
            raw_detail=codes[1],
            estimate=estimate_of(shipment),
            contents=contents_of(shipment),
            progress=progress_of(status, shipment.since),
        ),
        occurred_at=scanned_at,
    )
