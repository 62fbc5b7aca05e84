"""The supervisor: what dies comes back, and after the broker everything it forgot is published again."""

import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deploy.local import control, names, ports
from deploy.local.driver import Report, Round
from deploy.local.processes import Mark
from deploy.local.rest_point import RestPoints
from deploy.local.stack import LocalStack
from deploy.local.supervisor import watched
from tests.deploy.homes import calls, recorded, running, stub_wish, wait_for
from tests.waiting import wait_until

_APIS = [names.api_of(service) for service in names.SERVICES]
_WORKERS = [names.worker_of(service) for service in names.SERVICES]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("supervised")
    with running(place, stub_wish(place, services=names.SERVICES)):
        yield place


def _kill(home: Path, name: str) -> Mark:
    mark = recorded(home).processes[name]
    os.kill(mark.pid, signal.SIGKILL)
    return mark


def _is_back(home: Path, name: str, old: Mark) -> bool:
    record = recorded(home)
    mark = record.processes.get(name)
    return record.ready and mark is not None and mark.pid != old.pid and mark.is_alive()


@pytest.mark.parametrize("name", ["orders-api", "care-worker", names.POSTGRES, names.MAILBOX])
def test_a_killed_process_comes_back(home: Path, name: str) -> None:
    old = _kill(home, name)
    wait_for(lambda: _is_back(home, name, old), f"{name} comes back")
    assert all(control.status(home).values())


def test_a_process_that_dies_again_and_again_still_comes_back(home: Path) -> None:
    for _ in range(3):
        old = _kill(home, "shipping-api")
        wait_for(lambda old=old: _is_back(home, "shipping-api", old), "shipping-api comes back")  # type: ignore[misc]


def test_after_the_brokers_death_workers_restart_and_all_since_the_rest_point_is_replayed(home: Path) -> None:
    before = recorded(home).processes
    earlier = len(calls(home))
    known = datetime.fromisoformat(_rest_point(home))
    broker = _kill(home, names.BROKER)
    wait_for(lambda: len(_replays(home, earlier)) == len(names.SERVICES), "every service replays")
    wait_for(lambda: _is_back(home, names.BROKER, broker), "the broker comes back")

    after = recorded(home).processes
    assert {name: after[name] for name in _APIS} == {name: before[name] for name in _APIS}
    assert all(after[name] != before[name] for name in _WORKERS)
    started = [call["argv"][0] for call in calls(home)[earlier:]]
    assert started == ["worker"] * len(names.SERVICES) + ["replay"] * len(names.SERVICES)
    for since in _replays(home, earlier):
        assert known - timedelta(minutes=1) <= since <= datetime.fromisoformat(calls(home)[earlier]["at"])


def test_rest_points_go_on_after_a_replay(home: Path) -> None:
    old = _rest_point(home)
    broker = _kill(home, names.BROKER)
    wait_for(lambda: _is_back(home, names.BROKER, broker), "the broker comes back")
    wait_for(lambda: _rest_point(home) > old, "a newer rest point")


async def test_a_test_may_have_its_own_stack_watched_from_within(tmp_path: Path) -> None:
    wish = stub_wish(tmp_path)
    stack = await LocalStack.start(tmp_path, chosen_ports=ports.fixed(wish.port_base, {}), options=wish.options)
    try:
        async with watched(stack):
            first = stack.processes["care-api"].pid
            stack.kill("care-api")

            async def is_back() -> bool:
                return stack.processes["care-api"].pid != first and await stack.is_ready("care-api")

            await wait_until(is_back, what="care-api comes back")
        assert (tmp_path / "rest_point.json").exists()
    finally:
        await stack.stop()


def _round(published: int, read: int) -> Round:
    return Round(
        {
            "orders-worker": Report(at_rest=True, activity=0, next_due=None, why=[], published=published),
            "care-worker": Report(at_rest=True, activity=0, next_due=None, why=[], consumed={"orders": read}),
        }
    )


@pytest.mark.parametrize(
    ("rounds", "is_one"),
    [
        ([_round(5, 5), _round(5, 5)], True),
        ([_round(5, 4), _round(5, 5)], False),
        # Read 5 of 6, the older one missing: the first asking alone would have been fooled.
        ([_round(5, 5), _round(6, 6)], False),
        ([_round(5, 5), Round({"orders-worker": None})], False),
    ],
)
async def test_a_rest_point_needs_all_read_and_nothing_published_meanwhile(
    tmp_path: Path, rounds: list[Round], is_one: bool
) -> None:
    answers = iter(rounds)

    async def ask() -> Round:
        return next(answers)

    points = RestPoints(tmp_path)
    assert await points.look(ask) is is_one
    assert (points.read() is not None) is is_one


def _rest_point(home: Path) -> str:
    return (home / "rest_point.json").read_text().split('"')[3]


def _replays(home: Path, earlier: int) -> list[datetime]:
    replays = [call["argv"] for call in calls(home)[earlier:] if call["argv"][0] == "replay"]
    return [datetime.fromisoformat(argv[2]) for argv in replays]
