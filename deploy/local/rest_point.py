"""The last moment up to which everybody had read everything: where a replay must begin at the latest."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from deploy.local import names
from deploy.local.credentials import write_private
from deploy.local.topics import settings_for
from shared import clock, kafka

# What a group of a service reads; a test holds it against the services' handlers.
SUBSCRIPTIONS: dict[str, tuple[str, ...]] = {
    "orders": ("doorstep.inventory", "doorstep.shipping", "doorstep.care"),
    "inventory": ("doorstep.orders",),
    "shipping": ("doorstep.orders", "doorstep.inventory"),
    "care": ("doorstep.orders", "doorstep.inventory", "doorstep.shipping"),
}
_SAFETY = timedelta(minutes=1)

Ends = dict[tuple[str, int], int]


@dataclass(frozen=True)
class Candidate:
    """Where the topics ended at a moment; a rest point once all groups have read so far."""

    at: datetime
    ends: Ends


class RestPoints:
    """Keeps the newest rest point of a home in a file."""

    def __init__(self, home: Path, bootstrap: str, services: tuple[str, ...]) -> None:
        self._path = home / "rest_point.json"
        self._bootstrap = bootstrap
        self._services = services
        self._candidate: Candidate | None = None

    def read(self) -> datetime | None:
        """Give the newest rest point, real time; None in a new home."""
        try:
            document = json.loads(self._path.read_text())
        except FileNotFoundError:
            return None
        return datetime.fromisoformat(document["at"])

    def replay_since(self) -> datetime | None:
        """Give the moment from which to publish again what a broker forgot; None in a new home."""
        point = self.read()
        return point - _SAFETY if point is not None else None

    def write(self, at: datetime) -> None:
        """Make this the newest rest point; in a new home the moment before anything was published."""
        write_private(self._path, json.dumps({"at": at.isoformat()}))

    def forget_candidate(self) -> None:
        """Drop a candidate whose offsets mean nothing any more, as the broker counts anew."""
        self._candidate = None

    async def look(self) -> bool:
        """Take a candidate, or confirm the one taken; True when a rest point was written."""
        settings = settings_for(self._bootstrap)
        if self._candidate is None:
            # The time is read first: what is published between the two is replayed rather than missed.
            at = clock.real()
            self._candidate = Candidate(at, await kafka.end_offsets(settings, names.TOPICS))
        for service in self._services:
            topics = SUBSCRIPTIONS[service]
            committed = await kafka.committed_offsets(settings, f"doorstep.{service}", topics)
            if behind(self._candidate.ends, committed, topics):
                return False
        self.write(self._candidate.at)
        self._candidate = None
        return True


def behind(ends: Ends, committed: Ends, topics: tuple[str, ...]) -> list[tuple[str, int]]:
    """List the partitions of these topics that a group has not read to their ends."""
    return [place for place, end in ends.items() if place[0] in topics and committed.get(place, 0) < end]
