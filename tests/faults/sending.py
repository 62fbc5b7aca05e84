"""Sends a service's events once more, past its relay, in whatever order a test wants."""

from collections.abc import Sequence

import asyncpg

from deploy.local import names
from deploy.local.stack import LocalStack
from shared import relay
from shared.kafka import Producer
from shared.settings import PlatformSettings
from tests.faults.look import rows

_EVENTS = """
select event_id, topic, key, epoch, sequence, type, headers, payload::text as payload, occurred_at from {table}
order by recorded_at, sequence
"""


async def events(stack: LocalStack, service: str, table: str) -> list[asyncpg.Record]:
    """Read the events of a service's outbox or event log."""
    return await rows(stack, service, _EVENTS.format(table=table))


async def send(stack: LocalStack, sent: Sequence[asyncpg.Record]) -> None:
    """Send events one after another."""
    idempotent = stack.environment("orders")[names.KAFKA_IDEMPOTENT] == "true"
    settings = PlatformSettings(
        environment="local", kafka_bootstrap=stack.bootstrap, kafka_idempotent=idempotent, token_public_keys=""
    )
    producer = Producer(settings, "faults")
    await producer.start()
    for event in sent:
        await producer.send([relay.message_of(event)])
    await producer.close()
