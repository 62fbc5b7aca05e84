"""The last moment at which everything published had been read: where a replay must begin at the latest."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.credentials import write_private
from shared import clock

if TYPE_CHECKING:
    from deploy.local.driver import Round

# A replay from a point this much older costs nothing worth saving.
INTERVAL = timedelta(seconds=5)
_SAFETY = timedelta(minutes=1)

Ask = Callable[[], Awaitable["Round"]]


class RestPoints:
    """Keeps the newest rest point of a home in a file."""

    def __init__(self, home: Path) -> None:
        self._path = home / "rest_point.json"

    def read(self) -> datetime | None:
        """Give the newest rest point, real time; None in a new home."""
        try:
            document = json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        return datetime.fromisoformat(document["at"])

    def begin(self) -> None:
        """In a new home, let the first rest point be now, before anything was published."""
        if self.read() is None:
            self._write(clock.real())

    def replay_since(self) -> datetime | None:
        """Give the moment from which to publish again what a broker forgot; None in a new home."""
        point = self.read()
        return point - _SAFETY if point is not None else None

    def _write(self, at: datetime) -> None:
        write_private(self._path, json.dumps({"at": at.isoformat()}))

    def note(self, at: datetime) -> None:
        """Keep a moment at which somebody saw that everything was read, if the newest kept is old enough."""
        newest = self.read()
        if newest is not None and at - newest >= INTERVAL:
            self._write(at)

    async def look(self, ask: Ask) -> bool:
        """Ask all workers what they published and read; True when that was a rest point, which it writes.

        The counts are those of the databases, so neither a broker that counts anew nor its death can mislead
        them. The second asking shows that nothing was published while the first was answered.
        """
        at = clock.real()
        first = await ask()
        if not _all_read(first):
            return False
        second = await ask()
        if not _all_read(second) or first.published() != second.published():
            return False
        self._write(at)
        return True


def _all_read(asked: "Round") -> bool:
    return all(report is not None for report in asked.reports.values()) and not asked.unread()
