"""Drawn journeys: each kind ends as its name says, and is the same whatever else happens."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from deploy.carrier_simulator import journeys
from deploy.carrier_simulator.journeys import Journey, Passage, Scan, location
from deploy.carrier_simulator.settings import JourneyRates
from services.shipping.carriers.easypost_codes import reading_of

HANDED_OVER = datetime(2017, 3, 7, 23, 40, tzinfo=UTC)
DRAWN = [journey for journey in Journey if journey is not Journey.scripted]
_SAMPLES = 300


def passage(order: str, days: int = 3, bought_at: str = "2017-03-07T12:00:00+00:00") -> Passage:
    return {
        "custom_1": order,
        "custom_2": "",
        "service": "Ground",
        "delivery_days": days,
        "bought_at": bought_at,
        "origin": location("San Francisco", "CA", "US", "94107"),
        "destination": location("Redondo Beach", "CA", "US", "90277"),
        "recipient": "ADA RECIPIENT",
    }


def samples(journey: Journey) -> list[tuple[Passage, list[Scan]]]:
    drawn = [passage(f"order {number}", days=1 + number % 7) for number in range(_SAMPLES)]
    return [(each, journeys.plan("seed", journey, each, HANDED_OVER)) for each in drawn]


def longest_silence(scans: list[Scan]) -> timedelta:
    return max(after.due_at - before.due_at for before, after in pairwise(scans))


@pytest.mark.parametrize("journey", DRAWN)
def test_scans_come_one_after_another_from_the_hand_over_on(journey: Journey) -> None:
    for _, scans in samples(journey):
        times = [scan.due_at for scan in scans]
        assert times == sorted(times)
        assert times[0] == HANDED_OVER
        assert [scan.status_detail for scan in scans[:2]] == ["label_created", "picked_up"]
        assert all(earlier < later for earlier, later in pairwise(times))


@pytest.mark.parametrize("journey", DRAWN)
def test_every_scan_is_in_the_taxonomy(journey: Journey) -> None:
    pairs = {(scan.status, scan.status_detail) for _, scans in samples(journey) for scan in scans}
    assert {pair for pair in pairs if reading_of(*pair).unmapped} == set()


@pytest.mark.parametrize("journey", DRAWN)
def test_a_kind_is_what_its_name_says(journey: Journey) -> None:
    for whose, scans in samples(journey):
        due = journeys.estimate(whose, HANDED_OVER, whose["delivery_days"])
        last, details = scans[-1], {scan.status_detail for scan in scans}
        delivered = last.status == "delivered"
        assert {
            Journey.on_time: delivered and last.due_at <= due,
            Journey.late: delivered and last.due_at > due,
            Journey.stalled: delivered and longest_silence(scans) > timedelta(days=3),
            Journey.damaged: "damaged" in details and (delivered or last.status == "return_to_sender"),
            Journey.lost: last.status_detail == "lost" and scans[-1].due_at - scans[-2].due_at > timedelta(days=6),
            Journey.failed_attempt: "delivery_exception" in details and delivered,
            Journey.returned: last.status == "return_to_sender",
        }[journey], [(scan.due_at.isoformat(), scan.status, scan.status_detail) for scan in scans]


def test_the_same_order_has_the_same_fate_whenever_it_was_bought() -> None:
    rates = JourneyRates()
    for number in range(_SAMPLES):
        early, late = passage(f"order {number}"), passage(f"order {number}", bought_at="2017-03-07T20:00:00+00:00")
        assert journeys.choose("seed", early, rates) is journeys.choose("seed", late, rates)
        kind = journeys.choose("seed", early, rates)
        plans = [journeys.plan("seed", kind, each, HANDED_OVER)[1:] for each in (early, late)]
        assert plans[0] == plans[1]


def test_kinds_are_as_frequent_as_their_rates_say() -> None:
    rates = JourneyRates(late=0.1, stalled=0.1, damaged=0.1, lost=0.1, failed_attempt=0.1, returned=0.1)
    counts = Counter(journeys.choose("seed", passage(f"order {number}"), rates) for number in range(5000))
    shares = {journey: counts[journey] / 5000 for journey in DRAWN}
    assert shares.pop(Journey.on_time) == pytest.approx(0.4, abs=0.03)
    assert shares == pytest.approx(dict.fromkeys(shares, 0.1), abs=0.02)


def test_rates_of_more_than_every_parcel_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to"):
        JourneyRates(late=0.6, lost=0.6)
