"""What a soak says of what it saw."""

import pytest

from bench.flatness import Finding, Samples, findings, growth


def _found(chart: str, name: str, values: list[float]) -> Finding:
    samples = Samples()
    for minute, value in enumerate(values):
        samples.note(chart, name, minute, value)
    (found,) = findings(samples, per_second=150)
    return found


def test_growth_compares_the_last_third_with_the_second() -> None:
    assert growth([9, 9, 1, 1, 2, 2]) == 2.0


@pytest.mark.parametrize(
    ("chart", "name", "holding", "failing"),
    [
        ("memory", "care-worker", [50, 80, 90, 90, 91, 91], [50, 80, 90, 90, 96, 97]),
        ("latency", "p99", [900, 90, 300, 310, 350, 360], [900, 90, 300, 310, 400, 410]),
        ("outbox", "orders", [900, 900, 10, 20, 10, 299], [0, 0, 10, 20, 310, 320]),
        ("lag", "care", [9000, 0, 0, 0, 2399, 2400], [0, 0, 0, 0, 2500, 2600]),
        ("tables", "orders.outbox", [1, 2, 7, 4, 2, 7.9], [1, 2, 8, 8, 12, 12]),
        ("tables", "inventory.stock", [20, 20, 20, 20, 24, 25], [20, 20, 20, 20, 26, 26]),
        ("unused", "orders.orders", [90, 90, 40, 40, 43, 44], [90, 90, 20, 20, 23, 23]),
        ("indexes", "orders.stream", [90, 90, 50, 50, 46, 45], [90, 90, 50, 50, 44, 44]),
    ],
)
def test_each_thing_is_held_to_its_bound(chart: str, name: str, holding: list[float], failing: list[float]) -> None:
    assert _found(chart, name, holding).holds
    assert not _found(chart, name, failing).holds


def test_what_has_a_row_for_each_order_may_grow_with_the_orders() -> None:
    found = _found("tables", "orders.order_line", [1, 2, 3, 40, 50, 600])

    assert found.holds
    assert found.bound == "grows with the orders"


def test_too_few_samples_prove_nothing() -> None:
    found = _found("memory", "care-worker", [90] * 5)

    assert not found.holds
    assert "5 samples" in str(found)
    assert str(found).startswith("FAILS")
