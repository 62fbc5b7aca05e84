"""The two clocks: business time, which the local stack may step, and real time, which nobody may."""

import mmap
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_FILE_BYTES = 8
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClockError(RuntimeError):
    """The stepped clock was used where, or moved how, it may not be."""


class _SteppedFile:
    """Eight bytes, microseconds since 1970, mapped by every process of one local stack."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < _FILE_BYTES:
                os.ftruncate(descriptor, _FILE_BYTES)
            # One native load or store: of what is written in parts a reader sees none or another moment meanwhile.
            self._microseconds = memoryview(mmap.mmap(descriptor, _FILE_BYTES)).cast("q")
        finally:
            os.close(descriptor)

    def read(self) -> datetime | None:
        microseconds = self._microseconds[0]
        return _EPOCH + microseconds * _MICROSECOND if microseconds else None

    def write(self, moment: datetime) -> None:
        self._microseconds[0] = (moment - _EPOCH) // _MICROSECOND


_stepped: _SteppedFile | None = None
_skew = timedelta(0)


def use_stepped_file(path: Path, *, environment: str) -> None:
    """Read business time from `path` from now on; raises ClockError outside the local environment."""
    global _stepped  # noqa: PLW0603 - one clock per process is the point
    if environment != "local":
        raise ClockError(f"a stepped clock is refused in environment {environment!r}: only 'local' may step time")
    _stepped = _SteppedFile(path)


def run_wrong_by(seconds: float, *, environment: str) -> None:
    """Have both clocks of this process wrong by so much, as a machine's may be; raises ClockError but for `local`."""
    global _skew  # noqa: PLW0603 - as above
    if seconds and environment != "local":
        raise ClockError(
            f"a clock that is wrong on purpose is refused in environment {environment!r}: only for 'local'"
        )
    _skew = timedelta(seconds=seconds)


def is_stepped() -> bool:
    """Say whether business time is stepped by a driver rather than real."""
    return _stepped is not None and _stepped.read() is not None


def now() -> datetime:
    """Business time, aware UTC: what occurred_at, dwell, promises, calendars and reservations use."""
    moment = _stepped.read() if _stepped is not None else None
    return moment + _skew if moment is not None else real()


def real() -> datetime:
    """Real time, aware UTC: what leases, time-outs, tokens, signatures, rate limits and retention use."""
    return datetime.now(UTC) + _skew


def monotonic() -> float:
    """Seconds of a clock that never goes back, for durations within one process."""
    return time.monotonic()


def step_to(moment: datetime) -> None:
    """Move stepped business time forward to `moment`; raises ClockError when unset up or going back."""
    if _stepped is None:
        raise ClockError("no stepped clock file is in use")
    current = _stepped.read()
    if current is not None and moment < current:
        raise ClockError(f"business time never goes back: {moment.isoformat()} is before {current.isoformat()}")
    _stepped.write(moment)
