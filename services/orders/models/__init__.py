"""Tables of the orders service, and the record that holds one order's rows while an action changes them."""

from services.orders.models.callers import CallerVerification, Erasure, PersonView
from services.orders.models.catalogue import LocationCopy, LookUpEntry, SkuCopy, StockCopy, TimelineEntry
from services.orders.models.columns import Document
from services.orders.models.money import PaymentReport, Refund, Remedy
from services.orders.models.order import (
    Cancellation,
    Hold,
    Order,
    OrderLine,
    OrderRelease,
    Parcel,
    ProgressRow,
    PromiseRow,
)
from services.orders.models.record import OrderRecord
from services.orders.models.storefront import (
    ApiKey,
    PublicEvent,
    Quote,
    StorefrontFeed,
    StorefrontRow,
    WebhookDelivery,
    WebhookEndpoint,
)

__all__ = [
    "ApiKey",
    "CallerVerification",
    "Cancellation",
    "Document",
    "Erasure",
    "Hold",
    "LocationCopy",
    "LookUpEntry",
    "Order",
    "OrderLine",
    "OrderRecord",
    "OrderRelease",
    "Parcel",
    "PaymentReport",
    "PersonView",
    "ProgressRow",
    "PromiseRow",
    "PublicEvent",
    "Quote",
    "Refund",
    "Remedy",
    "SkuCopy",
    "StockCopy",
    "StorefrontFeed",
    "StorefrontRow",
    "TimelineEntry",
    "WebhookDelivery",
    "WebhookEndpoint",
]
