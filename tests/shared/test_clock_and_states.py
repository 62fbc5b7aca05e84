"""Business time is stepped forward only, and every state machine is a whole table."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import pytest

from shared import clock
from shared.errors import IllegalMoveError
from shared.states import Rule, TransitionTable


@pytest.fixture
def stepped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(clock, "_stepped", None)
    path = tmp_path / "clock"
    clock.use_stepped_file(path, environment="local")
    return path


def test_without_a_stepped_file_business_time_is_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_stepped", None)
    assert abs(clock.now() - clock.real()) < timedelta(seconds=1)


def test_stepped_time_stands_still_until_the_driver_moves_it(stepped: Path) -> None:
    start = datetime(2026, 3, 2, 7, tzinfo=UTC)
    clock.step_to(start)
    assert clock.now() == start == clock.now()
    clock.step_to(start + timedelta(microseconds=1))
    assert clock.now() == start + timedelta(microseconds=1)


def test_stepped_time_survives_a_restart(stepped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 3, 2, 7, tzinfo=UTC)
    clock.step_to(moment)
    monkeypatch.setattr(clock, "_stepped", None)
    clock.use_stepped_file(stepped, environment="local")
    assert clock.now() == moment


_DRIVER = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
from shared import clock
clock.use_stepped_file(Path(sys.argv[1]), environment="local")
moment, last = (datetime.fromisoformat(text) for text in sys.argv[2:])
while moment < last:
    moment += timedelta(hours=1)
    clock.step_to(moment)
"""


def test_who_reads_while_the_driver_steps_sees_one_step_after_the_other(stepped: Path) -> None:
    start = datetime(1990, 1, 1, tzinfo=UTC)
    end = start + timedelta(hours=200_000)
    clock.step_to(start)
    command = [sys.executable, "-c", _DRIVER, str(stepped), str(start), str(end)]
    with subprocess.Popen(command) as driver:  # noqa: S603 - our own words
        seen = [start]
        while seen[-1] < end and driver.poll() is None:
            if (now := clock.now()) != seen[-1]:
                seen.append(now)
    assert seen == sorted(seen)
    assert seen[-1] <= end, "nobody took real time for business time"
    assert clock.now() == end, "the driver came to its end"
    assert len(seen) > 1000, "and was watched"


def test_business_time_never_goes_back(stepped: Path) -> None:
    clock.step_to(datetime(2026, 3, 2, 7, tzinfo=UTC))
    with pytest.raises(clock.ClockError, match="never goes back"):
        clock.step_to(datetime(2026, 3, 2, 6, tzinfo=UTC))


def test_a_clock_is_wrong_on_purpose_in_the_local_environment_only(
    stepped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_skew", timedelta(0))
    start = datetime(2026, 3, 2, 7, tzinfo=UTC)
    clock.step_to(start)
    right = clock.real()
    clock.run_wrong_by(-600, environment="local")
    assert clock.now() == start - timedelta(minutes=10)
    assert timedelta(minutes=9) < right - clock.real() < timedelta(minutes=11)
    clock.run_wrong_by(0, environment="production")
    with pytest.raises(clock.ClockError, match="production"):
        clock.run_wrong_by(1, environment="production")


def test_stepping_time_in_production_is_refused(tmp_path: Path) -> None:
    with pytest.raises(clock.ClockError, match="production"):
        clock.use_stepped_file(tmp_path / "clock", environment="production")


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    OFF = "off"


TABLE = TransitionTable(
    Light,
    {
        Light.RED: Rule(frozenset({Light.GREEN, Light.OFF}), timedelta(minutes=1), "town", "wait"),
        Light.GREEN: Rule(frozenset({Light.RED}), timedelta(minutes=2), "town", "go"),
        Light.OFF: Rule(frozenset()),
    },
)


def test_a_table_allows_its_own_moves_and_no_other() -> None:
    legal = {(Light.RED, Light.GREEN), (Light.RED, Light.OFF), (Light.GREEN, Light.RED)}
    for old in Light:
        for new in Light:
            assert TABLE.allows(old, new) == ((old, new) in legal)
    with pytest.raises(IllegalMoveError, match="green to off"):
        TABLE.advance([(Light.RED, Light.GREEN), (Light.GREEN, Light.OFF)])


def test_a_state_without_a_row_or_without_a_dwell_is_refused_when_the_table_is_made() -> None:
    with pytest.raises(ValueError, match="no row for green, off"):
        TransitionTable(Light, {Light.RED: Rule(frozenset())})
    with pytest.raises(ValueError, match="maximum dwell"):
        TransitionTable(Light, {**TABLE.rules, Light.GREEN: Rule(frozenset({Light.RED}))})


def test_progress_says_step_holder_deadline_and_what_unblocks() -> None:
    since = datetime(2026, 3, 2, 7, tzinfo=UTC)
    progress = TABLE.progress(Light.GREEN, since)
    assert (progress.step, progress.holder, progress.unblock) == ("green", "town", "go")
    assert progress.due_at == since + timedelta(minutes=2)
    assert TABLE.due_at(Light.OFF, since) is None
    assert TABLE.non_terminal() == [Light.RED, Light.GREEN]
