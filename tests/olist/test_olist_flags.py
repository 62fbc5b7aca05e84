"""The formulas of recall, precision and lead, on orders made up for the purpose."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.olist import flags
from cli.olist.flags import Judged

END = datetime(2031, 5, 21, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def delivered(reference: str, after_end: timedelta) -> Judged:
    return Judged(reference, END, END + after_end, late=after_end > timedelta(0))


ORDERS = [
    delivered("very late", 5 * DAY),
    delivered("late", DAY),
    delivered("just in time", -DAY),
    delivered("early", -9 * DAY),
]


def test_recall_precision_and_lead_follow_their_formulas() -> None:
    found = flags.score(
        "ours", ORDERS, {"very late": END - 6 * DAY, "late": END - 2 * DAY, "just in time": END - 3 * DAY}
    )
    assert (found.late, found.flagged, found.late_flagged) == (2, 3, 2)
    assert found.recall == pytest.approx(1.0)
    assert found.precision == pytest.approx(2 / 3)
    assert found.lead_hours == pytest.approx(4 * 24)


def test_a_flag_at_the_promises_end_is_too_late_and_one_after_delivery_is_none() -> None:
    found = flags.score("ours", ORDERS, {"late": END, "early": END - DAY})
    assert found.flagged == 0
    assert found.recall == pytest.approx(0)
    assert found.precision is None
    assert found.lead_hours is None


def test_the_baseline_flags_whatever_is_undelivered_two_days_before() -> None:
    assert flags.baseline(ORDERS) == dict.fromkeys(("very late", "late", "just in time"), END - 2 * DAY)
    found = flags.score("baseline", ORDERS, flags.baseline(ORDERS))
    assert found.precision == pytest.approx(2 / 3)
    assert found.lead_hours == pytest.approx(48)


def test_the_first_level_that_counts_is_the_flag() -> None:
    levels = [
        ("a", "at_risk", END - 5 * DAY),
        ("a", "predicted", END - 3 * DAY),
        ("a", "predicted", END - 4 * DAY),
        ("b", "at_risk", END - DAY),
    ]
    assert flags.first_flags(levels, frozenset({"predicted"})) == {"a": END - 4 * DAY}
    assert flags.first_flags(levels, frozenset({"predicted", "at_risk"})) == {"a": END - 5 * DAY, "b": END - DAY}


def test_without_late_orders_there_is_no_recall() -> None:
    found = flags.score("ours", [delivered("early", -DAY)], {})
    assert found.recall is None
    assert found.as_json()["recall"] is None
