"""Sees when an order's pick tasks become visible to the warehouse, and how long after the order was sent."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from bench.rig import Rig
from shared import clock

# Behind a select the id is not looked into for planning, which cost more than the search.
_NEW = "select order_id, id from fulfilment where id > (select $1::uuid)"
_SENT = "select id, (storefront_metadata->>'sent_us')::float8 / 1e6 as sent from orders where id = any($1::uuid[])"
_POLL_SECONDS = 0.01
# What is a tenth of a second old is asked for every time; what was committed later than that, at every twentieth.
_YOUNG_SECONDS, _OLD_SECONDS, _OLD_EVERY = 0.1, 2.0, 20
_MILLISECONDS = 1000.0


@dataclass(slots=True)
class Watch:
    """Notes when each fulfilment order is first visible; its pick tasks come in the same transaction."""

    rig: Rig
    connection: "asyncpg.Connection[asyncpg.Record]"
    began: float
    _known: set[UUID] = field(default_factory=set)
    _fresh: dict[UUID, float] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    @classmethod
    async def begin(cls, rig: Rig) -> "Watch":
        """Watch what is placed from now on."""
        watch = cls(rig, await rig.connect("inventory"), clock.real().timestamp())
        watch._task = asyncio.create_task(watch._look())
        return watch

    async def take(self) -> list[float]:
        """Give the milliseconds from sending to pick tasks of all orders that got theirs since the last call."""
        seen, self._fresh = self._fresh, {}
        connection = await self.rig.connect("orders")
        try:
            rows = await connection.fetch(_SENT, list(seen))
        finally:
            await connection.close()
        # Orders that were on their way when we began were sent before.
        return [(seen[row["id"]] - row["sent"]) * _MILLISECONDS for row in rows if row["sent"] >= self.began]

    async def end(self) -> list[float]:
        """Stop, and give the last ones."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.connection.close()
        return await self.take()

    async def _look(self) -> None:
        question = await self.connection.prepare(_NEW)
        looks = 0
        while True:
            rows = await question.fetch(_made_after(_YOUNG_SECONDS if looks % _OLD_EVERY else _OLD_SECONDS))
            now = clock.real().timestamp()
            for row in rows:
                if row["id"] not in self._known:
                    self._known.add(row["id"])
                    self._fresh[row["order_id"]] = now
            if not looks % _OLD_EVERY:
                forgotten = _made_after(2 * _OLD_SECONDS)
                self._known = {one for one in self._known if one > forgotten}
            looks += 1
            await asyncio.sleep(_POLL_SECONDS)


def _made_after(seconds: float) -> UUID:
    """Give the least id of rows made within the last seconds: an id begins with its millisecond."""
    return UUID(int=int((clock.real().timestamp() - seconds) * _MILLISECONDS) << 80)
