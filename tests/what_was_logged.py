"""What the processes of running stacks logged while a test failed, shown with the failure: they log only trouble."""

import contextlib
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

_MOST_LINES = 25
_LONGEST_LINE = 600


def log_sizes(homes: Path) -> dict[Path, int]:
    """Give how long each log of the stacks at home in a folder is now, in bytes."""
    found = {}
    for log in homes.glob("doorstep-*/logs/*.log"):
        with contextlib.suppress(FileNotFoundError):  # a stack that ends beside this test takes its home along
            found[log] = log.stat().st_size
    return found


def logged_between(before: Mapping[Path, int], after: Mapping[Path, int]) -> str:
    """Give the last lines that each log got between two moments, under its stack's and its own name."""
    parts = []
    for log, size in sorted(after.items()):
        start = before.get(log, 0)
        lines = []
        with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
            file.seek(start)
            lines = file.read(size - start).decode(errors="replace").splitlines()
        shown = [line[:_LONGEST_LINE] for line in lines[-_MOST_LINES:]]
        if len(lines) > len(shown):
            shown.insert(0, f"... {len(lines) - len(shown)} earlier lines")
        if shown:
            parts.append("\n".join([f"{log.parent.parent.name}, {log.name}:", *shown]))
    return "\n\n".join(parts)


class WhatWasLogged:
    """A pytest plugin: each failure's report has what was logged from the test's beginning on."""

    def __init__(self) -> None:
        self._homes = Path(tempfile.gettempdir())
        self._before: dict[Path, int] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Note how long the logs are."""
        self._before = log_sizes(self._homes)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add what they got since."""
        report = yield
        if report.failed and (logged := logged_between(self._before, log_sizes(self._homes))):
            report.sections.append(("logged meanwhile", logged))
        return report
