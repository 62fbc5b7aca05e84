"""What operators find broken: an event that was given up, as a worker leaves it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from shared import clock
from shared.ids import new_id

_GOLDEN = Path(__file__).parents[1] / "contracts" / "golden" / "doorstep.orders.order_placed.v1.json"
_PARK = """
insert into parked (consumer, source, key, epoch, sequence, event_id, topic, partition, headers, payload, state, reason,
  attempts, parked_at)
values ('care', 'orders', $1, 1, 1, $2, 'doorstep.orders', 0, $3, $4, 'dead', 'KeyError: a fault that was mended',
  8, $5)
"""


_CROWD = """
insert into parked (consumer, source, key, epoch, sequence, event_id, topic, partition, headers, payload, state, reason,
  parked_at)
select $1, 'orders', coalesce($6, gen_random_uuid()::text), n, 1, gen_random_uuid(), 'doorstep.orders', 0, '{}', '{}',
  $2, $3, $4
from generate_series(1, $5) n
"""


@asynccontextmanager
async def crowd(dsn: str, state: str, reason: str, count: int, key: UUID | None = None) -> AsyncIterator[None]:
    """Leave many old events that no worker reads, of one key or each of its own, for as long as the block lasts."""
    consumer, an_hour_ago = f"nobody-{new_id()}", clock.real() - timedelta(hours=1)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_CROWD, consumer, state, reason, an_hour_ago, count, str(key) if key else None)
        yield
        await connection.execute("delete from parked where consumer = $1", consumer)
    finally:
        await connection.close()


@asynccontextmanager
async def changed(dsn: str, change: str, back: str, *values: object) -> AsyncIterator[None]:
    """Change a service's rows behind its back for as long as the block lasts."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(change, *values)
        yield
        await connection.execute(back, *values)
    finally:
        await connection.close()


async def give_up(dsn: str) -> tuple[str, UUID]:
    """Leave an order's first event dead in care's database, as after a fault that is mended by now; give both ids."""
    order_id, event_id = new_id(), new_id()
    headers = {
        "ce_id": str(event_id), "ce_source": "orders", "ce_type": "doorstep.orders.order_placed.v1",
        "ce_subject": str(order_id), "ce_time": clock.now().isoformat(), "ce_sequence": "1", "ce_epoch": "1",
    }  # fmt: skip
    payload = {**json.loads(_GOLDEN.read_text(encoding="utf-8")), "order_id": str(order_id), **_far_from_late()}
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_PARK, str(order_id), event_id, json.dumps(headers), json.dumps(payload), clock.real())
    finally:
        await connection.close()
    return str(event_id), order_id


def _far_from_late() -> dict[str, Any]:
    """Give times at which care has nothing to raise; it would tell services that never heard of the order."""
    tomorrow, in_a_month = ((clock.now() + timedelta(days=days)).isoformat() for days in (1, 30))
    promise = {"revision": 1, "source": "storefront", "ship_by": tomorrow}
    promise |= {"deliver_by_earliest": in_a_month, "deliver_by_latest": in_a_month}
    times = {"soft_until": in_a_month, "ship_after": tomorrow, "gift_due_at": in_a_month}
    progress = {"step": "placed", "holder": "inventory", "since": tomorrow, "due_at": in_a_month, "unblock": ""}
    return {"promise": promise, **times, "progress": progress}
