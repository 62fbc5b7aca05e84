"""A tiny data set of our own in the shape of Olist's files; not one row of it is real."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ORDER = {
    "order_id": "o-1",
    "customer_id": "c-1",
    "order_status": "delivered",
    "order_purchase_timestamp": "2031-05-05 10:00:00",
    "order_approved_at": "2031-05-05 10:20:00",
    "order_delivered_carrier_date": "2031-05-07 15:00:00",
    "order_delivered_customer_date": "2031-05-12 18:30:00",
    "order_estimated_delivery_date": "2031-05-20 00:00:00",
}
ITEM = {
    "order_id": "o-1",
    "order_item_id": "1",
    "product_id": "p-1",
    "seller_id": "s-1",
    "shipping_limit_date": "2031-05-09 10:20:00",
    "price": "19.9",
    "freight_value": "8.72",
}
PRODUCT = {
    "product_id": "p-1",
    "product_category_name": "brinquedos",
    "product_weight_g": "400.0",
    "product_length_cm": "27.0",
    "product_height_cm": "5.0",
    "product_width_cm": "20.0",
}
CUSTOMER = {
    "customer_id": "c-1",
    "customer_unique_id": "u-1",
    "customer_zip_code_prefix": "4571",
    "customer_city": "sao paulo",
    "customer_state": "SP",
}
Row = Mapping[str, str]


@dataclass(slots=True)
class DataSet:
    """Rows to be written as files."""

    orders: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=lambda: [PRODUCT])
    customers: list[Row] = field(default_factory=lambda: [CUSTOMER])

    def add(self, reference: str, items: Sequence[Row] = (ITEM,), /, **changes: str) -> None:
        """Add an order, its items, and whatever differs from the usual one."""
        self.orders.append({**ORDER, "order_id": reference, **changes})
        for number, item in enumerate(items, start=1):
            self.items.append({**item, "order_id": reference, "order_item_id": str(number)})

    def write(self, directory: Path) -> Path:
        """Write the four files; gives their directory."""
        _write(directory / "orders.csv", ORDER, self.orders)
        _write(directory / "order_items.csv", ITEM, self.items)
        _write(directory / "products.csv", PRODUCT, self.products)
        _write(directory / "customers.csv", CUSTOMER, self.customers)
        return directory


def _write(path: Path, columns: Row, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(rows)
