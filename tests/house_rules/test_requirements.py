"""The compiled requirements hold every dependency that is declared, each pinned by hash, and name no index."""

import re
import tomllib

import pytest

from tests.house_rules import tree

PROJECT = tomllib.loads((tree.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = {
    "runtime": PROJECT["dependencies"],
    "local": [*PROJECT["dependencies"], *EXTRAS["local"]],
    "dev": [*PROJECT["dependencies"], *EXTRAS["local"], *EXTRAS["dev"]],
    "setup": (tree.ROOT / "requirements" / "setup.in").read_text(encoding="utf-8").split(),
}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=;~! ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def _entries(compiled: str) -> list[str]:
    text = (tree.ROOT / "requirements" / f"{compiled}.txt").read_text(encoding="utf-8")
    return text.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("compiled", DECLARED)
def test_every_declared_dependency_is_compiled(compiled: str) -> None:
    pinned = {_name(entry) for entry in _entries(compiled)}

    assert {_name(wanted) for wanted in DECLARED[compiled]} - pinned == set()


@pytest.mark.parametrize("compiled", DECLARED)
def test_every_line_is_a_version_with_its_hashes(compiled: str) -> None:
    pinned = re.compile(r"[\w.-]+==[^ ]+( *;[^#]*?)? +(--hash=sha256:[0-9a-f]{64} *)+")

    assert [entry for entry in _entries(compiled) if not pinned.fullmatch(entry)] == []
