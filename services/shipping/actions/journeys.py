"""Test parcels, moved along by hand as a storefront's test key asks."""

from uuid import UUID

from services.shipping.actions.moves import S, status_of
from services.shipping.actions.shipments import force_position, lock
from services.shipping.errors import NotATestError
from services.shipping.models import Shipment, Source
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as queries
from services.shipping.states import POSITIONS, ShipmentStatus
from shared.db import Transaction
from shared.errors import FieldError, InvalidError
from shared.settings import platform

NEXT: dict[ShipmentStatus, ShipmentStatus] = {
    S.HANDED_OVER: S.PICKED_UP,
    S.PICKED_UP: S.IN_TRANSIT,
    S.IN_TRANSIT: S.OUT_FOR_DELIVERY,
    S.OUT_FOR_DELIVERY: S.DELIVERED,
    S.DELIVERY_ATTEMPTED: S.OUT_FOR_DELIVERY,
    S.AVAILABLE_FOR_PICKUP: S.DELIVERED,
}


async def advance_test(tx: Transaction, shipment_id: UUID, target: ShipmentStatus | None) -> Shipment:
    """Move a test order's parcel to `target`, or one step along its usual way.

    Raises InvalidError for a target that is no position of a parcel on its way; NotATestError in production, for an
    order placed with a live key, or without a next step.
    """
    if target is not None and target not in POSITIONS:
        reason = f"a parcel cannot be moved to {target}, only to {', '.join(POSITIONS)}"
        raise InvalidError(reason, errors=(FieldError("/position", "not_a_position", reason),))
    shipment = await lock(tx, shipment_id)
    orders = await queries.get_orders(tx, {shipment.order_id})
    if platform().environment == "production" or not orders[shipment.order_id].test:
        raise NotATestError("only a parcel of an order placed with a test key is moved by hand, never in production")
    current = status_of(shipment)
    label = await label_queries.get_label(tx, shipment.label_id) if shipment.label_id else None
    goal = target or NEXT.get(current)
    if goal is None or label is None or current not in NEXT:
        raise NotATestError(f"a parcel that is {current} has no next step; it must be handed over first")
    await force_position(tx, shipment, label, goal, Source.TEST, "moved along by a test")
    return shipment
