"""Which rate is bought: the level's cheapest that keeps the promise, an upgrade to keep it, else the fastest."""

from datetime import UTC, datetime, timedelta

from services.shipping.carriers.base import Rate
from services.shipping.carriers.rating import choose_rate

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEVELS = {"standard": ("Ground", "Priority"), "express": ("Express",)}


def rate(service: str, price_minor: int, days: int | None) -> Rate:
    return Rate(f"rate_{service}", "SimPost", service, price_minor, "USD", days)


GROUND, PRIORITY, EXPRESS = rate("Ground", 600, 4), rate("Priority", 900, 2), rate("Express", 3000, 1)
OFFERED = (EXPRESS, PRIORITY, GROUND)


def chosen(level: str, promised_days: float | None, rates: tuple[Rate, ...] = OFFERED) -> Rate | None:
    deliver_by = NOW + timedelta(days=promised_days) if promised_days is not None else None
    return choose_rate(rates, level, LEVELS, NOW, deliver_by)


def test_the_cheapest_of_the_level_that_keeps_the_promise_is_bought() -> None:
    assert chosen("standard", 5) == GROUND
    assert chosen("standard", 3) == PRIORITY
    assert chosen("standard", None) == GROUND


def test_a_promise_the_level_cannot_keep_is_kept_by_an_upgrade() -> None:
    assert chosen("standard", 1.5) == EXPRESS


def test_a_promise_nobody_can_keep_buys_the_levels_fastest() -> None:
    assert chosen("standard", 0.5) == PRIORITY


def test_a_level_without_services_of_its_own_takes_any() -> None:
    assert chosen("same_day", 5) == GROUND


def test_a_rate_that_names_no_day_keeps_no_promise() -> None:
    silent = rate("Ground", 100, None)
    assert chosen("standard", 5, (silent, PRIORITY)) == PRIORITY
    assert chosen("standard", 5, (silent,)) == silent


def test_nothing_is_chosen_of_nothing() -> None:
    assert chosen("standard", 5, ()) is None
