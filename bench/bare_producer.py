"""A bare aiokafka producer with the relay's options: reads published events first, then sends them and tells the rate.

`python -m bench.bare_producer` reads what it needs as JSON from standard input; connections carry passwords.
"""

import asyncio
import json
import sys

import uvloop
from aiokafka import AIOKafkaProducer

from shared import clock, db
from shared.kafka import Message
from shared.relay import message_of

TOPIC = "bench.relay"  # of twelve partitions, as all of ours; nobody reads it
_READ = """
select event_id, topic, key, epoch, sequence, type, headers, payload::text as payload, occurred_at
from event_log order by published_at desc limit $1
"""


async def send(asked: dict[str, str | int | bool]) -> float:
    """Give events a second, from the first one handed over to the last one acknowledged."""
    messages = await _read(str(asked["dsn"]), int(asked["events"]))
    producer = AIOKafkaProducer(
        bootstrap_servers=str(asked["bootstrap"]),
        acks="all",
        enable_idempotence=bool(asked["idempotent"]),
        linger_ms=0,
        max_batch_size=128 * 1024,
        request_timeout_ms=10_000,
    )
    await producer.start()
    try:
        await producer.send_and_wait(TOPIC, b"", b"warm")
        started = clock.monotonic()
        sent = [await producer.send(TOPIC, one.value, one.key, headers=list(one.headers)) for one in messages]
        await asyncio.gather(*sent)
        return len(messages) / (clock.monotonic() - started)
    finally:
        await producer.stop()


async def _read(dsn: str, limit: int) -> list[Message]:
    connection = await db.connect(dsn, application="bench", patience_seconds=None)
    try:
        return [message_of(row) for row in await connection.fetch(_READ, limit)]
    finally:
        await connection.close()


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    sys.stdout.write(json.dumps({"rate": uvloop.run(send(wanted))}))
