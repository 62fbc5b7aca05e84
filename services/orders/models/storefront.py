"""Tables of the storefronts: who they are, their keys and quotes, their feed and webhooks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity
from sqlmodel import Field

from services.orders.models.columns import Document, OrdersTable, document, moment, text, texts
from services.orders.states import DeliveryState, EndpointState


class StorefrontRow(OrdersTable, table=True):
    """A shop that sends us orders."""

    __tablename__ = "storefront"

    id: UUID = Field(primary_key=True)
    code: str
    name: str
    notifications: str
    created_at: datetime = Field(sa_column=moment(required=True))


class ApiKey(OrdersTable, table=True):
    """A storefront's key, stored as its hash."""

    __tablename__ = "api_key"

    id: UUID = Field(primary_key=True)
    storefront_id: UUID
    prefix: str
    hash: str
    test: bool
    label: str
    scopes: list[str] = Field(sa_column=texts())
    created_at: datetime = Field(sa_column=moment(required=True))
    expires_at: datetime | None = Field(default=None, sa_column=moment())
    revoked_at: datetime | None = Field(default=None, sa_column=moment())
    revoked_by: str | None = None


class Quote(OrdersTable, table=True):
    """A promise we offered, good until it expires."""

    __tablename__ = "quote"

    id: UUID = Field(primary_key=True)
    storefront_id: UUID
    service_level: str
    country_code: str
    postal_zone: str
    basket: str
    location: str | None = None
    ship_by: datetime = Field(sa_column=moment(required=True))
    deliver_by_earliest: datetime = Field(sa_column=moment(required=True))
    deliver_by_latest: datetime = Field(sa_column=moment(required=True))
    expires_at: datetime = Field(sa_column=moment(required=True))


class StorefrontFeed(OrdersTable, table=True):
    """The last number given in a storefront's feed (tests have one of their own), and the last dropped by age."""

    __tablename__ = "storefront_feed"

    storefront_id: UUID = Field(primary_key=True)
    test: bool = Field(primary_key=True)
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    dropped_until: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class PublicEvent(OrdersTable, table=True):
    """A fact as storefronts see it; numbered without gaps after its commit."""

    __tablename__ = "public_event"

    ordinal: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    id: UUID
    storefront_id: UUID
    sequence: int | None = Field(default=None, sa_column=Column(BigInteger))
    type: str
    order_id: UUID | None = None
    reference: str | None = None
    test: bool
    created_at: datetime = Field(sa_column=moment(required=True))
    data: Document = Field(sa_column=document())


class WebhookEndpoint(OrdersTable, table=True):
    """An address a storefront wants its events sent to."""

    __tablename__ = "webhook_endpoint"

    id: UUID = Field(primary_key=True)
    storefront_id: UUID
    url: str
    events: list[str] = Field(sa_column=texts())
    secret: str
    previous_secret: str | None = None
    previous_secret_until: datetime | None = Field(default=None, sa_column=moment())
    test: bool
    state: EndpointState = Field(default=EndpointState.ACTIVE, sa_column=text())
    created_at: datetime = Field(sa_column=moment(required=True))
    disabled_reason: str | None = None


class WebhookDelivery(OrdersTable, table=True):
    """One event on its way to one endpoint, and what became of it."""

    __tablename__ = "webhook_delivery"

    id: UUID = Field(primary_key=True)
    endpoint_id: UUID
    event_id: UUID
    state: DeliveryState = Field(default=DeliveryState.PENDING, sa_column=text())
    attempts: int = 0
    due_at: datetime | None = Field(default=None, sa_column=moment())
    lease_until: datetime | None = Field(default=None, sa_column=moment())
    retry_at: datetime | None = Field(default=None, sa_column=moment())
    created_at: datetime = Field(sa_column=moment(required=True))
    delivered_at: datetime | None = Field(default=None, sa_column=moment())
    last_status: int | None = None
    last_error: str | None = None
