"""A process killed in mid-demonstration: the orders end as they would have, and so do the carrier's mishaps."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local import names, state
from deploy.local.processes import Mark
from shared import db
from tests.deploy.homes import free_base
from tests.waiting import wait_until

ORDERS = 40
BY_CARRIER = ("damage", "lost", "failed_attempt", "returned_to_sender")
_START_SECONDS = 300.0
_RUN_SECONDS = 900.0
_PLACED = "select count(*) from orders"


@dataclass(frozen=True)
class Story:
    """What may not depend on who was killed."""

    outcomes: dict[str, int]
    outcome_digest: str
    """Of each order's outcome by reference."""
    mishaps: dict[str, int]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The demonstration as it goes by itself."""
    home = tmp_path_factory.mktemp("undisturbed")
    with _demonstration(home) as running:
        assert running.wait(_RUN_SECONDS) == 0, _said(home)
    story = _story(home)
    assert any(story.mishaps.values()), story
    return story


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", ["orders-worker", "inventory-api", names.POSTGRES, names.BROKER])
async def test_a_process_killed_in_mid_demonstration_changes_no_outcome(
    undisturbed: Story, tmp_path: Path, name: str
) -> None:
    with _demonstration(tmp_path) as running:
        await wait_until(lambda: _is_half_placed(tmp_path), deadline=_START_SECONDS, what="half the orders")
        await _kill(tmp_path, name)
        assert await asyncio.to_thread(running.wait, _RUN_SECONDS) == 0, _said(tmp_path)
    assert _story(tmp_path) == undisturbed


@pytest.mark.timeout(2400)
async def test_every_process_killed_in_turn_in_one_demonstration_changes_no_outcome(
    undisturbed: Story, tmp_path: Path
) -> None:
    with _demonstration(tmp_path) as running:
        await wait_until(lambda: _is_half_placed(tmp_path), deadline=_START_SECONDS, what="half the orders")
        for name in sorted(_record(tmp_path).processes):
            assert running.poll() is None, f"the demonstration was over before {name} could be killed"
            await _kill(tmp_path, name)
        assert await asyncio.to_thread(running.wait, _RUN_SECONDS) == 0, _said(tmp_path)
    assert _story(tmp_path) == undisturbed


def _record(place: Path) -> state.Record:
    record = state.read(_home(place))
    assert record is not None
    return record


async def _kill(place: Path, name: str) -> None:
    """Kill a process, once it is there, and wait until the supervisor has another in its place."""

    async def runs() -> Mark | None:
        # After a broker's death the workers are away until it is made up for.
        mark = _record(place).processes.get(name)
        return mark if mark is not None and mark.is_alive() else None

    mark = await wait_until(runs, deadline=_START_SECONDS, what=name)
    assert mark is not None
    os.kill(mark.pid, signal.SIGKILL)

    async def runs_again() -> bool:
        again = _record(place).processes.get(name)
        return again is not None and again.pid != mark.pid and again.is_alive()

    await wait_until(runs_again, deadline=_START_SECONDS, what=f"another {name}")
    assert f"{name} ended with code -9" in (_home(place) / "logs" / "supervisor.log").read_text()


@contextmanager
def _demonstration(place: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the demonstration on a home and ports of its own."""
    command = [
        *(sys.executable, "-m", "cli.main", "demo", "--stop", "--orders", str(ORDERS)),
        *("--report", str(place / "summary.json"), "--port-base", str(free_base())),
    ]
    environment = {**os.environ, names.HOME: str(_home(place))}
    with (place / "said").open("wb") as said:
        running = subprocess.Popen(command, stdout=said, stderr=said, env=environment)  # noqa: S603 - our own argv
    try:
        yield running
    finally:
        running.kill()
        running.wait()
        subprocess.run([sys.executable, "-m", "cli.main", "down"], env=environment, check=True)


def _home(place: Path) -> Path:
    return place / "home"


def _said(place: Path) -> str:
    return (place / "said").read_text(errors="replace")[-3000:]


async def _is_half_placed(place: Path) -> bool:
    """Say whether half the orders are there, so that the first of them are with the carrier."""
    record = state.read(_home(place)) if _home(place).exists() else None
    if record is None or not record.ready:
        return False
    connection = await db.connect(record.dsns["orders"], application="fault tests")
    try:
        return int(await connection.fetchval(_PLACED)) >= ORDERS // 2
    finally:
        await connection.close()


def _story(place: Path) -> Story:
    summary: dict[str, Any] = json.loads((place / "summary.json").read_text())
    assert summary["check_findings"] == []
    assert summary["failures"] == []
    raised = {kind: summary["exceptions"].get(kind, {"raised": 0})["raised"] for kind in BY_CARRIER}
    return Story(summary["outcomes"], summary["outcome_digest"], raised)
