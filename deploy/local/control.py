"""What people do with a stack: up, down, reset, status."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local import names, ports, state, stepped_clock
from deploy.local.errors import StackError, StartFailedError
from deploy.local.processes import Mark
from deploy.local.site import REPOSITORY
from deploy.local.stack import LocalStack, Progress
from deploy.local.state import Record
from deploy.local.supervisor import supervise as watch_over
from deploy.local.wish import Wish

_UP_SECONDS = 300.0
_DOWN_SECONDS = 25.0
_POLL_SECONDS = 0.1


def default_home() -> Path:
    """Give the home that DOORSTEP_HOME names, or .doorstep in the repository."""
    return Path(os.environ.get(names.HOME) or REPOSITORY / ".doorstep").resolve()


def up(home: Path, wish: Wish, progress: Progress) -> tuple[Record, bool]:
    """Start a stack in the background and wait until it is ready; True beside it when it ran already."""
    running = state.read(home)
    if running is not None and running.is_owned:
        return _wait_for_other(home, running), True
    _failure(home).unlink(missing_ok=True)
    wish.save(home)
    log = home / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        started_at = output.tell()
        supervisor = subprocess.Popen(  # noqa: S603 - our own argv
            [sys.executable, "-m", "deploy.local.background", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=REPOSITORY,
        )
    return _wait_ready(home, supervisor, _Tail(log, started_at, progress)), False


def supervise(home: Path, wish: Wish) -> None:
    """Run a stack in the foreground until SIGTERM or Ctrl-C; raises StackError when it cannot start."""
    home.mkdir(parents=True, exist_ok=True)
    with _only_one(home):
        try:
            asyncio.run(_supervise(home, wish))
        except StackError as error:
            _failure(home).write_text(str(error))
            raise


def down(home: Path) -> list[str]:
    """Stop a stack, also one whose supervisor was killed; gives the names of what ran."""
    record = state.read(home)
    if record is None:
        return []
    running = sorted(name for name, mark in record.processes.items() if mark.is_alive())
    if record.owner is not None and record.owner.is_alive():
        os.kill(record.owner.pid, signal.SIGTERM)
        if not _wait_gone(record.owner, _DOWN_SECONDS):
            os.kill(record.owner.pid, signal.SIGKILL)
            _wait_gone(record.owner, _DOWN_SECONDS)
    asyncio.run(state.stop_leftovers(home))
    return running


def reset(home: Path) -> None:
    """Stop a stack and delete all it kept; raises StackError for a directory that is no home."""
    down(home)
    if not home.exists():
        return
    if not (home / "secrets.json").exists() and any(home.iterdir()):
        raise StackError(f"{home} does not look like the home of a stack: nothing was deleted")
    shutil.rmtree(home)


def status(home: Path) -> dict[str, bool]:
    """Say of every process that was started whether it runs; empty when nothing was started."""
    record = state.read(home)
    if record is None:
        return {}
    owner = {names.SUPERVISOR: record.is_owned}
    return {**owner, **{name: mark.is_alive() for name, mark in record.processes.items()}}


async def _supervise(home: Path, wish: Wish) -> None:
    await state.stop_leftovers(home)
    if wish.stepped_clock is not None:
        stepped_clock.begin(home / "clock", wish.stepped_clock)
    await watch_over(LocalStack(home, ports.fixed(wish.port_base), wish.options))


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(f"another supervisor starts or runs the stack in {home}") from error
        yield


class _Tail:
    """Hands the lines a supervisor writes to whoever waits for it."""

    def __init__(self, path: Path, position: int, progress: Progress) -> None:
        self._path = path
        self._position = position
        self._progress = progress

    def read(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._position)
            lines = file.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith(b"\n"):
                self._position += len(line)
                self._progress(line.decode(errors="replace").rstrip().partition(" ")[2])


def _wait_ready(home: Path, supervisor: subprocess.Popen[bytes], tail: _Tail) -> Record:
    deadline = time.monotonic() + _UP_SECONDS
    while time.monotonic() < deadline:
        tail.read()
        record = state.read(home)
        ours = record is not None and record.owner is not None and record.owner.pid == supervisor.pid
        if record is not None and ours and record.ready:
            # It lives on; this process will not wait for its end.
            supervisor.returncode = 0
            return record
        if supervisor.poll() is not None:
            raise StartFailedError(_why_it_failed(home))
        time.sleep(_POLL_SECONDS)
    supervisor.terminate()
    supervisor.wait(_DOWN_SECONDS)
    raise StartFailedError(f"the stack was not ready within {_UP_SECONDS:.0f} s; its logs are in {home / 'logs'}")


def _wait_for_other(home: Path, found: Record) -> Record:
    """Wait for a stack that somebody else is starting, or that restarts one of its processes."""
    deadline = time.monotonic() + _UP_SECONDS
    while not found.ready and found.is_owned and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        found = state.read(home) or found
    if not found.ready:
        raise StartFailedError(f"the stack in {home} does not become ready; its logs are in {home / 'logs'}")
    return found


def _failure(home: Path) -> Path:
    return home / "failure.txt"


def _why_it_failed(home: Path) -> str:
    failure = _failure(home)
    if failure.exists():
        return failure.read_text()
    return f"the supervisor ended; its log is {home / 'logs' / 'supervisor.log'}"


def _wait_gone(mark: Mark, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while mark.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
