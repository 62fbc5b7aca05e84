"""What care knows of orders by the facts of other services; folded by handlers, read by rules."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlmodel import Field

from services.care.models.columns import CareTable, Units, json_column, moment


class Watch(CareTable, table=True):
    """One order under watch, with its promise and the time of the next look."""

    __tablename__ = "watch"

    order_id: UUID = Field(primary_key=True)
    number: str
    storefront_id: UUID
    customer: str = ""
    """Who ordered, as orders' digest; empty where nobody is known or they were forgotten."""
    placed_at: datetime = Field(sa_column=moment(required=True))
    service_level: str
    country: str
    zone: str
    value_amount: int
    currency: str
    notifications: str
    reship_of: UUID | None = None
    perishable: bool = False
    safety: bool = False
    gift_due_at: datetime | None = Field(default=None, sa_column=moment())
    test: bool = False
    ship_after: datetime | None = Field(default=None, sa_column=moment())
    promise_revision: int
    ship_by: datetime = Field(sa_column=moment(required=True))
    deliver_by: datetime = Field(sa_column=moment(required=True))
    first_deliver_by: datetime = Field(sa_column=moment(required=True))
    promise_revised_at: datetime | None = Field(default=None, sa_column=moment())
    agreed_revision: int | None = None
    promise_outcome: str | None = None
    ended_at: datetime | None = Field(default=None, sa_column=moment())
    outcome: str | None = None
    delivered_at: datetime | None = Field(default=None, sa_column=moment())
    next_check_at: datetime | None = Field(default=None, sa_column=moment())
    checked_at: datetime | None = Field(default=None, sa_column=moment())
    erased_at: datetime | None = Field(default=None, sa_column=moment())
    """When its customer was forgotten: no word or picture of theirs is kept since."""


class WatchLine(CareTable, table=True):
    """One line's units, as absolute totals."""

    __tablename__ = "watch_line"

    order_id: UUID = Field(primary_key=True)
    line_id: UUID = Field(primary_key=True)
    sku: str
    ordered: int
    requires_shipping: bool
    backordered: int = 0
    expected_at: datetime | None = Field(default=None, sa_column=moment())
    cancelled: int = 0
    handed_over: int = 0
    short: int = 0
    short_reason: str = ""
    made_whole: int = 0


class WatchStep(CareTable, table=True):
    """Who holds what of an order since when; `about` is the order, a fulfilment or a parcel.

    A step that has ended stays as its own tombstone: a fact of another topic that comes late must not revive it.
    """

    __tablename__ = "watch_step"

    order_id: UUID = Field(primary_key=True)
    about: str = Field(primary_key=True)
    step: str
    holder: str
    since: datetime = Field(sa_column=moment(required=True))
    due_at: datetime | None = Field(default=None, sa_column=moment())
    unblock: str
    told_by: UUID
    ended: bool = False


class WatchFulfilment(CareTable, table=True):
    """Units that one location picks and packs."""

    __tablename__ = "watch_fulfilment"

    fulfilment_id: UUID = Field(primary_key=True)
    order_id: UUID
    location: str
    cut_off_at: datetime = Field(sa_column=moment(required=True))
    planned_at: datetime = Field(sa_column=moment(required=True))
    started_at: datetime | None = Field(default=None, sa_column=moment())
    packed_at: datetime | None = Field(default=None, sa_column=moment())
    handed_over_at: datetime | None = Field(default=None, sa_column=moment())
    cancelled_at: datetime | None = Field(default=None, sa_column=moment())
    queue_depth: int = 0
    lines: list[Units] = Field(sa_column=json_column())


class WatchParcel(CareTable, table=True):
    """A parcel from its closing to the doorstep."""

    __tablename__ = "watch_parcel"

    parcel_id: UUID = Field(primary_key=True)
    order_id: UUID
    fulfilment_id: UUID | None = None
    location: str = ""
    carrier: str = ""
    service: str = ""
    tracking_number: str = ""
    hand_over: str = ""
    handed_over_at: datetime | None = Field(default=None, sa_column=moment())
    position: str = ""
    last_scan_at: datetime | None = Field(default=None, sa_column=moment())
    out_for_delivery_at: datetime | None = Field(default=None, sa_column=moment())
    flags: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    attempts: int = 0
    pickup_expires_at: datetime | None = Field(default=None, sa_column=moment())
    carrier_estimate: datetime | None = Field(default=None, sa_column=moment())
    delivered_at: datetime | None = Field(default=None, sa_column=moment())
    contents: list[Units] = Field(default_factory=list, sa_column=json_column())
    scans: list[datetime] = Field(
        default_factory=list, sa_column=Column(ARRAY(TIMESTAMP(timezone=True)), nullable=False)
    )
    milestones: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    """The position told with each of the latest scans; aligned with their ends, older scans have none."""
    carrier_exception_at: datetime | None = Field(default=None, sa_column=moment())
    """When the carrier first said that something is wrong."""


class WatchReport(CareTable, table=True):
    """What a person reported about an order, e.g. damage found on unpacking."""

    __tablename__ = "watch_report"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    kind: str
    parcel_id: UUID | None = None
    reported_by: str
    comment: str
    reported_at: datetime = Field(sa_column=moment(required=True))


class WatchLocation(CareTable, table=True):
    """Which country a location ships from."""

    __tablename__ = "watch_location"

    location: str = Field(primary_key=True)
    country: str


class CarrierFeedRow(CareTable, table=True):
    """When a carrier's feed last said anything."""

    __tablename__ = "carrier_feed"

    carrier: str = Field(primary_key=True)
    last_event_at: datetime = Field(sa_column=moment(required=True))
    next_check_at: datetime = Field(sa_column=moment(required=True))
    silent_since: datetime | None = Field(default=None, sa_column=moment())


class SampleRow(CareTable, table=True):
    """How long a stage took for a parcel that is finished."""

    __tablename__ = "sample"

    id: int | None = Field(default=None, primary_key=True)
    stage: str
    key: str
    finished_at: datetime = Field(sa_column=moment(required=True))
    hours: float
