"""Reads the Olist data set as it lies in a directory: its traps are named here, and nothing is guessed."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from zoneinfo import ZoneInfo

from shared.errors import ConfigurationError

ZONE = ZoneInfo("America/Sao_Paulo")
"""Every time in the data is local to it."""

_MM_PER_CM = 10
_POSTCODE_DIGITS = 5

ORDER_COLUMNS = (
    "order_id",
    "customer_id",
    "order_status",
    "order_purchase_timestamp",
    "order_approved_at",
    "order_delivered_carrier_date",
    "order_delivered_customer_date",
    "order_estimated_delivery_date",
)
ITEM_COLUMNS = ("order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value")
PRODUCT_COLUMNS = (
    "product_id",
    "product_weight_g",
    "product_length_cm",
    "product_height_cm",
    "product_width_cm",
)
CUSTOMER_COLUMNS = (
    "customer_id",
    "customer_unique_id",
    "customer_zip_code_prefix",
    "customer_city",
    "customer_state",
)

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """One unit somebody bought; money in cents of BRL."""

    product: str
    seller: str
    price: int
    freight: int


@dataclass(frozen=True, slots=True)
class Product:
    """Weight and size of a product; None where the data have none, or a zero."""

    code: str
    weight_grams: int | None
    size_mm: tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Customer:
    """Where an order goes, as far as the data say."""

    person: str
    postcode: str
    city: str
    state: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order as the data tell it; times in UTC, None where the data have none."""

    reference: str
    status: str
    customer: Customer
    items: tuple[Item, ...]
    purchased_at: datetime
    approved_at: datetime | None
    handed_over_at: datetime | None
    delivered_at: datetime | None
    promised_on: date


@dataclass(frozen=True, slots=True)
class DataSet:
    """Orders by purchase time, and the products they name."""

    purchases: tuple[Purchase, ...]
    products: Mapping[str, Product]


def read(directory: Path, limit: int | None = None) -> DataSet:
    """Read the first `limit` orders by purchase time; raises ConfigurationError naming what is missing."""
    orders = list(_rows(directory, "orders.csv", ORDER_COLUMNS))
    orders.sort(key=lambda row: (row["order_purchase_timestamp"], row["order_id"]))
    chosen = orders[:limit]
    wanted = {row["order_id"] for row in chosen}
    items = _items(directory, wanted)
    customers = {row["customer_id"]: row for row in _rows(directory, "customers.csv", CUSTOMER_COLUMNS)}
    purchases = tuple(_purchase(row, items.get(row["order_id"], []), customers) for row in chosen)
    named = {item.product for purchase in purchases for item in purchase.items}
    products: dict[str, Product] = {}
    for row in _rows(directory, "products.csv", PRODUCT_COLUMNS):
        if row["product_id"] in named:
            with _naming("product", row["product_id"]):
                products[row["product_id"]] = product_of(row)
    return DataSet(purchases, {code: products.get(code, Product(code, None, None)) for code in sorted(named)})


def utc_of(text: str) -> datetime | None:
    """Read a local time as UTC; an hour that summer time repeats is its first, one it skips is moved on by it."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC) if text else None


def cents_of(text: str) -> int:
    """Read a decimal amount as cents."""
    return int(Decimal(text).scaleb(2).to_integral_value())


def product_of(row: Row) -> Product:
    """Read a product; a weight or side of zero counts as missing."""
    sides = tuple(_positive(row[f"product_{side}_cm"], _MM_PER_CM) for side in ("length", "width", "height"))
    length, width, height = sides
    size = (length, width, height) if length and width and height else None
    return Product(row["product_id"], _positive(row["product_weight_g"], 1), size)


def postcode_of(prefix: str) -> str:
    """Write a prefix as a postcode; spreadsheets ate its leading zeros."""
    return f"{prefix.zfill(_POSTCODE_DIGITS)}-000"


def _positive(text: str, factor: int) -> int | None:
    value = round(float(text) * factor) if text else 0
    return value if value > 0 else None


def _rows(directory: Path, name: str, columns: tuple[str, ...]) -> Iterator[Row]:
    path = directory / name
    if not path.is_file():
        raise ConfigurationError(f"{path} is missing: name the directory that holds the Olist data set")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            lacking = [column for column in columns if column not in (reader.fieldnames or ())]
            if lacking:
                raise ConfigurationError(f"{path} lacks the columns {', '.join(lacking)}")
            for row in reader:
                if any(row[column] is None for column in columns):
                    raise ConfigurationError(f"{path}, line {reader.line_num}: there are fewer cells than columns")
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path}, after line {reader.line_num}: {error}") from error


@contextmanager
def _naming(what: str, which: str) -> Iterator[None]:
    """Name what cannot be read; raises ConfigurationError."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        raise ConfigurationError(f"{what} {which!r} cannot be read: {error}") from error


def _items(directory: Path, wanted: set[str]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    numbered: list[tuple[str, int, Item]] = []
    for row in _rows(directory, "order_items.csv", ITEM_COLUMNS):
        if row["order_id"] in wanted:
            with _naming("an item of order", row["order_id"]):
                item = Item(row["product_id"], row["seller_id"], cents_of(row["price"]), cents_of(row["freight_value"]))
                numbered.append((row["order_id"], int(row["order_item_id"]), item))
    for order_id, _, item in sorted(numbered, key=itemgetter(0, 1)):
        found.setdefault(order_id, []).append(item)
    return found


def _purchase(row: Row, items: list[Item], customers: Mapping[str, Row]) -> Purchase:
    with _naming("order", row["order_id"]):
        return _purchase_of(row, items, customers)


def _purchase_of(row: Row, items: list[Item], customers: Mapping[str, Row]) -> Purchase:
    purchased_at = utc_of(row["order_purchase_timestamp"])
    customer = customers.get(row["customer_id"])
    if purchased_at is None or customer is None:
        raise ConfigurationError(f"order {row['order_id']} has no purchase time or no customer in customers.csv")
    return Purchase(
        reference=row["order_id"],
        status=row["order_status"],
        customer=Customer(
            person=customer["customer_unique_id"],
            postcode=postcode_of(customer["customer_zip_code_prefix"]),
            city=customer["customer_city"].title(),
            state=customer["customer_state"],
        ),
        items=tuple(items),
        purchased_at=purchased_at,
        approved_at=utc_of(row["order_approved_at"]),
        handed_over_at=utc_of(row["order_delivered_carrier_date"]),
        delivered_at=utc_of(row["order_delivered_customer_date"]),
        promised_on=datetime.fromisoformat(row["order_estimated_delivery_date"]).date(),
    )
