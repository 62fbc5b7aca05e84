"""`make guards`: removes one guard at a time in a copy of the tree, and shows that its test goes red."""

import argparse
import asyncio
import compileall
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from tests.guards.guard import Guard
from tests.guards.table import GUARDS
from tests.house_rules import tree

AT_ONCE = 2
_TEST_SECONDS = 400
_HUNG = -1
_FAILED = 1  # pytest's own: some tests failed; anything else says that they did not run
_FAILURE = re.compile(r"^FAILED .*", re.MULTILINE)


class Shown(StrEnum):
    """What a test showed without its guard."""

    RED = "red"
    GREEN = "GREEN"
    BROKEN = "BROKEN"  # it did not even run, or did not end


def copy_tree(target: Path) -> None:
    """Copy what git tracks, or is about to, and nothing else, and compile it: each process of a copy would."""
    for path in tree.tracked():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree.ROOT / path, target / path)
    compileall.compile_dir(target, quiet=1)


def remove(guard: Guard, root: Path) -> None:
    """Take a guard out of a copy; raises ValueError unless its line is there exactly once."""
    file = root / guard.file
    text = file.read_text()
    if text.count(guard.line) != 1:
        raise ValueError(f"{guard}: its line is there {text.count(guard.line)} times, not once")
    file.write_text(text.replace(guard.line, guard.without))


async def run_tests(root: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests of a copy; give pytest's exit status and what it said."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", *tests]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=root, env={**os.environ, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    seconds = _TEST_SECONDS * max(1, len(tests) // 4)
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return _HUNG, f"no end after {seconds} s"
    return process.returncode or 0, said.decode(errors="replace")


async def show(guard: Guard, whole: Path) -> tuple[Guard, Shown, str, float]:
    """Run a guard's test in a copy of the whole tree without it, and say how many seconds that took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="doorstep-guards-") as place:
        root = Path(place) / "copy"
        await asyncio.to_thread(shutil.copytree, whole, root)
        remove(guard, root)
        status, said = await run_tests(root, [guard.test])
    return guard, judge(status, said), said, time.monotonic() - began


def judge(status: int, said: str) -> Shown:
    """Say what pytest's exit status and words show; a test that could not be set up has not failed."""
    if status == _FAILED and _FAILURE.search(said) is not None:
        return Shown.RED
    return Shown.BROKEN if status else Shown.GREEN


async def show_all(guards: Sequence[Guard], whole: Path) -> int:
    """Show each guard, some at once; give how many tests stayed green or did not run."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(guard: Guard) -> tuple[Guard, Shown, str, float]:
        async with gate:
            return await show(guard, whole)

    wrong = 0
    for shown in asyncio.as_completed([one(guard) for guard in guards]):
        guard, outcome, said, seconds = await shown
        why = _FAILURE.search(said)
        sys.stdout.write(f"{outcome:>7} {seconds:4.0f} s  {guard}\n{'':16}{why[0] if why else guard.test}\n")
        if outcome is not Shown.RED:
            wrong += 1
            sys.stdout.write("\n".join(f"{'':16}| {line}" for line in said.splitlines()[-15:]) + "\n")
        sys.stdout.flush()
    return wrong


def main() -> int:
    """Be `python -m tests.guards`; 1 when a test stays green without its guard."""
    parser = argparse.ArgumentParser(prog="make guards", description=__doc__)
    parser.add_argument("--only", default="", help="guards whose file or test contains this")
    parser.add_argument("--as-it-is", action="store_true", help="run their tests with all guards in place")
    asked = parser.parse_args()
    guards = [guard for guard in GUARDS if asked.only in guard.file or asked.only in guard.test]
    if asked.as_it_is:
        tests = sorted({guard.test for guard in guards})
        return subprocess.run([sys.executable, "-m", "pytest", "-q", *tests], check=False).returncode  # noqa: S603
    with tempfile.TemporaryDirectory(prefix="doorstep-guards-") as place:
        copy_tree(Path(place))
        wrong = asyncio.run(show_all(guards, Path(place)))
    sys.stdout.write(f"{len(guards)} guards removed, {len(guards) - wrong} tests red, {wrong} not\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
