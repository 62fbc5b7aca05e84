"""The benchmark's own arithmetic: what it prints is only worth as much as this."""

import math

import pytest
from pydantic import JsonValue

from bench import charts
from bench.figures import Target, median, percentile, ratios, spread, steady_rate
from bench.run import reason_of
from bench.table import ROWS, Line, Result


def test_the_middle_cell_counts_and_the_spread_is_told_beside_it() -> None:
    cells = [0.5, 0.4, 0.6]

    assert median(cells) == 0.5
    assert math.isclose(spread(cells), 0.4)


def test_a_line_without_cells_has_no_figure() -> None:
    with pytest.raises(ValueError, match="no cell"):
        median([])


def test_each_cell_is_divided_by_the_limit_measured_beside_it() -> None:
    assert ratios([100, 300], [200, 300]) == [0.5, 1.0]


def test_cells_without_their_limit_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_seen(share: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs values"):
        percentile([], 0.5)


def test_a_rate_leaves_out_the_start_and_the_wait_after_the_end() -> None:
    seen = [(0.0, 0), (5.0, 0), (6.0, 500), (7.0, 1500), (8.0, 2500), (60.0, 2500)]

    assert steady_rate(seen) == 1000


def test_a_rate_of_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="too little"):
        steady_rate([(0, 0), (1, 500), (2, 600)], least=1000)


@pytest.mark.parametrize(
    ("target", "met", "missed"),
    [(Target("least", 0.5), 0.5, 0.49), (Target("most", 25, "ms"), 25, 25.1)],
)
def test_a_target_is_reached_at_its_bound(target: Target, met: float, missed: float) -> None:
    assert target.is_met(met)
    assert not target.is_met(missed)


def test_a_line_that_falls_short_says_why_and_what_would_move_it() -> None:
    line = Line(ROWS["intake_1"], Result([0.1, 0.2, 0.15], "1 ÷ 10"))

    assert line.verdict == "FALLS SHORT"
    assert [sentence.partition(":")[0] for sentence in line.explain()] == ["why", "what would move it"]


def test_a_line_that_could_not_be_measured_is_in_the_table_with_its_reason() -> None:
    line = Line(ROWS["relay"], None, "TimeoutError: too slow")

    assert line.verdict == "NOT MEASURED"
    assert line.explain() == ["not measured: TimeoutError: too slow"]


def test_the_reason_of_a_group_of_errors_is_its_first_error() -> None:
    group = ExceptionGroup("unhandled", [ExceptionGroup("inner", [ValueError("two\nlines")]), OSError()])

    assert reason_of(group) == "ValueError: two lines"


def test_a_line_that_passes_explains_nothing() -> None:
    assert Line(ROWS["memory"], Result([60.0], "60 MB")).explain() == []


def test_processor_time_is_told_by_process_the_dearest_first() -> None:
    spent: dict[str, JsonValue] = {"postgres": 1.0, "orders-api": 2.5, "mailbox": 0.001}
    line = Line(ROWS["whole_way"], Result([0.2], "1 ÷ 5", {"cpu_ms_per_order": spent}))

    assert line.explain() == ["processor time 3.50 ms an order: orders-api 2.50, postgres 1.00"]
    assert "orders-api 2.50 ms" in charts.costs([line])


def test_the_demonstration_would_dwarf_the_others_in_their_picture() -> None:
    line = Line(ROWS["delivered"], Result([0.2], "1 ÷ 5", {"cpu_ms_per_order": {"postgres": 900.0}}))

    assert charts.costs([line]) == ""


def test_a_chart_shows_every_line_measured_or_not() -> None:
    lines = [Line(ROWS["relay"], None, "x"), Line(ROWS["memory"], Result([45.0], "45 MB"))]

    drawing = charts.targets(lines)

    assert drawing.count("not measured") == 1
    assert "2.00" in drawing
