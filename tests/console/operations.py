"""What operators find broken: an event that was given up, as a worker leaves it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from shared import clock, inbox
from shared.db import Database
from shared.ids import new_id
from shared.kafka import Record
from tests.console.visitor import Visitor
from tests.waiting import wait_until

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
    headers, payload, order_id = _first_event()
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_PARK, str(order_id), headers["ce_id"], json.dumps(headers), payload, clock.real())
    finally:
        await connection.close()
    return headers["ce_id"], order_id


def _first_event() -> tuple[dict[str, str], str, UUID]:
    """Make what orders say first of an order: headers, payload, and the order's id."""
    order_id = new_id()
    headers = {
        "ce_id": str(new_id()), "ce_source": "orders", "ce_type": "doorstep.orders.order_placed.v1",
        "ce_subject": str(order_id), "ce_time": clock.now().isoformat(), "ce_sequence": "1", "ce_epoch": "1",
    }  # fmt: skip
    payload = {**json.loads(_GOLDEN.read_text(encoding="utf-8")), "order_id": str(order_id), **_far_from_late()}
    return headers, json.dumps(payload), order_id


def _far_from_late() -> dict[str, Any]:
    """Give times at which care has nothing to raise; it would tell services that never heard of the order."""
    tomorrow, in_a_month = ((clock.now() + timedelta(days=days)).isoformat() for days in (1, 30))
    promise = {"revision": 1, "source": "storefront", "ship_by": tomorrow}
    promise |= {"deliver_by_earliest": in_a_month, "deliver_by_latest": in_a_month}
    times = {"soft_until": in_a_month, "ship_after": tomorrow, "gift_due_at": in_a_month}
    progress = {"step": "placed", "holder": "inventory", "since": tomorrow, "due_at": in_a_month, "unblock": ""}
    return {"promise": promise, **times, "progress": progress}


async def bury(dsn: str, *, reason: str = "unreadable") -> tuple[str, UUID]:
    """Leave an order's first event among care's dead letters, as a reader left it that knew less; give both ids."""
    headers, payload, order_id = _first_event()
    sent = tuple((name, said.encode()) for name, said in headers.items())
    record = Record("doorstep.orders", 0, new_id().int % 10**12, str(order_id).encode(), payload.encode(), sent)
    database = Database(dsn)
    try:
        async with database.transaction() as tx:
            await inbox.bury(tx, "care", record, reason, "header 'ce_shape' is not known")
            tx.wrote = True
            letter: int = await tx.value("select max(id) from dead_letter where key = $1", str(order_id))
    finally:
        await database.close()
    return str(letter), order_id


async def pressed(visitor: Visitor, path: str, form: dict[str, str]) -> int:
    """Send a form, again under the same key while a service is too busy to answer; give the answer's status."""

    async def answered() -> int:
        status = (await visitor.post(path, form)).status_code
        return 0 if status == httpx.codes.SERVICE_UNAVAILABLE else status

    return await wait_until(answered, what=path)
