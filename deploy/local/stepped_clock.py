"""The stepped business clock of a home: made once, kept between starts, never going back."""

from datetime import UTC, datetime
from pathlib import Path

from deploy.local.errors import StackError
from shared import clock


def begin(path: Path, start: str) -> datetime:
    """Let business time begin at `start` unless it is later already; gives what it is now."""
    try:
        moment = datetime.fromisoformat(start)
    except ValueError as error:
        raise StackError(f"{start!r} is no time: write it as 2026-03-01T08:00:00Z") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    path.parent.mkdir(parents=True, exist_ok=True)
    clock.use_stepped_file(path, environment="local")
    if not clock.is_stepped() or clock.now() < moment:
        clock.step_to(moment)
    return clock.now()
