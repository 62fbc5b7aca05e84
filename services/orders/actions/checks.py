"""What a storefront's order must fulfil beyond its shape: every field that does not is named, all at once."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from services.orders.promise import end_of_day, is_country, zone_of
from services.orders.queries.catalogue import Catalogue
from services.orders.schemas.intake import PlaceLine, PlaceOrder
from services.orders.schemas.parts import Price
from shared.errors import FieldError

_PAGE = "the SKU is not in the catalogue"


def find_errors(body: PlaceOrder, catalogue: Catalogue, storefront_id: UUID, now: datetime) -> tuple[FieldError, ...]:
    """Name every field of an order that cannot be accepted."""
    return (
        *_line_errors(body.lines, catalogue),
        *_money_errors(body),
        *_total_errors(body),
        *_place_errors(body, now),
        *_quote_errors(body, catalogue, storefront_id, now),
    )


def sku_errors(skus: Sequence[tuple[str, str]], known: set[str]) -> tuple[FieldError, ...]:
    """Name the pointers of SKUs that are not among `known`."""
    return tuple(
        FieldError(pointer, "unknown_sku", f"{_PAGE}: {sku[:64]!r}") for pointer, sku in skus if sku not in known
    )


def _line_errors(lines: Sequence[PlaceLine], catalogue: Catalogue) -> Iterator[FieldError]:
    seen: set[str] = set()
    for number, line in enumerate(lines):
        sku = catalogue.skus.get(line.sku)
        if sku is None:
            yield FieldError(f"/lines/{number}/sku", "unknown_sku", f"{_PAGE}: {line.sku!r}")
        elif not sku.active:
            yield FieldError(f"/lines/{number}/sku", "inactive_sku", f"{line.sku!r} is no longer sold")
        if line.location is not None and line.location not in catalogue.locations:
            yield FieldError(f"/lines/{number}/location", "unknown_location", f"no location {line.location!r}")
        if line.reference in seen:
            yield FieldError(f"/lines/{number}/reference", "duplicate", "another line has this reference")
        seen.add(line.reference)


def amounts_of(body: PlaceOrder) -> Iterator[tuple[str, Price]]:
    """Give every amount of money with its pointer."""
    for number, line in enumerate(body.lines):
        for name in ("unit_price", "discount", "tax", "total"):
            price = getattr(line, name)
            if price is not None:
                yield f"/lines/{number}/{name}", price
    for pointer, price in (
        ("/shipping_price", body.shipping_price),
        ("/total", body.total),
        ("/payment/amount", body.payment.amount if body.payment else None),
    ):
        if price is not None:
            yield pointer, price


def currency_of(body: PlaceOrder) -> str:
    """Give the order's currency: the total's, else the first line's."""
    return body.total.currency if body.total is not None else body.lines[0].unit_price.currency


def _money_errors(body: PlaceOrder) -> Iterator[FieldError]:
    currency = currency_of(body)
    for pointer, price in amounts_of(body):
        if price.currency != currency:
            detail = f"the order is in {currency}, this is in {price.currency}"
            yield FieldError(f"{pointer}/currency", "currency_mismatch", detail)


def line_total(line: PlaceLine) -> int:
    """Give a line's total in minor units: as sent, else price times quantity less discount plus tax."""
    if line.total is not None:
        return line.total.amount
    return max(0, _net(line)) + _amount(line.tax)


def order_total(body: PlaceOrder) -> int:
    """Give the order's total in minor units: as sent, else lines and shipping."""
    if body.total is not None:
        return body.total.amount
    return sum(map(line_total, body.lines)) + _amount(body.shipping_price)


def _net(line: PlaceLine) -> int:
    return line.unit_price.amount * line.quantity - _amount(line.discount)


def _amount(price: Price | None) -> int:
    return price.amount if price is not None else 0


def _total_errors(body: PlaceOrder) -> Iterator[FieldError]:
    for number, line in enumerate(body.lines):
        net, tax = _net(line), _amount(line.tax)
        if net < 0:
            yield FieldError(f"/lines/{number}/discount", "over_price", "the discount is more than the line's price")
        elif line.total is not None and line.total.amount not in {net, net + tax}:
            detail = f"{line.total.amount} is neither {net} (tax included) nor {net + tax} (tax added)"
            yield FieldError(f"/lines/{number}/total", "total_mismatch", detail)
    wanted = sum(map(line_total, body.lines)) + _amount(body.shipping_price)
    if body.total is not None and body.total.amount != wanted:
        detail = f"lines and shipping add up to {wanted}, not {body.total.amount}"
        yield FieldError("/total", "total_mismatch", detail)


def _place_errors(body: PlaceOrder, now: datetime) -> Iterator[FieldError]:
    address = body.shipping_address
    if not is_country(address.country_code):
        yield FieldError("/shipping_address/country_code", "unknown_country", "no such ISO 3166 country")
    elif (
        body.deliver_by is not None and end_of_day(body.deliver_by, zone_of(address.country_code, address.region)) < now
    ):
        yield FieldError("/deliver_by", "in_the_past", "the promised day is over already")
    expires_at = body.payment.expires_at if body.payment else None
    if expires_at is not None and expires_at <= now:
        yield FieldError("/payment/expires_at", "in_the_past", "the payment has expired already")


def _quote_errors(body: PlaceOrder, catalogue: Catalogue, storefront_id: UUID, now: datetime) -> Iterator[FieldError]:
    if body.quote_id is None:
        return
    quote = catalogue.quotes.get(body.quote_id)
    if quote is None or quote["storefront_id"] != storefront_id:
        yield FieldError("/quote_id", "unknown_quote", "no such quote")
        return
    if quote["expires_at"] < now:
        yield FieldError("/quote_id", "expired_quote", "the quote has expired: ask for delivery options again")
    if quote["country_code"] != body.shipping_address.country_code:
        yield FieldError("/quote_id", "other_destination", f"the quote is for {quote['country_code']}")
    if "service_level" in body.model_fields_set and quote["service_level"] != body.service_level:
        yield FieldError("/service_level", "other_level", f"the quote is for {quote['service_level']}")
