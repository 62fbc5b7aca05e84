"""Facts the inventory service publishes: stock, keyed by SKU, and the warehouse's work, keyed by order id."""

from datetime import datetime
from uuid import UUID

from shared.events.base import Destination, Event, LineCount, Progress, Value


class InventoryEvent(Event, source="inventory", aggregate="fulfilment"):
    """A fact of an order's units in the warehouse."""

    order_id: UUID

    @property
    def key(self) -> str:
        return str(self.order_id)


class StockEvent(Event, source="inventory", aggregate="stock"):
    """A fact of one SKU."""

    sku: str

    @property
    def key(self) -> str:
        return self.sku


class Allocation(Value):
    """Units reserved for a line at one location."""

    location: str
    quantity: int


class LineStock(Value):
    """Where the units of one line stand in stock, as absolute totals.

    reserved counts live reservations (soft, allocated, and consumed by hand-over); released counts units
    given back for good (expired, cancelled, shorted without replacement).
    """

    line_id: UUID
    sku: str
    reserved: int
    backordered: int
    released: int = 0
    allocations: tuple[Allocation, ...] = ()
    expected_at: datetime | None = None


class StockReserved(InventoryEvent, fact="stock_reserved"):
    """Stock is reserved for every unit of the order; `lines` has every line."""

    lines: tuple[LineStock, ...]
    soft_until: datetime | None = None
    progress: Progress


class StockBackordered(InventoryEvent, fact="stock_backordered"):
    """At least one unit has no stock; `lines` has every line, also those reserved."""

    lines: tuple[LineStock, ...]
    progress: Progress


class ReservationReleased(InventoryEvent, fact="reservation_released"):
    """Reservations ended: expired, cancelled, displaced or shorted; `lines` has every line."""

    reason: str
    lines: tuple[LineStock, ...]


class FulfilmentPlanned(InventoryEvent, fact="fulfilment_planned"):
    """A location will pick these units by its cut-off."""

    fulfilment_id: UUID
    release_no: int
    location: str
    cut_off_at: datetime
    lines: tuple[LineCount, ...]
    queue_depth: int = 0
    progress: Progress


class FulfilmentCancelled(InventoryEvent, fact="fulfilment_cancelled"):
    """Nothing is left to ship for a fulfilment order: its units were cancelled, or are picked elsewhere."""

    fulfilment_id: UUID
    location: str
    progress: Progress


class PickStarted(InventoryEvent, fact="pick_started"):
    """A picker took the fulfilment order's list."""

    fulfilment_id: UUID
    location: str
    progress: Progress


class PickConfirmed(InventoryEvent, fact="pick_confirmed"):
    """Units were scanned into the tote: absolute picked totals per line of the order."""

    fulfilment_id: UUID
    location: str
    lines: tuple[LineCount, ...]
    complete: bool
    progress: Progress


class PickShorted(InventoryEvent, fact="pick_shorted"):
    """Units could not be picked: not_found, mismatch or damaged at the shelf (a document, not a total)."""

    fulfilment_id: UUID
    location: str
    line_id: UUID
    sku: str
    quantity: int
    reason: str


class ShortfallOpened(InventoryEvent, fact="shortfall_opened"):
    """No other stock serves the shorted units before the cut-off."""

    line_id: UUID
    sku: str
    quantity: int
    expected_at: datetime | None = None
    progress: Progress


class ShortfallHealed(InventoryEvent, fact="shortfall_healed"):
    """The shorted units have stock again, here or elsewhere."""

    line_id: UUID
    sku: str
    quantity: int
    location: str


class ParcelClosed(InventoryEvent, fact="parcel_closed"):
    """A parcel is packed, weighed and closed; `packed` has the order's absolute packed totals."""

    parcel_id: UUID
    fulfilment_id: UUID
    location: str
    contents: tuple[LineCount, ...]
    packed: tuple[LineCount, ...]
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    service_level: str
    destination: Destination
    cut_off_at: datetime
    weight_variance_grams: int = 0
    progress: Progress


class ParcelReopened(InventoryEvent, fact="parcel_reopened"):
    """A closed parcel was opened again, its label given back before; `packed` has the order's absolute totals."""

    parcel_id: UUID
    fulfilment_id: UUID
    location: str
    packed: tuple[LineCount, ...]
    progress: Progress


class ParcelHandedOver(InventoryEvent, fact="parcel_handed_over"):
    """The dispatch scan: stock has left; `handed_over` has the order's absolute totals."""

    parcel_id: UUID
    fulfilment_id: UUID
    location: str
    contents: tuple[LineCount, ...]
    handed_over: tuple[LineCount, ...]
    tracking_number: str
    manifest: str = ""
    progress: Progress


class PicksPutBack(InventoryEvent, fact="picks_put_back"):
    """Cancelled units lie on their shelf again: absolute put-back totals per line."""

    fulfilment_id: UUID
    cancellation_id: UUID | None = None
    lines: tuple[LineCount, ...]


class CancellationOutcome(Value):
    """What became of some units of one line: cancelled, put_back_pending, intercept_requested, refused_shipped."""

    line_id: UUID
    sku: str
    quantity: int
    outcome: str


class CancellationAnswered(InventoryEvent, fact="cancellation_answered"):
    """Exactly one answer per cancellation request, an outcome for each line and unit."""

    cancellation_id: UUID
    outcomes: tuple[CancellationOutcome, ...]


class ParcelDamaged(InventoryEvent, fact="parcel_damaged"):
    """Units were found damaged between pick and hand-over (a document, not a total)."""

    fulfilment_id: UUID
    location: str
    line_id: UUID
    sku: str
    quantity: int


class StockChanged(StockEvent, fact="stock_changed"):
    """A snapshot of one SKU at one location, at most one a second; absolute."""

    location: str
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    available: int
    backorderable: bool = True
    next_available_at: datetime | None = None


class SkuSaved(StockEvent, fact="sku_saved"):
    """A SKU was created or changed; orders keeps a read copy. `safety`: somebody's safety rests on its soundness."""

    name: str
    weight_grams: int
    requires_shipping: bool = True
    active: bool = True
    fragile: bool = False
    perishable: bool = False
    safety: bool = False


class InboundLine(Value):
    """Units of one SKU expected or received."""

    sku: str
    quantity: int


class InboundAnnounced(StockEvent, fact="inbound_announced"):
    """A purchase or transfer will bring units of this SKU."""

    inbound_id: UUID
    location: str
    quantity: int
    expected_at: datetime


class InboundReceived(StockEvent, fact="inbound_received"):
    """Units of this SKU were received against an inbound, absolute total."""

    inbound_id: UUID
    location: str
    quantity: int


class LocationSaved(Event, source="inventory", aggregate="location", fact="location_saved"):
    """A location was created or changed; orders needs its zone, cut-offs and calendar to promise.

    Every service level's week is written out in `cut_offs`; `*` serves levels that are not named.
    """

    location: str
    name: str
    country_code: str
    postal_code: str
    zone: str
    time_zone: str
    cut_offs: tuple["CutOff", ...] = ()
    holidays: tuple[str, ...] = ()
    active: bool = True

    @property
    def key(self) -> str:
        return self.location


class CutOff(Value):
    """The last moment for orders and the truck's time of one weekday (0 = Monday), local `HH:MM`.

    A truck whose time is before its cut-off's leaves the next day.
    """

    service_level: str
    weekday: int
    order_by: str
    truck_at: str


LocationSaved.model_rebuild()
