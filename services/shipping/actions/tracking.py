"""What carriers say about parcels: stored once, folded in the order it happened, told to the others."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from services.shipping.actions.estimates import estimate, remember_transit
from services.shipping.actions.labels import settle_void
from services.shipping.actions.moves import S, contents_of, place, publish_progress, status_of
from services.shipping.carriers.base import Scan, Tracking
from services.shipping.models import LabelState, Shipment, ShippingLabel, Source, TrackingEvent
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as shipment_queries
from services.shipping.queries import tracking as queries
from services.shipping.settings import settings
from services.shipping.states import (
    ON_ITS_WAY,
    POSITIONS,
    CarrierException,
    CarrierFact,
    Flag,
    ShipmentStatus,
    Standing,
    standing_after,
)
from shared.db import Transaction
from shared.events.shipping import Place, ShipmentDelivered
from shared.ids import new_id

log = structlog.get_logger()

UNMAPPED = Counter("doorstep_shipping_unmapped_codes", "Tracking codes without a reading", ["adapter", "code"])
UNKNOWN_PARCELS = Counter("doorstep_shipping_unknown_parcels", "Tracking of numbers we know no label of", ["adapter"])
TRACKED = Counter("doorstep_shipping_tracking_events", "New tracking events", ["source"])

_UNDECIDED = frozenset({S.PENDING, S.BOOKING, S.BOOKING_UNKNOWN, S.BOOKING_FAILED})
_GIVEN_BACK = frozenset({LabelState.VOID_REQUESTED.value, LabelState.VOIDED.value})
_START_OF = {
    LabelState.VOID_REQUESTED.value: S.VOID_REQUESTED,
    LabelState.VOIDED.value: S.VOIDED,
    LabelState.VOID_REFUSED.value: S.VOID_REFUSED,
}
_MOVING = frozenset(position.value for position in POSITIONS)
_OURS = frozenset({Flag.VOIDED_LABEL_USED.value})
_MAX_MESSAGE = 300


def content_of(tracking_code: str, scan: Scan) -> str:
    """Digest what a scan says, so that the same thing said twice is one event."""
    place = scan.place
    parts = (tracking_code, scan.status, scan.detail, scan.occurred_at.isoformat(), scan.message)
    return hashlib.sha256("\x1f".join((*parts, place.city, place.region, place.postal_code)).encode()).hexdigest()


def _event(
    tx: Transaction, tracking: Tracking, scan: Scan, label: ShippingLabel | None, source: Source
) -> TrackingEvent:
    reading = scan.reading
    return TrackingEvent(
        id=new_id(),
        tracking_number=tracking.tracking_code,
        content=content_of(tracking.tracking_code, scan),
        shipment_id=label.shipment_id if label else None,
        label_id=label.id if label else None,
        source=source.value,
        occurred_at=scan.occurred_at,
        recorded_at=tx.now,
        raw_status=scan.status,
        raw_detail=scan.detail,
        message=scan.message[:_MAX_MESSAGE],
        city=scan.place.city,
        region=scan.place.region,
        postal_code=scan.place.postal_code,
        country_code=scan.place.country_code,
        position=reading.position.value if reading.position else None,
        flags=sorted(flag.value for flag in reading.flags),
        exception=reading.exception.value if reading.exception else None,
    )


async def record_tracking(tx: Transaction, adapter: str, tracking: Tracking, source: Source) -> int:
    """Record what a carrier says about one parcel; gives how much of it is new.

    Scans of a parcel that is still being booked, or of a number nobody knows, are kept and applied
    as soon as the label is known.
    """
    label = await label_queries.find_label(tx, adapter, tracking.carrier_shipment_id, tracking.tracking_code)
    shipment = await shipment_queries.lock_shipment(tx, label.shipment_id) if label else None
    scans = await _without_repeated_summary(tx, tracking)
    new = await _keep_new(tx, [_event(tx, tracking, scan, label, source) for scan in scans])
    for event in new:
        _count(adapter, event)
    if label is None or shipment is None:
        UNKNOWN_PARCELS.labels(adapter).inc()
        return len(new)
    if label.bought_at is not None:
        await apply_facts(tx, shipment, label, new, _said(tracking, label.bought_at))
    listen(shipment, tx.now)
    return len(new)


async def _without_repeated_summary(tx: Transaction, tracking: Tracking) -> list[Scan]:
    """Drop a summary that says what was said last: it bears the time of each message that repeats it."""
    scans = list(tracking.scans)
    if not any(scan.is_summary for scan in scans):
        return scans
    last = await queries.last_codes(tx, tracking.tracking_code)
    return [scan for scan in scans if not scan.is_summary or (scan.status, scan.detail) != last]


def listen(shipment: Shipment, heard_at: datetime) -> None:
    """Ask the carrier when a parcel on its way is not heard of for long; let a parcel at rest be."""
    on_its_way = status_of(shipment) in ON_ITS_WAY
    shipment.poll_due_at = heard_at + timedelta(hours=settings().silent_hours) if on_its_way else None
    shipment.poll_not_before = None


async def _keep_new(tx: Transaction, events: list[TrackingEvent]) -> list[TrackingEvent]:
    """Store what was not said before; a carrier repeats the whole history in every message."""
    if not events:
        return []
    known = await queries.known_contents(tx, events[0].tracking_number, [event.content for event in events])
    unheard = {event.content: event for event in events if event.content not in known}
    return [event for event in unheard.values() if await queries.keep_event(tx, event)]


def _count(adapter: str, event: TrackingEvent) -> None:
    TRACKED.labels(event.source).inc()
    if event.exception == CarrierException.UNMAPPED:
        code = f"{event.raw_status}/{event.raw_detail}"
        UNMAPPED.labels(adapter, code).inc()
        log.error(
            "tracking code is not mapped", carrier=adapter, raw_status=event.raw_status, raw_detail=event.raw_detail
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What a carrier says of a parcel as a whole, beside its scans."""

    estimate_at: datetime | None = None
    signed: bool = False


def _said(tracking: Tracking, bought_at: datetime) -> Said:
    # The carrier's test parcels have estimates from before their purchase.
    late_enough = tracking.estimate_at is not None and tracking.estimate_at > bought_at
    return Said(tracking.estimate_at if late_enough else None, signed=bool(tracking.signed_by))


def fact_of(event: TrackingEvent) -> CarrierFact:
    """Give a stored event as the fold takes it."""
    return CarrierFact(
        occurred_at=event.occurred_at,
        content=event.content,
        position=ShipmentStatus(event.position) if event.position else None,
        flags=frozenset(Flag(flag) for flag in event.flags),
        exception=CarrierException(event.exception) if event.exception else None,
        forced=event.forced,
    )


def _start(shipment: Shipment, label: ShippingLabel) -> ShipmentStatus:
    """Give where our own acts alone have brought the parcel."""
    if shipment.handed_over_at is None and label.state in _START_OF:
        return _START_OF[label.state]
    return S.HANDED_OVER if shipment.handed_over_at is not None else S.LABEL_PURCHASED


async def apply_facts(
    tx: Transaction,
    shipment: Shipment,
    label: ShippingLabel,
    new: Iterable[TrackingEvent],
    said: Said = Said(),
) -> None:
    """Let a locked shipment stand where all facts known of its label put it, and tell what is new."""
    news = sorted(new, key=lambda event: (event.occurred_at, event.id))
    events = await queries.list_events_of_label(tx, label.id)
    if label.id != shipment.label_id or status_of(shipment) in _UNDECIDED or not _travels(shipment, label, events):
        _note_given_back(tx, shipment, label, news)
        return
    said_before = shipment.estimate_at
    for known in _stages(events, news):
        before = status_of(shipment)
        await _stand(tx, shipment, label, known, said)
        # Told first: who hears that a parcel stands delivered must know since when.
        if status_of(shipment) is not before:
            await _arrive(tx, shipment, label, events, signed=said.signed)
        if news:
            _publish(tx, shipment, label, known[-1], exception=_flag_given_back(shipment, label, known[-1]))
    if not news and said.estimate_at is not None and shipment.estimate_at != said_before:
        publish_progress(tx, shipment, label, scanned_at=tx.now)


def _travels(shipment: Shipment, label: ShippingLabel, events: list[TrackingEvent]) -> bool:
    """Say whether a parcel goes by this label: also by one given back, once it moves with it and is not open again."""
    if label.state not in _GIVEN_BACK:
        return True
    return shipment.reopened_at is None and any(event.position in _MOVING for event in events)


def _stages(events: list[TrackingEvent], news: list[TrackingEvent]) -> list[list[TrackingEvent]]:
    """Give what to take into account at each piece of news, which comes last in its stage.

    News that only continues what is known is told step by step; what comes late is told with where the
    parcel stands now, or somebody who listens would see it move backwards.
    """
    fresh = {event.content for event in news}
    older = [event for event in events if event.content not in fresh]
    if not news:
        return [older]
    if older and max(event.occurred_at for event in older) >= news[0].occurred_at:
        return [[*(one for one in events if one.content != event.content), event] for event in news]
    return [[*older, *news[: count + 1]] for count in range(len(news))]


async def _stand(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, known: list[TrackingEvent], said: Said
) -> None:
    standing = standing_after(_start(shipment, label), map(fact_of, known))
    moved = standing.position is not status_of(shipment)
    _take(tx, shipment, standing)
    if moved or said.estimate_at is not None:
        await estimate(tx, shipment, label, shipment.since, said.estimate_at)


def _take(tx: Transaction, shipment: Shipment, standing: Standing) -> None:
    if standing.position is not status_of(shipment):
        place(shipment, standing.position, standing.position_at or tx.now)
    shipment.flags = sorted({flag.value for flag in standing.flags} | (_OURS & set(shipment.flags)))
    shipment.failed_attempts = standing.failed_attempts
    shipment.last_scan_at = standing.last_scan_at
    shipment.delivered_at = standing.position_at if standing.position is S.DELIVERED else None


async def _arrive(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, events: list[TrackingEvent], *, signed: bool
) -> None:
    """Do what a new position asks for beside being told."""
    if shipment.delivered_at is not None:
        tx.publish(
            ShipmentDelivered(
                order_id=shipment.order_id,
                shipment_id=shipment.id,
                parcel_id=shipment.parcel_id,
                carrier=label.carrier or label.adapter,
                service=label.service or "",
                tracking_number=label.tracking_number or "",
                delivered_at=shipment.delivered_at,
                signed_by=signed,
                contents=contents_of(shipment),
            ),
            occurred_at=shipment.delivered_at,
        )
        await remember_transit(tx, shipment, label, events)
    elif status_of(shipment) is S.VOIDED:
        await settle_void(tx, shipment, label, voided=True)


def _note_given_back(tx: Transaction, shipment: Shipment, label: ShippingLabel, news: list[TrackingEvent]) -> None:
    """Raise voided_label_used when a label moves that the parcel does not travel with any more."""
    for event in news:
        exception = _flag_given_back(shipment, label, event)
        if exception is not None:
            _publish(tx, shipment, label, event, exception=exception)


def _flag_given_back(shipment: Shipment, label: ShippingLabel, event: TrackingEvent) -> str | None:
    """Flag a shipment whose label moves though it was given back; give that exception, None where all is well."""
    replaced = label.bought_at is not None and label.id != shipment.label_id
    if event.position not in _MOVING or not (label.state in _GIVEN_BACK or replaced):
        return None
    shipment.flags = sorted({*shipment.flags, Flag.VOIDED_LABEL_USED.value})
    log.error("a label that was given back is in use", shipment_id=str(shipment.id))
    return Flag.VOIDED_LABEL_USED.value


def _publish(
    tx: Transaction, shipment: Shipment, label: ShippingLabel, event: TrackingEvent, *, exception: str | None = None
) -> None:
    expires_at = None
    if status_of(shipment) is S.AVAILABLE_FOR_PICKUP:
        expires_at = shipment.since + timedelta(days=settings().pickup_days)
    publish_progress(
        tx,
        shipment,
        label,
        scanned_at=event.occurred_at,
        codes=(event.raw_status, event.raw_detail),
        exception=exception if exception is not None else event.exception or "",
        physical_scan=event.position in _MOVING and not event.forced,
        scanned_in=Place(city=event.city, region=event.region, country_code=event.country_code),
        pickup_expires_at=expires_at,
    )
