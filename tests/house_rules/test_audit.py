"""The audit finds what it looks for, and never takes silence for a clean result."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.house_rules import tree

pytestmark = pytest.mark.security(13)


@pytest.fixture
def audit() -> ModuleType:
    found = importlib.util.spec_from_file_location("audit", tree.ROOT / ".ci" / "audit.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def answering(audit: ModuleType, monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, str]) -> None:
    """Have the sources of advisories answer one after another."""
    left = list(answers)

    def run(*command: str) -> "subprocess.CompletedProcess[str]":
        status, said = left.pop(0)
        return subprocess.CompletedProcess(command, status, said, "")

    monkeypatch.setattr(audit, "_run", run)


def told(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": list(packages)})


CLEAN: dict[str, object] = {"name": "good", "version": "1", "vulns": []}
HOLE: dict[str, object] = {"name": "bad", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
UNKNOWN: dict[str, object] = {"name": "odd", "skip_reason": "not found"}


def test_a_known_vulnerability_fails_the_audit(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(audit, monkeypatch, (1, told(CLEAN, HOLE)))

    assert not audit.check_dependencies()
    assert "bad 1: PYSEC-1, fixed in 2" in capsys.readouterr().out


@pytest.mark.parametrize("answers", [[(1, ""), (1, "")], [(0, told(UNKNOWN)), (1, "Traceback")]])
def test_no_source_of_advisories_is_said_and_is_no_clean_result(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: list[tuple[int, str]],
) -> None:
    answering(audit, monkeypatch, *answers)

    assert audit.check_dependencies()
    assert capsys.readouterr().out == "dependencies: NOT CHECKED: no advisory source reachable\n"


def test_what_a_source_does_not_know_is_counted_as_not_checked(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(audit, monkeypatch, (0, told(CLEAN, UNKNOWN)))

    assert audit.check_dependencies()
    assert capsys.readouterr().out == (
        "dependencies: 1 checked against known vulnerabilities, 0 found, 1 NOT CHECKED (unknown to the source)\n"
    )


def test_a_secret_in_a_file_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "settings.py"
    planted.write_text('AWS = "AKIA' + "IOSFODNN7EXAMPLB" + '"\n', encoding="utf-8")

    baseline = shutil.copy(tree.ROOT / ".secrets.baseline", tmp_path)
    hook = Path(sys.executable).parent / "detect-secrets-hook"

    done = subprocess.run(  # noqa: S603 - our own tool
        [hook, "--no-verify", "--baseline", baseline, planted],
        cwd=tree.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "AWS Access Key" in done.stdout
