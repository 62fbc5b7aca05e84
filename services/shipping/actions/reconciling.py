"""After a restore: what the carrier has sold and our database does not know is taken over, or given back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.shipping.carriers.base import CarrierError, CarrierRejectedError, CarrierShipment, RefundStatus
from services.shipping.carriers.registry import ADAPTER, carrier
from services.shipping.errors import CarrierAwayError
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as queries
from shared.audit import audit
from shared.db import Database, Transaction

_ACT = "label.reconcile"


class Outcome(StrEnum):
    """What became of a label that our database did not know."""

    TAKEN_OVER = "taken_over"
    UNKNOWN = "unknown"
    GIVEN_BACK = "given_back"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A label that was sold to us and that we did not know, and what became of it."""

    sold: CarrierShipment
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Wish:
    """Who reconciles and why, back to which moment, and whether what belongs to no parcel is given back."""

    since: datetime
    give_back: bool
    actor: str
    reason: str


async def reconcile(database: Database, wish: Wish) -> list[Reconciled]:
    """Compare the carrier's list with our labels; the same again finds only what is left. Raises CarrierAwayError."""
    try:
        sold = [one for one in await carrier().list_sold(wish.since) if one.refund is RefundStatus.NOT_REQUESTED]
        async with database.transaction() as tx:
            known = await label_queries.known_among(tx, ADAPTER, [one.id for one in sold])
        return [await _settle(database, one, wish) for one in sold if one.id not in known]
    except CarrierError as error:
        raise CarrierAwayError(f"the carrier cannot be asked, or not so far back: {error}") from error


async def _settle(database: Database, sold: CarrierShipment, wish: Wish) -> Reconciled:
    async with database.transaction() as tx:
        taken = await _take_over(tx, sold, wish)
    if taken:
        return Reconciled(sold, Outcome.TAKEN_OVER)
    if not wish.give_back:
        return Reconciled(sold, Outcome.UNKNOWN)
    try:
        refund = await carrier().void(sold.id)
    except CarrierRejectedError:
        refund = RefundStatus.REJECTED
    outcome = Outcome.REFUSED if refund is RefundStatus.REJECTED else Outcome.GIVEN_BACK
    async with database.transaction() as tx:
        await audit(tx, actor=wish.actor, act=_ACT, subject=sold.id, reason=wish.reason, change=(None, outcome.value))
    return Reconciled(sold, outcome)


async def _take_over(tx: Transaction, sold: CarrierShipment, wish: Wish) -> bool:
    """Have a shipment that waits for its label take the one that was sold for it; booking it finds it bought."""
    shipment_id = _uuid(sold.reference)
    shipment = await queries.lock_shipment(tx, shipment_id) if shipment_id is not None else None
    label = await label_queries.get_label(tx, shipment.label_id) if shipment and shipment.label_id else None
    if label is None or not await label_queries.remember_created(tx, label.id, None, sold.id, label.format):
        return False
    await audit(
        tx, actor=wish.actor, act=_ACT, subject=str(shipment_id), reason=wish.reason,
        change=(None, {"carrier_shipment_id": sold.id, "tracking_number": sold.tracking_code}),
    )  # fmt: skip
    return True


def _uuid(reference: str | None) -> UUID | None:
    try:
        return UUID(reference or "")
    except ValueError:
        return None
