"""The words of inventory and shipping about one order, as these tests need them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared import clock
from shared.events.base import Destination, LineCount
from shared.events.inventory import (
    Allocation,
    CancellationAnswered,
    CancellationOutcome,
    FulfilmentPlanned,
    LineStock,
    ParcelClosed,
    ParcelHandedOver,
    ParcelReopened,
    PickConfirmed,
    PicksPutBack,
    PickStarted,
    StockBackordered,
    StockReserved,
)
from shared.events.orders import CancellationRequested
from shared.events.shipping import ShipmentBooked, ShipmentDelivered, ShipmentProgressed
from shared.ids import new_id
from tests.orders.rig import WORKING, Placed

Counts = tuple[LineCount, ...]


def all_units(order: Placed) -> Counts:
    return tuple(LineCount(line_id=line, sku=sku, quantity=quantity) for line, sku, quantity in order.lines)


def reserved(order: Placed) -> StockReserved:
    """All units have stock at the shop's house."""
    return StockReserved(
        order_id=order.id, lines=tuple(_stock(order, *line, line[2]) for line in order.lines), progress=WORKING
    )


def backordered(order: Placed, missing: int = 1, expected_at: datetime | None = None) -> StockBackordered:
    """The first line lacks `missing` units."""
    first, *rest = order.lines
    lines = (_stock(order, *first, first[2] - missing, expected_at), *(_stock(order, *line, line[2]) for line in rest))
    return StockBackordered(order_id=order.id, lines=lines, progress=WORKING)


def _stock(
    order: Placed, line_id: UUID, sku: str, quantity: int, have: int, expected_at: datetime | None = None
) -> LineStock:
    return LineStock(
        line_id=line_id,
        sku=sku,
        reserved=have,
        backordered=quantity - have,
        allocations=(Allocation(location=order.shop.location, quantity=have),) if have else (),
        expected_at=expected_at,
    )


def planned(order: Placed, fulfilment_id: UUID, release_no: int = 1) -> FulfilmentPlanned:
    return FulfilmentPlanned(
        order_id=order.id, fulfilment_id=fulfilment_id, release_no=release_no, location=order.shop.location,
        cut_off_at=clock.now(), lines=all_units(order), progress=WORKING,
    )  # fmt: skip


def pick_started(order: Placed, fulfilment_id: UUID) -> PickStarted:
    return PickStarted(order_id=order.id, fulfilment_id=fulfilment_id, location=order.shop.location, progress=WORKING)


def picked(order: Placed, fulfilment_id: UUID) -> PickConfirmed:
    return PickConfirmed(
        order_id=order.id, fulfilment_id=fulfilment_id, location=order.shop.location, lines=all_units(order),
        complete=True, progress=WORKING,
    )  # fmt: skip


def packed(order: Placed, fulfilment_id: UUID, parcel_id: UUID) -> ParcelClosed:
    return ParcelClosed(
        order_id=order.id, parcel_id=parcel_id, fulfilment_id=fulfilment_id, location=order.shop.location,
        contents=all_units(order), packed=all_units(order), weight_grams=900, length_mm=200, width_mm=200,
        height_mm=100, service_level="standard", destination=Destination(country_code="DE"),
        cut_off_at=clock.now(), progress=WORKING,
    )  # fmt: skip


def reopened(order: Placed, fulfilment_id: UUID, parcel_id: UUID) -> ParcelReopened:
    """The only parcel is open again: nothing is packed."""
    return ParcelReopened(
        order_id=order.id, parcel_id=parcel_id, fulfilment_id=fulfilment_id, location=order.shop.location,
        packed=tuple(count.model_copy(update={"quantity": 0}) for count in all_units(order)), progress=WORKING,
    )  # fmt: skip


def handed_over(order: Placed, fulfilment_id: UUID, parcel_id: UUID, tracking: str) -> ParcelHandedOver:
    return ParcelHandedOver(
        order_id=order.id, parcel_id=parcel_id, fulfilment_id=fulfilment_id, location=order.shop.location,
        contents=all_units(order), handed_over=all_units(order), tracking_number=tracking, progress=WORKING,
    )  # fmt: skip


def booked(order: Placed, shipment_id: UUID, parcel_id: UUID, tracking: str) -> ShipmentBooked:
    return ShipmentBooked(
        order_id=order.id, shipment_id=shipment_id, parcel_id=parcel_id, carrier="USPS", service="Priority",
        tracking_number=tracking, progress=WORKING,
    )  # fmt: skip


def scanned(order: Placed, shipment_id: UUID, parcel_id: UUID, tracking: str, position: str) -> ShipmentProgressed:
    return ShipmentProgressed(
        order_id=order.id, shipment_id=shipment_id, parcel_id=parcel_id, carrier="USPS", service="Priority",
        tracking_number=tracking, position=position, scanned_at=clock.now(), physical_scan=True,
        progress=WORKING,
    )  # fmt: skip


def delivered(
    order: Placed, shipment_id: UUID, parcel_id: UUID, tracking: str, at: datetime | None = None
) -> ShipmentDelivered:
    return ShipmentDelivered(
        order_id=order.id, shipment_id=shipment_id, parcel_id=parcel_id, carrier="USPS", service="Priority",
        tracking_number=tracking, delivered_at=at or clock.now(),
    )  # fmt: skip


def answered(order: Placed, cancellation_id: object, outcomes: Sequence[str]) -> CancellationAnswered:
    """Answer for all units, one outcome per line."""
    return CancellationAnswered(
        order_id=order.id,
        cancellation_id=UUID(str(cancellation_id)),
        outcomes=tuple(
            CancellationOutcome(line_id=line, sku=sku, quantity=quantity, outcome=outcome)
            for (line, sku, quantity), outcome in zip(order.lines, outcomes, strict=True)
        ),
    )


async def answer_last(order: Placed, *outcomes: str) -> None:
    """Answer the last request to cancel."""
    asked = (await order.told(CancellationRequested))[-1]
    await order.rig.hear(answered(order, asked["cancellation_id"], outcomes))


def put_back(order: Placed, fulfilment_id: UUID, cancellation_id: object) -> PicksPutBack:
    return PicksPutBack(
        order_id=order.id, fulfilment_id=fulfilment_id, cancellation_id=UUID(str(cancellation_id)),
        lines=all_units(order),
    )  # fmt: skip


class Parcel:
    """One parcel with all units of an order, on its way through house and carrier."""

    def __init__(self, order: Placed) -> None:
        self.order = order
        self.fulfilment_id, self.parcel_id, self.shipment_id = new_id(), new_id(), new_id()
        self.tracking = f"94{self.parcel_id.int % 10**16:016d}"

    async def pack(self) -> None:
        """Reserve, plan, pick and pack."""
        order, fulfilment = self.order, self.fulfilment_id
        await order.rig.hear(
            reserved(order), planned(order, fulfilment), pick_started(order, fulfilment), picked(order, fulfilment),
            packed(order, fulfilment, self.parcel_id),
        )  # fmt: skip

    async def send(self) -> None:
        """Pack, book and hand over."""
        await self.pack()
        await self.order.rig.hear(
            booked(self.order, self.shipment_id, self.parcel_id, self.tracking),
            handed_over(self.order, self.fulfilment_id, self.parcel_id, self.tracking),
        )

    async def reopen(self) -> None:
        """Open the parcel again."""
        await self.order.rig.hear(reopened(self.order, self.fulfilment_id, self.parcel_id))

    async def scan(self, position: str) -> None:
        await self.order.rig.hear(scanned(self.order, self.shipment_id, self.parcel_id, self.tracking, position))

    async def deliver(self, at: datetime | None = None) -> None:
        await self.order.rig.hear(delivered(self.order, self.shipment_id, self.parcel_id, self.tracking, at))
