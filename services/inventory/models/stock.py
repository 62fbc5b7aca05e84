"""Tables of the stock half: SKUs, locations, stock with its ledger, inbounds and reservations."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, DateTime, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def _moment(*, required: bool = True) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=not required)


def _json() -> Column[Any]:
    return Column(JSONB, nullable=False)


class StockTable(SQLModel):
    """A table of the stock half of the inventory database."""

    metadata: ClassVar[MetaData] = MetaData()


class Sku(StockTable, table=True):
    """What can be stocked and sold."""

    __tablename__ = "sku"

    code: str = Field(primary_key=True)
    name: str
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    requires_shipping: bool
    active: bool
    fragile: bool
    perishable: bool = False
    safety: bool = False
    version: int = 1
    saved_at: datetime = Field(sa_column=_moment())


class Barcode(StockTable, table=True):
    """A barcode and how many units one scan stands for."""

    __tablename__ = "barcode"

    code: str = Field(primary_key=True)
    sku: str
    units: int


class Place(StockTable, table=True):
    """A location: its address and calendar."""

    __tablename__ = "location"

    code: str = Field(primary_key=True)
    name: str
    company: str | None
    line1: str
    line2: str | None
    city: str
    region: str | None
    postal_code: str
    country_code: str
    phone: str | None
    email: str | None
    zone: str
    time_zone: str
    cut_offs: list[dict[str, Any]] = Field(sa_column=_json())
    holidays: list[str] = Field(sa_column=_json())
    label_format: str = "png"
    active: bool
    version: int = 1
    saved_at: datetime = Field(sa_column=_moment())


class Bin(StockTable, table=True):
    """An address of a SKU within a location, and when the walk passes there."""

    __tablename__ = "bin"

    location: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    bin: str = Field(primary_key=True)
    walk_order: int


class StockRow(StockTable, table=True):
    """The buckets of a SKU at a location."""

    __tablename__ = "stock"

    sku: str = Field(primary_key=True)
    location: str = Field(primary_key=True)
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    safety_stock: int = 0
    version: int = 1
    changed_at: datetime = Field(sa_column=_moment())


class LedgerEntry(StockTable, table=True):
    """One effect: never changed; the buckets are the sums."""

    __tablename__ = "ledger"

    id: int = Field(primary_key=True)
    at: datetime = Field(sa_column=_moment())
    sku: str
    location: str
    act: str
    quantity: int
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    document: str
    actor: str
    cause: str


class Snapshot(StockTable, table=True):
    """When a row's stock_changed was sent and when the next one is due."""

    __tablename__ = "snapshot"

    sku: str = Field(primary_key=True)
    location: str = Field(primary_key=True)
    due_at: datetime | None = Field(sa_column=_moment(required=False))
    sent_at: datetime | None = Field(sa_column=_moment(required=False))


class Refill(StockTable, table=True):
    """A mark that a SKU's backorders must be looked at again."""

    __tablename__ = "refill"

    id: int = Field(primary_key=True)
    sku: str
    due_at: datetime = Field(sa_column=_moment())


class CountTask(StockTable, table=True):
    """Units that somebody should count; at most one open task per SKU and location."""

    __tablename__ = "count_task"

    id: UUID = Field(primary_key=True)
    sku: str
    location: str
    reason: str
    opened_at: datetime = Field(sa_column=_moment())
    done_at: datetime | None = Field(sa_column=_moment(required=False))
    counted: int | None


class InboundRow(StockTable, table=True):
    """An expected delivery."""

    __tablename__ = "inbound"

    id: UUID = Field(primary_key=True)
    kind: str
    state: str
    location: str
    source: str | None
    reference: str
    expected_at: datetime = Field(sa_column=_moment())
    announced_at: datetime = Field(sa_column=_moment())
    since: datetime = Field(sa_column=_moment())
    version: int = 1


class InboundLine(StockTable, table=True):
    """Units of a SKU expected and received; over and short follow from them."""

    __tablename__ = "inbound_line"

    inbound_id: UUID = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    expected: int
    received: int = 0
    over: int
    short: int


class OrderDemand(StockTable, table=True):
    """What an order needs of stock and how urgently; its row lock guards the order's reservations."""

    __tablename__ = "order_demand"

    order_id: UUID = Field(primary_key=True)
    number: str
    service_level: str
    country_code: str
    postal_zone: str
    priority: int
    ship_by: datetime = Field(sa_column=_moment())
    ship_after: datetime | None = Field(sa_column=_moment(required=False))
    placed_at: datetime = Field(sa_column=_moment())
    partial_shipments: str
    soft_until: datetime | None = Field(sa_column=_moment(required=False))
    ended_at: datetime | None = Field(sa_column=_moment(required=False))


class ReservationRow(StockTable, table=True):
    """Units of an order line that stand together."""

    __tablename__ = "reservation"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    line_id: UUID
    sku: str
    location: str | None
    quantity: int
    state: str
    pinned: str | None
    expected_at: datetime | None = Field(sa_column=_moment(required=False))
    cancellation_id: UUID | None
    since: datetime = Field(sa_column=_moment())
    version: int = 1


class AvoidedLocation(StockTable, table=True):
    """A location that shorted a line, until units were received or counted there."""

    __tablename__ = "avoided_location"

    line_id: UUID = Field(primary_key=True)
    location: str = Field(primary_key=True)
    sku: str
    reason: str
    at: datetime = Field(sa_column=_moment())


class Cancellation(StockTable, table=True):
    """The one answer to a cancellation request."""

    __tablename__ = "cancellation"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    reason: str
    answered_at: datetime = Field(sa_column=_moment())
    outcomes: list[dict[str, Any]] = Field(sa_column=_json())


TABLES: tuple[type[StockTable], ...] = (
    Sku,
    Barcode,
    Place,
    Bin,
    StockRow,
    LedgerEntry,
    Snapshot,
    Refill,
    CountTask,
    InboundRow,
    InboundLine,
    OrderDemand,
    ReservationRow,
    AvoidedLocation,
    Cancellation,
)
