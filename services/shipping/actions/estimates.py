"""When a parcel will arrive: the carrier's word, our own quantiles per lane and milestone, or configuration."""

from datetime import datetime, timedelta

from services.shipping.models import Shipment, ShippingLabel, TrackingEvent
from services.shipping.queries import tracking as queries
from services.shipping.settings import settings
from services.shipping.states import ShipmentStatus
from shared.db import Transaction

S = ShipmentStatus

MILESTONES = (S.HANDED_OVER, S.PICKED_UP, S.IN_TRANSIT, S.OUT_FOR_DELIVERY)
# Of the configured transit time, what is left at a milestone until own history says better.
_LEFT = {
    S.LABEL_PURCHASED: 1.0,
    S.HANDED_OVER: 1.0,
    S.PICKED_UP: 0.9,
    S.IN_TRANSIT: 0.6,
    S.OUT_FOR_DELIVERY: 0.1,
}
_DEFAULT_DAYS = (4, 7)


def lanes_of(shipment: Shipment, label: ShippingLabel) -> tuple[str, str]:
    """Name the lanes a parcel travels, the narrow one first."""
    service = f"{label.carrier}/{label.service}"
    wide = f"{service}|{shipment.country_code}"
    return f"{service}|{shipment.location}|{shipment.country_code}-{shipment.postal_zone}", wide


def _configured(shipment: Shipment, label: ShippingLabel, milestone: ShipmentStatus) -> tuple[int, int]:
    p50, p80 = settings().level_transit_days.get(shipment.service_level, _DEFAULT_DAYS)
    if label.delivery_days is not None:
        p50, p80 = label.delivery_days, label.delivery_days + max(p80 - p50, 1)
    left = _LEFT[milestone]
    day = timedelta(days=1) // timedelta(minutes=1)
    return int(p50 * day * left), int(p80 * day * left)


async def estimate(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, since: datetime, carrier_says: datetime | None
) -> None:
    """Set a locked shipment's estimate: p80 is ours, the date the carrier's where it gives one.

    `since` is when the parcel reached its present milestone. Positions without a usual way on (an
    attempt, a return) keep the estimate they had.
    """
    milestone = ShipmentStatus(shipment.status)
    if milestone in _LEFT:
        learned = None
        if milestone in MILESTONES:
            learned = await queries.get_quantile(tx, lanes_of(shipment, label), milestone.value)
        p50, p80 = learned or _configured(shipment, label, milestone)
        shipment.estimate_at = since + timedelta(minutes=p50)
        shipment.estimate_p80_at = since + timedelta(minutes=p80)
        shipment.estimate_source = "doorstep"
    if carrier_says is not None:
        shipment.estimate_at = carrier_says
        shipment.estimate_source = "carrier"


async def remember_transit(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, events: list[TrackingEvent]
) -> None:
    """Keep how long a delivered parcel took from each milestone it passed; unfinished ones teach nothing."""
    if shipment.delivered_at is None:
        return
    reached: dict[str, datetime] = {}
    if shipment.handed_over_at is not None:
        reached[S.HANDED_OVER.value] = shipment.handed_over_at
    for event in sorted(events, key=lambda one: one.occurred_at):
        if event.position in {milestone.value for milestone in MILESTONES}:
            reached.setdefault(event.position or "", event.occurred_at)
    minutes = {
        milestone: int((shipment.delivered_at - at) / timedelta(minutes=1))
        for milestone, at in reached.items()
        if at <= shipment.delivered_at
    }
    await queries.keep_transits(tx, shipment.id, lanes_of(shipment, label), minutes, shipment.delivered_at)


async def learn_transits(tx: Transaction) -> int:
    """Compute the quantiles anew from the parcels that finished in the history window."""
    since = tx.now - timedelta(days=settings().history_days)
    return await queries.learn_quantiles(tx, since, settings().history_enough)
