"""Read copies of what inventory owns, and the indexes of orders: look-up and timeline."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity
from sqlmodel import Field

from services.orders.models.columns import Document, OrdersTable, document, moment


class SkuCopy(OrdersTable, table=True):
    """A SKU as inventory last saved it."""

    __tablename__ = "sku_copy"

    sku: str = Field(primary_key=True)
    name: str
    weight_grams: int
    requires_shipping: bool
    active: bool
    perishable: bool = False
    safety: bool = False


class LocationCopy(OrdersTable, table=True):
    """A location as inventory last saved it: enough to promise."""

    __tablename__ = "location_copy"

    code: str = Field(primary_key=True)
    name: str
    country_code: str
    postal_code: str
    zone: str
    time_zone: str
    cut_offs: list[Document] = Field(sa_column=document())
    holidays: list[str] = Field(sa_column=document())
    active: bool


class StockCopy(OrdersTable, table=True):
    """What is available of a SKU at a location, as of the last snapshot."""

    __tablename__ = "stock_copy"

    sku: str = Field(primary_key=True)
    location: str = Field(primary_key=True)
    available: int
    backorderable: bool
    next_available_at: datetime | None = Field(default=None, sa_column=moment())
    updated_at: datetime = Field(sa_column=moment(required=True))


class LookUpEntry(OrdersTable, table=True):
    """Something a caller may have in hand, normalised, and the order it leads to."""

    __tablename__ = "look_up"

    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_column=moment(required=True))


class TimelineEntry(OrdersTable, table=True):
    """One fact of any service about an order; only ever appended."""

    __tablename__ = "timeline"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    order_id: UUID
    occurred_at: datetime = Field(sa_column=moment(required=True))
    recorded_at: datetime = Field(sa_column=moment(required=True))
    source: str
    fact: str
    audience: str
    actor: str
    details: Document = Field(sa_column=document())
