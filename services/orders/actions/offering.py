"""What a storefront may offer before an order exists: delivery options with quotes, and availability."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from services.orders.actions import checks
from services.orders.errors import StorefrontNotFoundError
from services.orders.models import Quote
from services.orders.promise import Origin, Place, is_country, make_window, postal_zone
from services.orders.queries import rows
from services.orders.queries.catalogue import Catalogue, list_availability, read_catalogue
from services.orders.schemas.intake import AskDeliveryOptions
from services.orders.schemas.views import (
    AvailabilityList,
    AvailabilityView,
    DeliveryOption,
    DeliveryOptions,
    UnavailableLine,
)
from services.orders.settings import settings
from services.orders.states import ServiceLevel
from shared.auth import Principal
from shared.db import Transaction
from shared.errors import FieldError, InvalidError
from shared.ids import new_id

_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


async def offer_delivery(tx: Transaction, who: Principal, body: AskDeliveryOptions) -> DeliveryOptions:
    """Offer each service level with a quote; goods we lack are named and not promised."""
    if who.storefront_id is None:
        raise StorefrontNotFoundError("only a storefront may ask")
    if not is_country(body.destination.country_code):
        error = FieldError("/destination/country_code", "unknown_country", "no such ISO 3166 country")
        raise InvalidError(error.detail, errors=(error,))
    wanted = checks.units_by_sku(body.lines)
    catalogue = await read_catalogue(tx, wanted)
    missing = _unavailable(wanted, catalogue)
    if missing:
        return DeliveryOptions(options=[], unavailable=missing)
    quotes = [_quote(tx, who.storefront_id, body, catalogue, level) for level in ServiceLevel]
    await rows.save(tx, [quote for quote, _ in quotes])
    return DeliveryOptions(options=[option for _, option in quotes], unavailable=[])


def _unavailable(wanted: Mapping[str, int], catalogue: Catalogue) -> list[UnavailableLine]:
    missing: list[UnavailableLine] = []
    for code, quantity in wanted.items():
        sku = catalogue.skus.get(code)
        available = sum(max(0, count) for (one, _), count in catalogue.available.items() if one == code)
        if sku is None or not sku.active:
            missing.append(UnavailableLine(sku=code, wanted=quantity, available=0, code="unknown_sku"))
        elif sku.requires_shipping and available < quantity:
            missing.append(UnavailableLine(sku=code, wanted=quantity, available=available, code="no_stock"))
    return missing


def _quote(
    tx: Transaction, storefront_id: UUID, body: AskDeliveryOptions, catalogue: Catalogue, level: ServiceLevel
) -> tuple[Quote, DeliveryOption]:
    to = body.destination
    place = Place(to.country_code, to.postal_code, to.region)
    origin = catalogue.origin(((line.sku, line.quantity, None) for line in body.lines), level)
    window = make_window(origin or Origin("", place.country_code, "", place.time_zone), place, level, tx.now)
    quote = Quote(
        id=new_id(),
        storefront_id=storefront_id,
        service_level=level,
        country_code=to.country_code,
        postal_zone=postal_zone(to.country_code, to.postal_code),
        basket=checks.basket_of(body.lines),
        location=origin.location if origin else None,
        ship_by=window.ship_by,
        deliver_by_earliest=window.deliver_by_earliest,
        deliver_by_latest=window.deliver_by_latest,
        # A quote holds until its truck is missed, and not longer than the settings say.
        expires_at=min(tx.now + timedelta(minutes=settings().quote_minutes), window.order_by),
    )
    option = DeliveryOption(
        quote_id=quote.id,
        service_level=level,
        order_by=window.order_by,
        ship_by=quote.ship_by,
        deliver_by_earliest=quote.deliver_by_earliest,
        deliver_by_latest=quote.deliver_by_latest,
        shipments=_shipments(checks.units_by_sku(body.lines), catalogue),
        expires_at=quote.expires_at,
    )
    return quote, option


def _shipments(wanted: Mapping[str, int], catalogue: Catalogue) -> int:
    """Say from how many locations the goods would leave: one if any has them all, else one per SKU's best."""
    shipped = {code: count for code, count in wanted.items() if catalogue.skus[code].requires_shipping}
    per_location: Mapping[str, int] = {
        code: sum(catalogue.available.get((sku, code), 0) >= quantity for sku, quantity in shipped.items())
        for code in catalogue.locations
    }
    best = max(per_location.values(), default=0)
    return 1 + len(shipped) - best if shipped else 0


async def read_availability(
    tx: Transaction, skus: list[str] | None, updated_after: datetime | None, cursor: str | None, limit: int
) -> AvailabilityList:
    """Answer what is available, from the snapshots of stock; raises InvalidError."""
    after = read_availability_cursor(cursor) if cursor else None
    found = await list_availability(tx, skus, limit + 1, updated_after=updated_after, cursor=after)
    last = found[limit - 1] if len(found) > limit else None
    more = f"{last['updated_at'].isoformat().replace('+00:00', 'Z')}/{last['sku']}" if last else None
    return AvailabilityList(
        data=[AvailabilityView.model_validate(dict(row)) for row in found[:limit]], next_cursor=more
    )


def read_availability_cursor(cursor: str) -> tuple[datetime, str]:
    """Give where a page of availability starts; raises InvalidError for a cursor that is none of ours."""
    moment, _, sku = cursor.partition("/")
    try:
        return _MOMENT.validate_python(moment), sku
    except ValidationError:
        error = FieldError("/query/cursor", "invalid_cursor", "use next_cursor of the page before")
        raise InvalidError(error.detail, errors=(error,)) from None
