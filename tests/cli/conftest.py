"""Runs the command line against the session's stack."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from pydantic import JsonValue
from typer.testing import CliRunner

from cli.main import app
from cli.target import ACTOR, STAFF_KEY
from deploy.local import names
from deploy.local.stack import LocalStack


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> JsonValue:
        """What it answered with --json."""
        return cast("JsonValue", json.loads(self.out))

    @property
    def fields(self) -> dict[str, JsonValue]:
        """What it answered with --json, one thing."""
        assert isinstance(self.json, dict), self.out
        return self.json


Run = Callable[..., Ran]


def run(*arguments: str) -> Ran:
    """Run `doorstep` with these arguments in this process."""
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(autouse=True)
def at_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak to no stack unless a test says so, in lines long enough not to be folded."""
    monkeypatch.setenv(names.HOME, str(tmp_path))
    monkeypatch.setenv(ACTOR, "tess")
    monkeypatch.setenv("COLUMNS", "240")
    monkeypatch.delenv(STAFF_KEY, raising=False)


@pytest.fixture
def doorstep(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line of the running stack."""
    monkeypatch.setenv(names.HOME, str(stack.site.home))
    return run
