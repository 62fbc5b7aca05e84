"""What every check needs: the databases, which streams are settled, and the events that were told of an order."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.check.databases import Databases, Row
from cli.check.findings import Fact
from shared.tables import RING_SLOTS

# With its slots named, each partition is searched by its key.
_TOLD = """
select type, sequence, occurred_at, payload, topic, partition, "offset" from (
  select epoch, type, sequence, occurred_at, payload, topic, partition, "offset" from event_log
  where slot = any($2::smallint[]) and key = $1
  union all
  select epoch, type, sequence, occurred_at, payload, topic, null, null from outbox where key = $1
) e order by epoch, sequence
"""
_SLOTS = list(range(RING_SLOTS))
_GONE = "no event is kept"

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One event as its producer keeps it."""

    type: str
    sequence: int
    occurred_at: datetime
    payload: Payload
    topic: str
    partition: int | None
    offset: int | None

    @property
    def name(self) -> str:
        """Give `pick_confirmed` for `doorstep.inventory.pick_confirmed.v1`."""
        return self.type.split(".")[2]


@dataclass(frozen=True, slots=True)
class Behind:
    """A consumer that has read more or less of a stream than there was in its producer's snapshot."""

    consumer: str
    source: str
    read: int
    there: int

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.consumer} has read {self.read} of {self.there} events of {self.source}"


@dataclass(frozen=True, slots=True)
class Books:
    """The services' records beside each other; orders of which something is still under way are not settled."""

    databases: Databases
    unsettled: Mapping[str, list[Behind]]
    numbers: Mapping[str, str]

    async def rows(self, service: str, sql: str, *values: object) -> list[Row]:
        """Read rows of one service."""
        return await self.databases.rows(service, sql, *values)

    def is_settled(self, order_id: str) -> bool:
        """Say whether every consumer has read all there is of this order."""
        return order_id not in self.unsettled

    def name(self, key: str | None) -> str:
        """Name a stream: an order by its number, everything else by its key."""
        return f"order {self.numbers[key]}" if key is not None and key in self.numbers else str(key)

    async def told(self, service: str, key: str) -> list[Told]:
        """Give what a service has told of a key, in order, as far as it is kept."""
        return [Told(**dict(row)) for row in await self.rows(service, _TOLD, key, _SLOTS)]

    def fact(self, key: str, told: Told) -> Fact:
        """Name an event."""
        at = f"{told.occurred_at:%Y-%m-%d %H:%M}"
        return Fact(self.name(key), told.type, told.sequence, at, told.topic, told.partition, told.offset, key)

    async def first(self, service: str, key: str | None, diverges: Callable[[Told], bool]) -> Fact:
        """Name the first event of a key at which the records part, else the last one after which they did."""
        if key is None:
            return Fact("no order", _GONE, 0)
        events = await self.told(service, key)
        found = next((event for event in events if diverges(event)), events[-1] if events else None)
        return self.fact(key, found) if found is not None else Fact(self.name(key), _GONE, 0, key=key)

    async def naming(self, service: str, key: str | None, identity: str, names: Iterable[str] = ()) -> Fact:
        """Name the first event of a key that speaks of `identity`, one of these facts if there is any."""
        wanted = frozenset(names)
        events = await self.told(service, key) if key is not None else []
        speaking = [event for event in events if identity in str(event.payload)]
        found = [*(event for event in speaking if event.name in wanted), *speaking, *events[-1:]]
        return self.fact(str(key), found[0]) if found else Fact(self.name(key), _GONE, 0, key=key or "")

    async def latest(self, service: str, key: str) -> Fact:
        """Name the last event a service has told of a key: after it nothing came."""
        return await self.first(service, key, lambda _event: False)
