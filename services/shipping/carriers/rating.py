"""Which rate to buy: the cheapest of the service level that keeps the promise, else the fastest; pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.shipping.carriers.base import Rate

_NEVER = datetime.max.replace(tzinfo=UTC)


def arrives_at(rate: Rate, ships_at: datetime) -> datetime | None:
    """Say when a parcel that ships at `ships_at` arrives with this rate, if the carrier says so at all."""
    if rate.deliver_at is not None:
        return rate.deliver_at
    return ships_at + timedelta(days=rate.delivery_days) if rate.delivery_days is not None else None


def choose_rate(
    rates: Sequence[Rate],
    level: str,
    level_services: Mapping[str, Sequence[str]],
    ships_at: datetime,
    deliver_by: datetime | None,
) -> Rate | None:
    """Choose by level, promise and price; None when the carrier offers nothing.

    Within the level the cheapest rate that arrives by `deliver_by` wins. If none does, any service that
    does is bought instead, the cheapest again: a kept promise is worth the upgrade. If nothing can keep it,
    the level's fastest.
    """
    services = level_services.get(level, ())
    of_level = [rate for rate in rates if rate.service in services] or list(rates)
    for candidates in (of_level, rates):
        kept = [rate for rate in candidates if _keeps(rate, ships_at, deliver_by)]
        if kept:
            return min(kept, key=_by_price)
    return min(of_level, key=lambda rate: (arrives_at(rate, ships_at) or _NEVER, _by_price(rate)), default=None)


def _keeps(rate: Rate, ships_at: datetime, deliver_by: datetime | None) -> bool:
    arrival = arrives_at(rate, ships_at)
    return deliver_by is None or (arrival is not None and arrival <= deliver_by)


def _by_price(rate: Rate) -> tuple[int, str, str]:
    return rate.price_minor, rate.service, rate.id
