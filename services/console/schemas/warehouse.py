"""What the console reads of the warehouse's work: pick lists, scans, fulfilment orders, parcels, hand-overs."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from services.console.schemas import Read


class Place(Read):
    """A location; `label_format` is what its label printers read."""

    code: str
    name: str
    label_format: str = "png"
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


class WorkLine(Read):
    """Where the units of one line of a fulfilment order are."""

    line_id: UUID
    sku: str
    quantity: int
    picked: int
    packed: int
    handed_over: int
    put_back_due: int
    shorted: int


class Fulfilment(Read):
    """One location's part of an order, and why it is where it is."""

    id: UUID
    order_id: UUID
    number: str
    location: str
    part: int
    state: str
    since: datetime
    due_at: datetime | None
    cut_off_at: datetime
    late: bool
    why: str
    unblock: str
    missing: int
    totes: list[str]
    lines: list[WorkLine]


class Fulfilments(Read):
    """Fulfilment orders by cut-off."""

    data: list[Fulfilment]
    next_cursor: str | None = None


class ParcelLine(Read):
    """Units in a parcel."""

    line_id: UUID
    sku: str
    name: str
    quantity: int


class EnclosedLine(Read):
    """What a line was ordered with beyond its SKU, such as an engraving."""

    line_id: UUID
    properties: dict[str, JsonValue]

    @property
    def told(self) -> str:
        """All of it in one line."""
        return ", ".join(f"{name}: {value}" for name, value in self.properties.items())


class Enclosure(Read):
    """What goes with an order's goods into the parcel, as orders knows it."""

    gift_message: str
    delivery_instructions: str
    lines: list[EnclosedLine]

    @property
    def told(self) -> dict[UUID, str]:
        """What lines were ordered with, by line; lines with nothing of that kind are absent."""
        return {line.line_id: line.told for line in self.lines if line.properties}


class ParcelLabel(Read):
    """What shipping last said about a label."""

    state: str
    carrier: str
    service: str
    tracking_number: str
    problem: str


class Parcel(Read):
    """A parcel on the bench or the dock."""

    id: UUID
    fulfilment_id: UUID
    order_id: UUID
    number: str
    reference: str
    location: str
    parcel_no: int
    state: str
    since: datetime
    contents: list[ParcelLine]
    weight_grams: int | None
    length_mm: int | None
    width_mm: int | None
    height_mm: int | None
    tare_grams: int
    expected_grams: int
    variance_grams: int | None
    variance_exceeded: bool
    label: ParcelLabel
    service_level: str
    cut_off_at: datetime

    @property
    def units(self) -> int:
        """Units in the parcel."""
        return sum(line.quantity for line in self.contents)


class Parcels(Read):
    """Parcels."""

    data: list[Parcel]


class WorkCount(Read):
    """So many fulfilment orders of one cut-off that are equally far."""

    cut_off_at: datetime
    late: bool
    stage: str
    count: int


class ParcelCount(Read):
    """So many parcels that are equally far, by carrier."""

    state: str
    carrier: str
    count: int


class Workload(Read):
    """How much work waits at a location, however long its lists are."""

    works: list[WorkCount]
    parcels: list[ParcelCount]
    inbounds: int
    counts: int

    def at_stage(self, stage: str) -> int:
        """Count fulfilment orders that are so far."""
        return sum(work.count for work in self.works if work.stage == stage)

    def parcels_in(self, *states: str) -> int:
        """Count parcels in these states."""
        return sum(parcel.count for parcel in self.parcels if parcel.state in states)


class OrderWork(Read):
    """All the warehouse has about one order."""

    order_id: UUID
    number: str
    reference: str
    service_level: str
    ship_by: datetime
    holds: list[str]
    fulfilments: list[Fulfilment]
    parcels: list[Parcel]


class PrintedLabel(Read):
    """A bought label."""

    shipment_id: UUID
    carrier: str
    tracking_number: str
    format: str
    media_type: str
    content_base64: str


class Labelled(Read):
    """A parcel and its label, if there is one yet."""

    parcel: Parcel
    label: PrintedLabel | None


class Accepted(Read):
    """A parcel that left."""

    parcel_id: UUID
    order_id: UUID
    tracking_number: str


class Refused(Read):
    """A parcel that must not leave, and why."""

    parcel_id: UUID | None
    tracking_number: str
    code: str
    detail: str


class HandOver(Read):
    """What left and what was refused."""

    accepted: list[Accepted]
    refused: list[Refused]


class Damaged(Read):
    """What became of units found damaged at the bench."""

    replaced: list[Replacement]
    backordered: int
    expected_at: datetime | None


class PutBackLine(Read):
    """Units of a line to be put back."""

    sku: str
    quantity: int


class PutBack(Read):
    """What lies on its shelf again, and what must still go there."""

    put_back: list[PutBackLine]
    due: list[PutBackLine]
