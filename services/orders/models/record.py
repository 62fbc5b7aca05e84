"""One order with its rows in hand, while its row lock is held; what is shown of it is derived here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from services.orders.models.money import Refund, Remedy
from services.orders.models.order import Cancellation, Hold, Order, OrderLine, OrderRelease, Parcel, PromiseRow
from services.orders.states import (
    DELIVERED,
    LOST,
    ORDER,
    OUTSIDE,
    RETURNED,
    Buckets,
    CancellationState,
    FulfilmentStatus,
    HoldState,
    fulfilment_status,
)
from shared.events.base import Destination, LineCount
from shared.events.orders import Promise


@dataclass(slots=True)
class OrderRecord:
    """Head and rows of one order; actions change them, the unit of work writes them back."""

    head: Order
    lines: list[OrderLine]
    promise: PromiseRow
    holds: list[Hold] = field(default_factory=list)
    releases: list[OrderRelease] = field(default_factory=list)
    cancellations: list[Cancellation] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    remedies: list[Remedy] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        """The order's id."""
        return self.head.id

    @property
    def units(self) -> Buckets:
        """Where all units are."""
        return Buckets.sum(line.buckets for line in self.lines)

    @property
    def goods(self) -> Buckets:
        """Where the units are that a warehouse ships."""
        return Buckets.sum(line.buckets for line in self.lines if line.requires_shipping)

    @property
    def ordered(self) -> int:
        """How many units were ordered, amendments included."""
        return sum(line.quantity for line in self.lines)

    @property
    def fulfilment_status(self) -> FulfilmentStatus:
        """How far the goods are; what needs no shipping counts only where there is nothing else."""
        ships = any(line.requires_shipping for line in self.lines)
        return fulfilment_status(self.goods if ships else self.units, picking=self.head.pick_started_at is not None)

    @property
    def open_holds(self) -> list[Hold]:
        """What holds the order now."""
        return [hold for hold in self.holds if hold.state == HoldState.OPEN]

    @property
    def pending_cancellations(self) -> list[Cancellation]:
        """Requests that are not answered yet."""
        return [asked for asked in self.cancellations if asked.state == CancellationState.PENDING]

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen on purpose."""
        return ORDER.is_terminal(self.head.state)

    @property
    def destination(self) -> Destination:
        """As much of the address as an event may carry."""
        return Destination(country_code=self.head.country_code, postal_zone=self.head.postal_zone)

    @property
    def promised(self) -> Promise:
        """The promise in force, as events carry it."""
        row = self.promise
        return Promise(
            revision=row.revision,
            ship_by=row.ship_by,
            deliver_by_earliest=row.deliver_by_earliest,
            deliver_by_latest=row.deliver_by_latest,
            source=row.source,
        )

    def line(self, line_id: UUID) -> OrderLine:
        """Give a line of this order; raises KeyError."""
        for line in self.lines:
            if line.id == line_id:
                return line
        raise KeyError(line_id)

    def parcel(self, parcel_id: UUID) -> Parcel:
        """Give a parcel, a new one if nobody told of it yet."""
        for parcel in self.parcels:
            if parcel.id == parcel_id:
                return parcel
        parcel = Parcel(id=parcel_id, order_id=self.id)
        self.parcels.append(parcel)
        return parcel

    def counts(self, quantities: Iterable[tuple[OrderLine, int]]) -> tuple[LineCount, ...]:
        """Write (line, quantity) pairs as events carry them, leaving out zeroes."""
        return tuple(
            LineCount(line_id=line.id, sku=line.sku, quantity=count) for line, count in quantities if count > 0
        )

    def count_parcels(self) -> None:
        """Count the units outside the house anew from all parcels, whatever order their facts came in."""
        for line in self.lines:
            if line.requires_shipping:
                line.delivered = self._units(line.id, frozenset({DELIVERED}))
                line.lost = self._units(line.id, frozenset({LOST}))
                line.returned = self._units(line.id, frozenset({RETURNED}))
                line.handed_over = max(line.handed_over, self._units(line.id, OUTSIDE))

    def _units(self, line_id: UUID, positions: frozenset[str]) -> int:
        return sum(
            int(str(entry["quantity"]))
            for parcel in self.parcels
            if parcel.position in positions
            for entry in parcel.contents
            if entry["line_id"] == str(line_id)
        )
