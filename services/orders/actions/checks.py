"""What a storefront's order must fulfil beyond its shape: every field that does not is named, all at once.

An order of bad shape is checked as far as it can be read; `broken` are the pointers its shape errors name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import asyncpg
import orjson

from services.orders.promise import end_of_day, is_country, postal_zone, zone_of
from services.orders.queries.catalogue import Catalogue
from services.orders.schemas.intake import PlaceLine, PlaceOrder, WantedLine
from services.orders.schemas.parts import Price
from services.orders.schemas.readable import ReadableLine, ReadableOrder
from shared.errors import FieldError

_PAGE = "the SKU is not in the catalogue"
_WHOLE: frozenset[str] = frozenset()
_WHERE_DAYS_END_LAST = "Etc/GMT+12"

AnyOrder = PlaceOrder | ReadableOrder
AnyLine = PlaceLine | ReadableLine


def find_errors(
    body: AnyOrder, catalogue: Catalogue, storefront_id: UUID, now: datetime, *, broken: frozenset[str] = _WHOLE
) -> tuple[FieldError, ...]:
    """Name every field of an order that cannot be accepted."""
    return (
        *_line_errors(body, catalogue),
        *_money_errors(body),
        *_total_errors(body, broken),
        *_place_errors(body, now),
        *_date_errors(body, now),
        *_quote_errors(body, catalogue, storefront_id, now),
    )


def lines_of(body: AnyOrder) -> Iterator[tuple[int, AnyLine]]:
    """Give every line that can be read with its place."""
    for number, line in enumerate(body.lines):
        if line is not None:
            yield number, line


def units_by_sku(lines: Iterable[PlaceLine | WantedLine]) -> dict[str, int]:
    """Sum the units of each SKU over all lines."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def basket_of(lines: Iterable[PlaceLine | WantedLine]) -> str:
    """Give a hash of what is wanted: the same for the same units of the same SKUs, however they are split."""
    return _hash(units_by_sku(lines))


def _hash(units: Mapping[str, int]) -> str:
    return sha256(orjson.dumps(sorted(units.items()))).hexdigest()


def _line_errors(body: AnyOrder, catalogue: Catalogue) -> Iterator[FieldError]:
    seen: set[str] = set()
    for number, line in lines_of(body):
        sku = catalogue.skus.get(line.sku) if line.sku is not None else None
        if line.sku is not None and sku is None:
            yield FieldError(f"/lines/{number}/sku", "unknown_sku", f"{_PAGE}: {line.sku!r}")
        elif sku is not None and not sku.active:
            yield FieldError(f"/lines/{number}/sku", "inactive_sku", f"{line.sku!r} is no longer sold")
        if line.location is not None and line.location not in catalogue.locations:
            yield FieldError(f"/lines/{number}/location", "unknown_location", f"no location {line.location!r}")
        if line.reference is not None and line.reference in seen:
            yield FieldError(f"/lines/{number}/reference", "duplicate", "another line has this reference")
        if line.reference is not None:
            seen.add(line.reference)


def amounts_of(body: AnyOrder) -> Iterator[tuple[str, Price]]:
    """Give every amount of money with its pointer."""
    for number, line in lines_of(body):
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


def _money_errors(body: AnyOrder) -> Iterator[FieldError]:
    prices = [body.total, *(line.unit_price for _, line in lines_of(body))]
    currency = next((price.currency for price in prices if price is not None), None)
    for pointer, price in amounts_of(body):
        if currency is not None and price.currency != currency:
            detail = f"the order is in {currency}, this is in {price.currency}"
            yield FieldError(f"{pointer}/currency", "currency_mismatch", detail)


def line_total(line: AnyLine) -> int:
    """Give a line's total in minor units: as sent, else price times quantity less discount plus tax."""
    if line.total is not None:
        return line.total.amount
    return max(0, _net(line)) + _amount(line.tax)


def order_total(body: PlaceOrder) -> int:
    """Give the order's total in minor units: as sent, else lines and shipping."""
    return body.total.amount if body.total is not None else _sum(body)


def _sum(body: AnyOrder) -> int:
    return sum(line_total(line) for _, line in lines_of(body)) + _amount(body.shipping_price)


def _net(line: AnyLine) -> int:
    return _amount(line.unit_price) * (line.quantity or 0) - _amount(line.discount)


def _amount(price: Price | None) -> int:
    return price.amount if price is not None else 0


def _is_whole(pointer: str, broken: frozenset[str]) -> bool:
    return not any(one == pointer or one.startswith(f"{pointer}/") for one in broken)


def _total_errors(body: AnyOrder, broken: frozenset[str]) -> Iterator[FieldError]:
    """Check sums of which every part can be read."""
    for number, line in lines_of(body):
        if not _is_whole(f"/lines/{number}", broken):
            continue
        net, tax = _net(line), _amount(line.tax)
        if net < 0:
            yield FieldError(f"/lines/{number}/discount", "over_price", "the discount is more than the line's price")
        elif line.total is not None and line.total.amount not in {net, net + tax}:
            detail = f"{line.total.amount} is neither {net} (tax included) nor {net + tax} (tax added)"
            yield FieldError(f"/lines/{number}/total", "total_mismatch", detail)
    whole = all(_is_whole(pointer, broken) for pointer in ("/lines", "/shipping_price", "/total"))
    if whole and body.total is not None and body.total.amount != _sum(body):
        detail = f"lines and shipping add up to {_sum(body)}, not {body.total.amount}"
        yield FieldError("/total", "total_mismatch", detail)


def _place_errors(body: AnyOrder, now: datetime) -> Iterator[FieldError]:
    address = body.shipping_address
    if address is not None and address.country_code is not None and not is_country(address.country_code):
        yield FieldError("/shipping_address/country_code", "unknown_country", "no such ISO 3166 country")
    expires_at = body.payment.expires_at if body.payment else None
    if expires_at is not None and expires_at <= now:
        yield FieldError("/payment/expires_at", "in_the_past", "the payment has expired already")


def _date_errors(body: AnyOrder, now: datetime) -> Iterator[FieldError]:
    if body.deliver_by is None:
        return
    latest = end_of_day(body.deliver_by, _zone(body))
    if latest < now:
        yield FieldError("/deliver_by", "in_the_past", "the promised day is over already")
    if body.ship_after is not None and body.ship_after > latest:
        yield FieldError("/ship_after", "after_promise", "the goods may not leave before the promised day is over")


def _zone(body: AnyOrder) -> str:
    address = body.shipping_address
    if address is None or address.country_code is None or not is_country(address.country_code):
        return _WHERE_DAYS_END_LAST
    return zone_of(address.country_code, address.region or "")


def _quote_errors(body: AnyOrder, catalogue: Catalogue, storefront_id: UUID, now: datetime) -> Iterator[FieldError]:
    if body.quote_id is None:
        return
    quote = catalogue.quotes.get(body.quote_id)
    if quote is None or quote["storefront_id"] != storefront_id:
        yield FieldError("/quote_id", "unknown_quote", "no such quote")
        return
    if quote["expires_at"] < now:
        yield FieldError("/quote_id", "expired_quote", "the quote has expired: ask for delivery options again")
    yield from _other_than_quoted(body, quote)
    if body.ship_after is not None and body.ship_after > quote["ship_by"]:
        detail = f"the quote ships by {quote['ship_by'].isoformat()}: place the order without it"
        yield FieldError("/ship_after", "after_promise", detail)


def _other_than_quoted(body: AnyOrder, quote: asyncpg.Record) -> Iterator[FieldError]:
    address = body.shipping_address
    if address is not None and address.country_code is not None:
        here = address.country_code, postal_zone(address.country_code, address.postal_code or "")
        # A quote for a whole country is good for every zone of it.
        if here[0] != quote["country_code"] or quote["postal_zone"] not in {"", here[1]}:
            detail = f"the quote is for {quote['country_code']} {quote['postal_zone']}".strip()
            yield FieldError("/quote_id", "other_destination", detail)
    units = _readable_units(body.lines)
    if units is not None and _hash(units) != quote["basket"]:
        yield FieldError("/quote_id", "other_lines", "the quote is for other goods or quantities")
    level = body.service_level if "service_level" in body.model_fields_set else None
    if level is not None and quote["service_level"] != level:
        yield FieldError("/service_level", "other_level", f"the quote is for {quote['service_level']}")


def _readable_units(lines: Sequence[AnyLine | None]) -> dict[str, int] | None:
    units: dict[str, int] = {}
    for line in lines:
        if line is None or line.sku is None or line.quantity is None:
            return None
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units
