"""Failpoints are few, named, and nothing outside the local environment."""

import asyncio
import re
from pathlib import Path

import pytest

from shared import failpoints
from shared.failpoints import PLACES, barrier, failpoint
from tests.house_rules import tree
from tests.shared.traffic import until

_REACHED = re.compile(r"(?:failpoint|barrier)\(\"([\w.]+)\"\)")


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORSTEP_ENVIRONMENT", "local")
    monkeypatch.setattr(failpoints, "_hits", {})


def test_the_table_names_the_places_in_the_code_and_no_other() -> None:
    product = [source.text for source in tree.sources() if source.within("services", "shared", "cli", "deploy")]

    assert {name for text in product for name in _REACHED.findall(text)} == PLACES.keys()


@pytest.mark.parametrize("asked", ["api.committed", "api.committed:1", "api.committed:1:stall=60"])
async def test_a_failpoint_is_nothing_in_production(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORSTEP_FAILPOINT", asked)
    monkeypatch.setenv("DOORSTEP_ENVIRONMENT", "production")

    failpoint("api.committed")  # this process would be gone, or late
    await barrier("api.committed")
    assert failpoints._hits == {}  # noqa: SLF001 - not even counted


def test_a_failpoint_strikes_at_the_hit_it_is_meant_for(monkeypatch: pytest.MonkeyPatch) -> None:
    struck: list[float] = []
    monkeypatch.setattr("shared.failpoints.time.sleep", struck.append)
    monkeypatch.setenv("DOORSTEP_FAILPOINT", "consumer.wave:2:stall=3")

    for name in ("consumer.wave", "consumer.applied", "consumer.wave", "consumer.wave"):
        failpoint(name)

    assert struck == [3.0]


def test_a_place_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORSTEP_FAILPOINT", "consumer.wawe:2")

    with pytest.raises(ValueError, match=r"names no place: 'consumer\.wawe'"):
        failpoint("consumer.wave")


async def test_a_barrier_holds_one_while_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = tmp_path / "held"
    monkeypatch.setenv("DOORSTEP_FAILPOINT", f"demand.locked:1:hold={held}")

    first = asyncio.create_task(barrier("demand.locked"))
    await until(held.exists, "the first is held")
    await barrier("demand.locked")
    assert not first.done()
    held.unlink()
    await first
