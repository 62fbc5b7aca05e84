"""Olist's orders as the suite's doors take them: goods, sellers, stock, orders, and the carrier's scripts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from cli.olist.parcels import grams_of, size_of
from cli.olist.plan import PAYMENT_GRACE, Assumption, Fate, Line, Plan
from cli.olist.rows import Customer, Product

CURRENCY = "BRL"
COUNTRY = "BR"
SCAN_HOURS = 48
Body = dict[str, object]
Pair = tuple[str, str]
"""A product and its seller: a SKU and its location."""


def sku_body(product: Product) -> Body:
    """Write a product as a SKU."""
    length, width, height = size_of(product)
    return {
        "code": product.code,
        "name": f"Product {product.code[:8]}",
        "weight_grams": grams_of(product),
        "length_mm": length,
        "width_mm": width,
        "height_mm": height,
    }


def location_body(seller: str) -> Body:
    """Write a seller as a location; the data have no address of sellers."""
    return {
        "code": seller,
        "name": f"Seller {seller[:8]}",
        "line1": "(address not in the data)",
        "city": "Sao Paulo",
        "region": "SP",
        "postal_code": "01000-000",
        "country_code": COUNTRY,
        "zone": "br",
        "time_zone": "America/Sao_Paulo",
    }


def order_body(plan: Plan) -> Body:
    """Write an order as `POST /v1/orders` takes it; the promise is a day, the payment is pending until approval."""
    purchase = plan.purchase
    expected = max(plan.approved_at or purchase.purchased_at, purchase.purchased_at)
    return {
        "reference": plan.reference,
        "placed_at": purchase.purchased_at.isoformat(),
        "service_level": "standard",
        "deliver_by": purchase.promised_on.isoformat(),
        "customer": {"reference": purchase.customer.person, "locale": "pt-BR"},
        "shipping_address": _address(purchase.customer),
        "lines": [_line(line) for line in plan.lines],
        "shipping_price": money(plan.shipping_price),
        "total": money(plan.total),
        "payment": {"status": "pending", "expires_at": (expected + PAYMENT_GRACE).isoformat()},
    }


def receipt_lines(wanted: Mapping[Pair, int]) -> list[Body]:
    """Write units by SKU and location as lines of a receipt."""
    return [
        {"sku": product, "location": seller, "quantity": units}
        for (product, seller), units in sorted(wanted.items())
        if units > 0
    ]


def units_by_pair(lines: Iterable[Line]) -> Counter[Pair]:
    """Count units by SKU and location."""
    counted: Counter[Pair] = Counter()
    for line in lines:
        counted[line.product, line.seller] += line.quantity
    return counted


def script_of(plan: Plan) -> Body | None:
    """Write the journey of an order's parcels; None when nothing of it is ever handed over."""
    handed_over_at, ends_at = plan.handed_over_at, plan.ends_at
    if handed_over_at is None or ends_at is None:
        return None
    picked_up = step(handed_over_at, "in_transit", "picked_up", "Posted")
    if plan.fate is Fate.LOST:
        steps, interval = [picked_up, step(ends_at, "failure", "lost", "Package is considered lost")], None
    elif Assumption.DELIVERED_FIRST in plan.assumptions:
        steps, interval = [_delivery(plan.purchase.customer, ends_at)], None
    else:
        steps, interval = [picked_up, _delivery(plan.purchase.customer, ends_at)], SCAN_HOURS
    return {"match": {"print_custom_1": plan.reference}, "steps": steps, "synthetic_scan_hours": interval}


def step(at: datetime, status: str, detail: str, message: str) -> Body:
    """Write one scan."""
    return {
        "at": at.isoformat(),
        "status": status,
        "status_detail": detail,
        "message": message,
        "country": COUNTRY,
    }


def money(cents: int) -> Body:
    """Write an amount."""
    return {"amount": cents, "currency": CURRENCY}


def in_chunks(rows: Sequence[Body], size: int) -> Iterable[list[Body]]:
    """Cut a long list into bodies that a door takes."""
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])


def _delivery(customer: Customer, at: datetime) -> Body:
    scan = step(at, "delivered", "arrived_at_destination", "Delivered")
    return {**scan, "city": customer.city.upper(), "state": customer.state}


def _address(customer: Customer) -> Body:
    return {
        "name": f"Customer {customer.person[:8]}",
        "line1": "(street not in the data)",
        "city": customer.city,
        "region": customer.state,
        "postal_code": customer.postcode,
        "country_code": COUNTRY,
    }


def _line(line: Line) -> Body:
    return {
        "reference": line.reference,
        "sku": line.product,
        "quantity": line.quantity,
        "unit_price": money(line.price),
        "total": money(line.price * line.quantity),
        "location": line.seller,
    }
