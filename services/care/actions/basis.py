"""What the settings mean for rules and policy: calendars, thresholds, limits."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil

from services.care.clocks import BusinessCalendar
from services.care.policy.authority import DEFAULT_LIMITS, Limit, Limits
from services.care.policy.consent import PACKS, ConsentPack
from services.care.queries import incidents
from services.care.queries.history import cache_of
from services.care.rules.facts import Basis
from services.care.rules.thresholds import Thresholds
from services.care.settings import settings
from shared import clock
from shared.db import Transaction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1)
def care_calendar() -> BusinessCalendar:
    """Give the hours in which care works."""
    given = settings()
    return BusinessCalendar.weekly(
        given.calendar_zone, given.calendar_hours, days=given.calendar_days, holidays=given.calendar_holidays
    )


@lru_cache(maxsize=1)
def carrier_calendar() -> BusinessCalendar:
    """Give the days on which carriers move parcels."""
    given = settings()
    return BusinessCalendar.weekly(given.carrier_zone, "00:00-24:00", days=given.carrier_days)


@lru_cache(maxsize=1)
def thresholds() -> Thresholds:
    """Give the rules' numbers: the defaults, with those of the settings."""
    changes: dict[str, object] = dict(settings().thresholds)
    return replace(Thresholds(), **changes)  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def limits() -> Limits:
    """Give the limits of authority."""
    per_action, per_day = settings().limits_per_action, settings().limits_per_day
    return Limits(
        {
            rank: Limit(per_action.get(rank.value, usual.per_action), per_day.get(rank.value, usual.per_day))
            for rank, usual in DEFAULT_LIMITS.items()
        }
    )


@lru_cache(maxsize=1)
def consent_packs() -> Mapping[str, ConsentPack]:
    """Give by country when a later date needs the customer's yes: the defaults, with those of the settings."""
    return {**PACKS, **{country: ConsentPack(**dict(given)) for country, given in settings().consent.items()}}


async def current_basis(tx: Transaction) -> Basis:
    """Give what rules judge by today."""
    given = settings()
    history = await cache_of(tx.database).as_of(
        tx, window=timedelta(days=given.history_days), enough=given.history_enough
    )
    silent = await incidents.get_silent_carriers(tx)
    return Basis(thresholds(), history, carrier_calendar(), silent, consent_packs())


def gathered(moment: datetime) -> datetime:
    """Put a due time on the grid of stepped time, never earlier; in real time it stays as it is."""
    if not clock.is_stepped():
        return moment
    grid = timedelta(minutes=settings().stepped_grid_minutes)
    return _EPOCH + ceil((moment - _EPOCH) / grid) * grid
