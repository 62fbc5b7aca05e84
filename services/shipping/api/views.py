"""Shipments as answers show them."""

import base64
from uuid import UUID

from services.shipping import schemas
from services.shipping.actions.bench import PrintableLabel
from services.shipping.actions.moves import contents_of, status_of
from services.shipping.actions.reconciling import Reconciled
from services.shipping.errors import ShipmentNotFoundError
from services.shipping.models import Shipment, ShippingLabel, TrackingEvent
from services.shipping.queries import labels as label_queries
from services.shipping.queries import shipments as queries
from services.shipping.queries import tracking as tracking_queries
from services.shipping.states import progress_of
from shared.db import Transaction
from shared.events.base import Money


def shown(shipment: Shipment, label: ShippingLabel | None) -> schemas.ShipmentShown:
    """Show a shipment in short."""
    status = status_of(shipment)
    progress = progress_of(status, shipment.since)
    estimate = None
    if shipment.estimate_at is not None and shipment.estimate_source is not None:
        estimate = schemas.EstimateShown(
            deliver_at=shipment.estimate_at, p80_at=shipment.estimate_p80_at, source=shipment.estimate_source
        )
    return schemas.ShipmentShown(
        id=shipment.id,
        order_id=shipment.order_id,
        parcel_id=shipment.parcel_id,
        location=shipment.location,
        service_level=shipment.service_level,
        status=status,
        flags=shipment.flags,
        failed_attempts=shipment.failed_attempts,
        carrier=label.carrier if label else None,
        service=label.service if label else None,
        tracking_number=label.tracking_number if label else None,
        tracking_url=label.tracking_url if label else None,
        contents=list(contents_of(shipment)),
        handed_over_at=shipment.handed_over_at,
        delivered_at=shipment.delivered_at,
        last_scan_at=shipment.last_scan_at,
        estimate=estimate,
        failure_code=shipment.failure_code,
        failure_reason=shipment.failure_reason,
        progress=progress.model_copy(update={"due_at": shipment.due_at}),
        version=shipment.version,
    )


async def show(tx: Transaction, shipment: Shipment) -> schemas.ShipmentShown:
    """Show one shipment in short."""
    return (await show_all(tx, [shipment]))[0]


async def show_all(tx: Transaction, shipments: list[Shipment]) -> list[schemas.ShipmentShown]:
    """Show shipments in short, with the labels they travel with."""
    ids = [shipment.label_id for shipment in shipments if shipment.label_id is not None]
    labels = await label_queries.current_labels(tx, ids)
    return [shown(shipment, labels.get(shipment.label_id) if shipment.label_id else None) for shipment in shipments]


async def show_detail(tx: Transaction, shipment_id: UUID) -> schemas.ShipmentDetail:
    """Show all that is known of a shipment; raises ShipmentNotFoundError."""
    shipment = await queries.get_shipment(tx, shipment_id)
    if shipment is None:
        raise ShipmentNotFoundError(f"there is no shipment {shipment_id}")
    labels = await label_queries.list_labels(tx, shipment_id)
    current = next((label for label in labels if label.id == shipment.label_id), None)
    events = await tracking_queries.list_events(tx, shipment_id)
    return schemas.ShipmentDetail(
        **shown(shipment, current).model_dump(),
        labels=[_label(label) for label in labels],
        tracking=[_event(event) for event in events],
    )


async def show_page(tx: Transaction, limit: int, **filters: object) -> schemas.ShipmentList:
    """Show a page of shipments."""
    found = await queries.list_shipments(tx, limit=limit + 1, **filters)  # type: ignore[arg-type]  # the door's own names
    page = found[:limit]
    return schemas.ShipmentList(data=await show_all(tx, page), next_cursor=page[-1].id if len(found) > limit else None)


def _label(label: ShippingLabel) -> schemas.LabelShown:
    price = None
    if label.price_minor is not None and label.currency is not None:
        price = Money(amount=label.price_minor, currency=label.currency)
    return schemas.LabelShown(**label.model_dump(), price=price)


def _event(event: TrackingEvent) -> schemas.TrackingEventShown:
    place = schemas.PlaceSeen(city=event.city, region=event.region, country_code=event.country_code)
    return schemas.TrackingEventShown(**event.model_dump(), place=place)


def reconciled(found: list[Reconciled]) -> schemas.ReconciledList:
    """Show labels that were not known, and what became of them."""
    return schemas.ReconciledList(
        data=[
            schemas.ReconciledLabel(
                carrier_shipment_id=one.sold.id,
                reference=one.sold.reference,
                tracking_number=one.sold.tracking_code or "",
                carrier=one.sold.bought_rate.carrier if one.sold.bought_rate else None,
                outcome=one.outcome,
            )
            for one in found
        ]
    )


def printed(printable: PrintableLabel) -> schemas.PrintedLabel:
    """Show a label with its bytes."""
    shipment, label = printable.shipment, printable.label
    return schemas.PrintedLabel(
        shipment_id=shipment.id,
        carrier=label.carrier or "",
        service=label.service or "",
        tracking_number=label.tracking_number or "",
        format=label.format,
        media_type=printable.media_type,
        content_base64=base64.b64encode(printable.content).decode(),
        label_url=f"/staff/shipments/{shipment.id}/label",
    )
