"""Which files the house rules look at: what the repository tracks, and what it would track next."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("services", "shared", "cli", "deploy", "tests", "bench")
PRODUCT = ("services", "shared", "cli", "deploy")
SERVICES = ("orders", "inventory", "shipping", "care")


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the repository's root, its text and its syntax tree."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed module."""
        return ast.parse(self.text, self.path)

    def within(self, *folders: str) -> bool:
        """Say whether the file lies in one of the top-level `folders`."""
        return self.path.split("/", 1)[0] in folders


@cache
def tracked() -> tuple[str, ...]:
    """Every path that git tracks or, not being ignored, is about to; without git, every visible file."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - any git will do
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = sorted(set(listing.stdout.splitlines()))
    else:
        paths = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*"))
    return tuple(path for path in paths if not path.startswith(".venv/") and (ROOT / path).is_file())


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of ours, each parsed once."""
    paths = [path for path in tracked() if path.endswith(".py") and path.split("/", 1)[0] in CODE]
    return tuple(Source(path, (ROOT / path).read_text(encoding="utf-8")) for path in paths)


def texts() -> Iterator[Source]:
    """Every tracked text file, code or not."""
    for path in tracked():
        try:
            yield Source(path, (ROOT / path).read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
