"""Quantiles: learned from finished parcels of the trailing 90 days, configured until there are enough."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.care.quantiles import (
    DEFAULTS,
    ENOUGH_SAMPLES,
    EVERYWHERE,
    Distribution,
    History,
    Sample,
    Stage,
    mature_hours,
)
from services.care.queries.history import HistoryCache, put_samples
from tests.care.conftest import now
from tests.care.rig import CareRig

NOW = datetime(2026, 11, 20, tzinfo=UTC)
hours = st.lists(st.floats(0.5, 500), min_size=1, max_size=120).map(sorted)


def samples(count: int, *, days_ago: float = 30, hours_each: float = 30) -> list[Sample]:
    return [Sample(Stage.TRANSIT, "DE", NOW - timedelta(days=days_ago), hours_each) for _ in range(count)]


def learn(finished: list[Sample], as_of: datetime) -> History:
    ended: dict[tuple[Stage, str], list[tuple[datetime, float]]] = {}
    for sample in finished:
        ended.setdefault((sample.stage, sample.key), []).append((sample.finished_at, sample.hours))
    return History({key: mature_hours(key[0], sorted(found), as_of) for key, found in ended.items()})


def test_configured_values_serve_until_there_are_fifty_samples() -> None:
    configured = learn(samples(ENOUGH_SAMPLES - 1), NOW).look_up(Stage.TRANSIT, "DE")
    learned = learn(samples(ENOUGH_SAMPLES), NOW).look_up(Stage.TRANSIT, "DE")
    assert not configured.learned
    assert configured.quantile(0.8) == DEFAULTS[Stage.TRANSIT][EVERYWHERE].p80
    assert learned.learned
    assert learned.quantile(0.8) == 30


async def test_only_what_ended_within_the_window_and_before_today_is_learned_from(care: CareRig) -> None:
    ended = [Sample(Stage.TRANSIT, "DE", now() - timedelta(days=days), days) for days in (91, 60, 30, 0) for _ in "ab"]
    async with care.database.transaction() as tx:
        await put_samples(tx, ended)
    async with care.database.transaction() as tx:
        history = await HistoryCache().as_of(tx, window=timedelta(days=90), enough=1)
    assert history.look_up(Stage.TRANSIT, "DE").hours == (30, 30, 60, 60)


def test_a_young_history_that_knows_only_the_quick_parcels_is_not_believed() -> None:
    quick = samples(80, days_ago=6, hours_each=20)
    assert learn(quick, NOW).learned(Stage.TRANSIT, "DE") is None
    assert learn([*samples(1), *quick], NOW).learned(Stage.TRANSIT, "DE") is not None


def test_a_parcel_of_a_new_shop_is_expected_within_what_orders_promises_for_it() -> None:
    fewest_workdays = {"express": 3, "standard": 6, "economy": 10}
    abroad_workdays = {"express": 4, "standard": 9, "economy": 14}
    history = learn([], NOW)
    for workdays, suffix in ((fewest_workdays, ""), (abroad_workdays, "/abroad")):
        for level, days in workdays.items():
            assert history.look_up(Stage.TRANSIT, f"{level}{suffix}").quantile(0.8) < days * 24


def test_the_most_specific_key_with_enough_samples_wins() -> None:
    special = [Sample(Stage.TRANSIT, "DE-10", NOW - timedelta(days=30), 12.0) for _ in range(60)]
    history = learn([*samples(60), *special], NOW)
    assert history.look_up(Stage.TRANSIT, "DE-10", "DE").quantile(0.5) == 12
    assert history.look_up(Stage.TRANSIT, "DE-99", "DE").quantile(0.5) == 30


@given(hours, st.floats(0.05, 0.95), st.floats(1, 500))
def test_the_announced_crossing_is_where_the_chance_passes_the_share(
    stretches: list[float], share: float, limit: float
) -> None:
    times = Distribution(tuple(stretches), learned=True)
    crossing = times.elapsed_when_chance_exceeds(share, limit)
    assert times.chance_beyond(limit, crossing) > share
    assert all(times.chance_beyond(limit, at) <= share for at in (*stretches, 0.0) if at < crossing)


@given(hours, st.floats(0.05, 0.95))
def test_a_quantile_is_a_value_that_happened_with_at_least_that_share_below_or_at_it(
    stretches: list[float], share: float
) -> None:
    value = Distribution(tuple(stretches), learned=True).quantile(share)
    assert value in stretches
    assert sum(stretch <= value for stretch in stretches) >= share * len(stretches)
