"""What operators find broken: an event that was given up, as a worker leaves it."""

import json
from pathlib import Path
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


async def give_up(dsn: str) -> tuple[str, UUID]:
    """Leave an order's first event dead in care's database, as after a fault that is mended by now; give both ids."""
    order_id, event_id = new_id(), new_id()
    headers = {
        "ce_id": str(event_id), "ce_source": "orders", "ce_type": "doorstep.orders.order_placed.v1",
        "ce_subject": str(order_id), "ce_time": clock.now().isoformat(), "ce_sequence": "1", "ce_epoch": "1",
    }  # fmt: skip
    payload = {**json.loads(_GOLDEN.read_text(encoding="utf-8")), "order_id": str(order_id)}
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_PARK, str(order_id), event_id, json.dumps(headers), json.dumps(payload), clock.real())
    finally:
        await connection.close()
    return str(event_id), order_id
