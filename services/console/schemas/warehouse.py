"""What the console reads of the warehouse's work: pick lists, scans, fulfilment orders, parcels, hand-overs."""

from datetime import datetime
from uuid import UUID

from services.console.schemas import Read


class Place(Read):
    """A location."""

    code: str
    name: str
    active: bool = True


class Places(Read):
    """Locations."""

    data: list[Place]
    next_cursor: str | None = None


class Barcode(Read):
    """A code on the goods and the units it stands for."""

    code: str
    units: int


class PickTask(Read):
    """A line to pick."""

    task_id: UUID
    number: str
    tote: str
    bin: str
    sku: str
    name: str
    barcodes: list[Barcode]
    quantity: int
    picked: int
    shorted: int
    cancelled: int
    remaining: int

    @property
    def wanted(self) -> int:
        """Units that are still to come out of this task."""
        return self.quantity - self.cancelled - self.shorted

    def is_item(self, code: str) -> bool:
        """Say whether a scanned code is this item's."""
        return code == self.sku or any(barcode.code == code for barcode in self.barcodes)


class Tote(Read):
    """The tote of one order on a list."""

    tote: str
    number: str
    order_id: UUID
    fulfilment_id: UUID


class PickList(Read):
    """A pick list in walking order."""

    id: UUID
    location: str
    mode: str
    state: str
    picker: str | None
    cut_off_at: datetime
    totes: list[Tote]
    tasks: list[PickTask]
    remaining: int

    @property
    def is_cart(self) -> bool:
        """Say whether several totes are on the cart."""
        return len(self.totes) > 1


class Scanned(Read):
    """What a scan, or taking it back, did."""

    task: PickTask
    units: int


class Replacement(Read):
    """Where missing units will be picked instead."""

    location: str
    quantity: int


class Shorted(Read):
    """What became of missing units."""

    task: PickTask
    replaced: list[Replacement]
    backordered: int
    expected_at: datetime | None


class ListSummary(Read):
    """A pick list in short."""

    id: UUID
    location: str
    mode: str
    state: str
    since: datetime
    due_at: datetime | None
    picker: str | None
    cut_off_at: datetime
    orders: int
    remaining: int


class Lists(Read):
    """Pick lists."""

    data: list[ListSummary]
    next_cursor: str | None = None
