"""Child processes of the stack: start in their own group, know again later, wait until healthy, stop."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import StartFailedError
from shared import clock

_POLL_SECONDS = 0.05
_ROOT = Path(__file__).resolve().parents[2]
_LOG_TAIL_LINES = 15
_MAX_LOG_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class Mark:
    """What tells a process from a later one with the same pid: its command line and start time."""

    pid: int
    started: str
    command: str

    def is_alive(self) -> bool:
        """Say whether exactly this process still runs."""
        return mark_of(self.pid) == self


@dataclass(frozen=True)
class Command:
    """What to run, as whom, and where its output goes."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user_id: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 8.0


class Child:
    """One running process of the stack."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.began_at = clock.real()
        command.log.parent.mkdir(parents=True, exist_ok=True)
        if command.log.exists() and command.log.stat().st_size > _MAX_LOG_BYTES:
            command.log.replace(command.log.with_suffix(".log.1"))
        with command.log.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - our own argv
                list(command.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.environment},
                start_new_session=True,
                cwd=_ROOT,
                user=command.user_id,
                group=command.user_id,
                extra_groups=[] if command.user_id is not None else None,
            )

    @property
    def pid(self) -> int:
        return int(self._popen.pid)

    @property
    def return_code(self) -> int | None:
        code: int | None = self._popen.poll()
        return code

    @property
    def is_running(self) -> bool:
        return self.return_code is None

    def mark(self) -> Mark | None:
        return mark_of(self.pid)

    def signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.kill(self.pid, number)

    def let_go(self) -> None:
        """Leave it running after this process has ended."""
        self._popen.returncode = 0

    async def stop(self) -> None:
        """Ask it to end, and end it with its whole group when it has not within its seconds."""
        self.signal(self.command.stop_signal)
        if not await self.wait(self.command.stop_seconds):
            signal_group(self.pid, signal.SIGKILL)
            await self.wait(self.command.stop_seconds)

    async def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after so many seconds."""
        deadline = time.monotonic() + seconds
        while self.is_running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def wait_ready(self, ready: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Wait until `ready` says so; raises StartFailedError with the end of its log."""
        deadline = time.monotonic() + seconds
        while not await ready():
            if not self.is_running:
                raise self._failure(f"ended with code {self.return_code}")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready within {seconds:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)

    async def wait_done(self, seconds: float) -> None:
        """Wait for a process that does one thing; raises StartFailedError unless it ended well."""
        if not await self.wait(seconds):
            signal_group(self.pid, signal.SIGKILL)
            await self.wait(self.command.stop_seconds)
            raise self._failure(f"did not end within {seconds:.0f} s")
        if self.return_code:
            raise self._failure(f"ended with code {self.return_code}")

    def _failure(self, what: str) -> StartFailedError:
        return StartFailedError(f"{self.command.name} {what}\n{self.log_tail()}")

    def log_tail(self) -> str:
        """Give the last lines it wrote, with the place of the rest."""
        lines = self.command.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return "\n".join([*(f"  | {line}" for line in lines), f"  all of it: {self.command.log}"])


def mark_of(pid: int) -> Mark | None:
    """Read the mark of a live process; None when there is none, or only its zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _mark_by_ps(pid)
    try:
        fields = stat.read_text().rpartition(")")[2].split()
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start_ticks = fields[0], fields[19]
    command = b" ".join(words).decode(errors="replace").strip()
    return None if state == "Z" else Mark(pid, start_ticks, command)


def _mark_by_ps(pid: int) -> Mark | None:
    found = subprocess.run(  # noqa: S603 - our own argv
        ["/bin/ps", "-p", str(pid), "-o", "stat=", "-o", "lstart=", "-o", "command="],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    if not found or found[0].startswith("Z"):
        return None
    return Mark(pid, " ".join(found[1:6]), " ".join(found[6:]))


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process that leads its own group, and all of the group."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


async def stop_marked(marks: Sequence[Mark], seconds: float, first: signal.Signals = signal.SIGTERM) -> None:
    """Stop processes somebody else started, all at once, and only those that are still the marked ones."""
    alive = [mark for mark in marks if mark.is_alive()]
    for mark in alive:
        os.kill(mark.pid, first)
    deadline = time.monotonic() + seconds
    while alive and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
        alive = [mark for mark in alive if mark.is_alive()]
    for mark in alive:
        signal_group(mark.pid, signal.SIGKILL)
