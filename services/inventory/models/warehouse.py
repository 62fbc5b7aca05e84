"""Tables of the warehouse's work; locked rows are loaded as these classes, changed by actions and saved as a set."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Column, DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from shared.rows import Row


def _moment(*, required: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=not required)


class WarehouseTable(Row):
    """A table of the warehouse half of the inventory database."""

    metadata: ClassVar[MetaData] = MetaData()


class WarehouseOrder(WarehouseTable, table=True):
    """What the warehouse keeps of a released order; its row lock guards all work on the order."""

    __tablename__ = "warehouse_order"

    order_id: UUID = Field(primary_key=True)
    number: str
    reference: str
    service_level: str
    country_code: str
    postal_zone: str
    ship_by: datetime = Field(sa_column=_moment(required=True))
    priority: int
    placed_at: datetime = Field(sa_column=_moment(required=True))
    ships_partially: bool
    holds: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    held_since: datetime | None = Field(default=None, sa_column=_moment())
    ship_after: datetime | None = Field(default=None, sa_column=_moment())


class Fulfilment(WarehouseTable, table=True):
    """The units of one release at one location; a later part follows when a finished one gets units again."""

    __tablename__ = "fulfilment"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    release_no: int
    part: int = 1
    location: str
    state: str = "open"
    since: datetime = Field(sa_column=_moment(required=True))
    version: int = 1
    cut_off_at: datetime = Field(sa_column=_moment(required=True))
    planned_at: datetime = Field(sa_column=_moment(required=True))
    started_at: datetime | None = Field(default=None, sa_column=_moment())
    missing: int = 0
    to_pick: int = 0
    priority: int
    placed_at: datetime = Field(sa_column=_moment(required=True))
    number: str
    reference: str


class PickList(WarehouseTable, table=True):
    """What one picker walks for; `active_at` is its last scan, or when it was taken."""

    __tablename__ = "pick_list"

    id: UUID = Field(primary_key=True)
    location: str
    mode: str
    state: str = "planned"
    since: datetime = Field(sa_column=_moment(required=True))
    version: int = 1
    picker: str | None = None
    cut_off_at: datetime = Field(sa_column=_moment(required=True))
    priority: int
    placed_at: datetime = Field(sa_column=_moment(required=True))
    reference: str
    planned_at: datetime = Field(sa_column=_moment(required=True))
    active_at: datetime | None = Field(default=None, sa_column=_moment())


class PickTask(WarehouseTable, table=True):
    """Units of a line to bring from the shelf into a parcel; every count is a total of this task."""

    __tablename__ = "pick_task"

    id: UUID = Field(primary_key=True)
    fulfilment_id: UUID
    order_id: UUID
    line_id: UUID
    sku: str
    bin: str
    walk_order: int
    list_id: UUID | None = None
    state: str = "released"
    since: datetime = Field(sa_column=_moment(required=True))
    short_reason: str | None = None
    quantity: int
    picked: int = 0
    shorted: int = 0
    cancelled: int = 0
    boxed: int = 0
    packed: int = 0
    handed_over: int = 0
    put_back_due: int = 0
    put_back: int = 0
    damaged: int = 0

    @property
    def unpicked(self) -> int:
        """Units still to be taken from the shelf."""
        return self.quantity - self.picked - self.shorted - self.cancelled

    @property
    def in_tote(self) -> int:
        """Units picked that lie in no parcel yet."""
        return self.picked - self.boxed - self.put_back - self.damaged

    @property
    def to_box(self) -> int:
        """Units in the tote that shall go into a parcel: those to be put back stay out."""
        return max(self.in_tote - self.put_back_due, 0)

    @property
    def live(self) -> int:
        """Units that still ship, must still be put back, or have shipped."""
        return self.quantity - self.shorted - self.cancelled - self.put_back - self.damaged


class PickScan(WarehouseTable, table=True):
    """One confirmed scan; the last one of a list can be undone."""

    __tablename__ = "pick_scan"

    id: int | None = Field(default=None, primary_key=True)
    list_id: UUID
    task_id: UUID
    barcode: str
    tote: str
    units: int
    picker: str
    scanned_at: datetime = Field(sa_column=_moment(required=True))
    undone_at: datetime | None = Field(default=None, sa_column=_moment())


class Parcel(WarehouseTable, table=True):
    """A box with units of one fulfilment order; its label is shipping's, we keep what we were told."""

    __tablename__ = "parcel"

    id: UUID = Field(primary_key=True)
    fulfilment_id: UUID
    order_id: UUID
    parcel_no: int
    location: str
    state: str = "open"
    since: datetime = Field(sa_column=_moment(required=True))
    version: int = 1
    packer: str
    weight_grams: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    tare_grams: int = 0
    expected_grams: int | None = None
    label_state: str = "none"
    label_problem: str = ""
    shipment_id: UUID | None = None
    carrier: str = ""
    service: str = ""
    tracking_number: str = ""
    hand_over_id: UUID | None = None


class ParcelContent(WarehouseTable, table=True):
    """Units of a pick task inside a parcel."""

    __tablename__ = "parcel_content"

    parcel_id: UUID = Field(primary_key=True)
    task_id: UUID = Field(primary_key=True)
    quantity: int


class HandOver(WarehouseTable, table=True):
    """One dispatch: parcels that left with one carrier."""

    __tablename__ = "hand_over"

    id: UUID = Field(primary_key=True)
    location: str
    carrier: str
    manifest: str
    actor: str
    at: datetime = Field(sa_column=_moment(required=True))


class Shortfall(WarehouseTable, table=True):
    """Released units that could not be picked and have no stock yet."""

    __tablename__ = "shortfall"

    id: UUID = Field(primary_key=True)
    fulfilment_id: UUID
    order_id: UUID
    line_id: UUID
    sku: str
    state: str = "open"
    since: datetime = Field(sa_column=_moment(required=True))
    version: int = 1
    opened_at: datetime = Field(sa_column=_moment(required=True))
    quantity: int
    healed: int = 0
    cancelled: int = 0

    @property
    def missing(self) -> int:
        """Units that still wait for stock."""
        return self.quantity - self.healed - self.cancelled


class PutBack(WarehouseTable, table=True):
    """Picked units that a cancellation sends back to their shelf."""

    __tablename__ = "put_back"

    id: UUID = Field(primary_key=True)
    task_id: UUID
    cancellation_id: UUID | None = None
    asked_at: datetime = Field(sa_column=_moment(required=True))
    quantity: int
    done: int = 0
