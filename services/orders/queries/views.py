"""Orders as their readers see them: pure translations of a record's rows."""

from services.orders.models import Cancellation, OrderLine, OrderRecord, Parcel, Refund
from services.orders.schemas.parts import Price
from services.orders.schemas.views import (
    CancellationView,
    HoldView,
    LineView,
    NextStep,
    OrderView,
    OutcomeView,
    PaymentView,
    PlaceView,
    PromiseView,
    RefundView,
    ShipmentView,
    ShippedLine,
)
from services.orders.states import Buckets, CancellationState

NEXT: tuple[tuple[str, str], ...] = (
    ("open", "we reserve the items"),
    ("backordered", "we wait for stock"),
    ("reserved", "the warehouse picks the items"),
    ("picked", "the warehouse packs the items"),
    ("packed", "the carrier takes the parcel"),
    ("in_transit", "the carrier delivers the parcel"),
)


def order_view(record: OrderRecord) -> OrderView:
    """Show an order to its storefront."""
    head = record.head
    return OrderView(
        id=head.id,
        number=head.number,
        reference=head.reference,
        status=head.state,
        fulfilment_status=record.fulfilment_status,
        payment_status=head.payment_status,
        exception_status="open" if head.exceptions else "none",
        return_status="none",
        version=head.version,
        test=head.test,
        placed_at=head.placed_at,
        updated_at=head.updated_at,
        service_level=head.service_level,
        ship_after=head.ship_after,
        promise=promise_view(record),
        holds=[HoldView.model_validate(hold) for hold in record.open_holds],
        lines=[_line_view(line, head.currency) for line in record.lines],
        shipments=[_shipment_view(parcel, head.currency) for parcel in record.parcels],
        payment=payment_view(record),
        shipping_price=Price(amount=head.shipping_price, currency=head.currency),
        total=Price(amount=head.total, currency=head.currency),
        next_step=next_step(record),
        cancellable=_is_cancellable(record),
        reship_of=head.reship_of,
        metadata=head.storefront_metadata,
    )


def promise_view(record: OrderRecord) -> PromiseView:
    """Show the promise in force."""
    return PromiseView.model_validate(record.promise)


def payment_view(record: OrderRecord) -> PaymentView:
    """Show the totals of what was reported."""
    head = record.head
    return PaymentView(
        status=head.payment_status,
        authorized=head.authorized,
        captured=head.captured,
        refunded=head.refunded,
        voided=head.voided,
        currency=head.currency,
        authorization_expires_at=head.authorization_expires_at,
    )


def next_step(record: OrderRecord) -> NextStep:
    """Say in plain words what comes next."""
    if record.is_ended:
        return NextStep(what=f"nothing: the order is {record.head.state}", by=None)
    holds = record.open_holds
    if holds:
        return NextStep(what=f"the order is on hold: {holds[0].reason}", by=holds[0].due_at)
    units, promise = record.units, record.promise
    for stage, what in NEXT:
        if getattr(units, stage):
            return NextStep(what=what, by=promise.deliver_by_latest if stage == "in_transit" else promise.ship_by)
    return NextStep(what="the order is completed", by=None)


def _is_cancellable(record: OrderRecord) -> bool:
    units = record.units
    return not record.is_ended and bool(units.inside)


def _line_view(line: OrderLine, currency: str) -> LineView:
    buckets = line.buckets
    return LineView(
        id=line.id,
        reference=line.reference,
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        requires_shipping=line.requires_shipping,
        location=line.location,
        unit_price=Price(amount=line.unit_price, currency=currency),
        total=Price(amount=line.total, currency=currency),
        expected_at=line.expected_at,
        **bucket_counts(buckets),
    )


def bucket_counts(buckets: Buckets) -> dict[str, int]:
    """Give the buckets by name."""
    return buckets._asdict()


def _shipment_view(parcel: Parcel, currency: str) -> ShipmentView:
    return ShipmentView(
        id=parcel.shipment_id,
        parcel_id=parcel.id,
        carrier=parcel.carrier,
        service=parcel.service,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        status=parcel.position or ("packed" if parcel.closed_at or parcel.booked_at else "packing"),
        flags=parcel.flags,
        lines=[ShippedLine.model_validate(entry) for entry in parcel.contents],
        packed_at=parcel.closed_at,
        handed_over_at=parcel.handed_over_at,
        last_scan_at=parcel.scanned_at,
        last_place=PlaceView.model_validate(parcel.place),
        estimated_delivery_at=parcel.estimate_at,
        delivered_at=parcel.delivered_at,
        signed_by=parcel.signed_by,
        amount_due=Price(amount=parcel.amount_due, currency=currency) if parcel.amount_due is not None else None,
    )


def cancellation_view(row: Cancellation) -> CancellationView:
    """Show a cancellation; while it is pending, its lines are what was asked for."""
    if row.state == CancellationState.PENDING:
        lines = [OutcomeView.model_validate({**line, "outcome": "pending"}) for line in row.lines]
    else:
        lines = [OutcomeView.model_validate(outcome) for outcome in row.outcomes]
    return CancellationView(
        id=row.id,
        order_id=row.order_id,
        status=row.state,
        reason=row.reason,
        requested_at=row.requested_at,
        answered_at=row.answered_at,
        lines=lines,
    )


def refund_view(row: Refund) -> RefundView:
    """Show a refund instruction."""
    return RefundView(
        id=row.id,
        order_id=row.order_id,
        kind=row.kind,
        amount=Price(amount=row.amount, currency=row.currency),
        state=row.state,
        since=row.since,
        due_at=row.due_at,
        lines=row.lines,
    )
