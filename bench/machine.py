"""What the machine did meanwhile, read from /proc: processor seconds, memory, and whether others are at work."""

import asyncio
import os
import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from shared import clock

_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE_FIELDS = (3, 4)  # idle, iowait
_PARENT, _USER, _OF_ENDED_CHILDREN = 1, 11, 13  # fields of /proc/<pid>/stat after the name


async def busy_share(seconds: float) -> float:
    """Give the share of all cores' time that somebody used during so many seconds, 0 to 1."""
    before = _jiffies()
    await asyncio.sleep(seconds)
    spent = [after - earlier for after, earlier in zip(_jiffies(), before, strict=True)]
    total = sum(spent)
    return 1 - sum(spent[field] for field in _IDLE_FIELDS) / total if total else 0.0


def _jiffies() -> list[int]:
    first = Path("/proc/stat").read_text().splitlines()[0]
    return [int(field) for field in first.split()[1:9]]


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _tree() -> Mapping[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children[int(_stat(int(entry.name))[_PARENT])].append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return children


def with_children(pid: int) -> list[int]:
    """Give a process and all below it."""
    children, found = _tree(), [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


def cpu_seconds(pid: int) -> float:
    """Give the processor seconds of a process, its children and those of them that have ended."""
    total = 0
    for one in with_children(pid):
        try:
            fields = _stat(one)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(field) for field in fields[_USER : _OF_ENDED_CHILDREN + 2])
    return total / _TICKS


def unshared_megabytes(pid: int) -> float:
    """Give the memory that only this process and its children have (USS), in MB of 10^6 bytes."""
    kilobytes = 0
    for one in with_children(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return kilobytes * 1024 / 1e6


class Meter:
    """Processor seconds by process between its making and `read`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        self.started = clock.monotonic()

    def read(self) -> dict[str, float]:
        """Give the seconds each process has used since."""
        return {name: cpu_seconds(pid) - self._before[name] for name, pid in self._pids.items()}


def describe() -> dict[str, str]:
    """Say what machine this is."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().splitlines()[0].split()[1]
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": models[0] if models else platform.machine(),
        "memory": f"{int(memory) / 1024**2:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def per_order(used: Mapping[str, float], orders: int) -> dict[str, float]:
    """Give processor milliseconds per order and process."""
    return {name: round(seconds * 1000 / max(orders, 1), 3) for name, seconds in used.items()}


def total(used: Mapping[str, float], names: Iterable[str]) -> float:
    """Add up the seconds of some processes."""
    return sum(used.get(name, 0.0) for name in names)
