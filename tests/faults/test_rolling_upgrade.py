"""A newer version finds in its topics what an older one has published."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local import names, topics
from deploy.local.commands import Options
from deploy.local.stack import LocalStack
from shared import clock, relay
from shared.kafka import Producer
from tests.broker import BROKER
from tests.contracts import corpus
from tests.contracts.corpus import Row
from tests.faults.ledger import Outcome
from tests.faults.look import rows
from tests.waiting import wait_until

# It knows what it knows by events alone; the others also by what was done at their doors, or by asking a neighbour.
BY_EVENTS_ALONE = frozenset({"care"})
_BATCH = 500
_PATIENCE_SECONDS = 180.0
_READ = """
select (select coalesce(sum(sequence), 0) from stream_position where consumer = $1)
  + (select count(*) from parked where consumer = $1) as events
"""
_APPLIED = "select count(*) as events from inbox where consumer = $1"
_HELD = "select state, reason, headers ->> 'ce_type' as type from parked where consumer = $1 order by sequence"
_LETTERS = "select error from dead_letter where consumer = $1"


@asynccontextmanager
async def alone(service: str) -> AsyncIterator[LocalStack]:
    """Run one service of today without its neighbours: nobody else answers what it reads."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-upgrade-"))
    options = Options(services=(service,), simulator=service == "shipping", broker=BROKER, throwaway=True)
    stack = await LocalStack.start(home, options=options)
    try:
        yield stack
    finally:
        await stack.stop()
    shutil.rmtree(home)


@pytest.mark.parametrize("service", names.SERVICES)
@pytest.mark.parametrize("version", corpus.files(), ids=lambda path: path.name.removesuffix(".ndjson.gz"))
async def test_todays_service_consumes_what_a_released_version_published(
    outcome: Outcome, version: Path, service: str
) -> None:
    """F23: nothing is unreadable, nothing fails; what is not known by events alone waits for it."""
    told = [row for row in corpus.read(version) if row["topic"] in names.SUBSCRIPTIONS[service]]
    began = clock.monotonic()
    async with alone(service) as stack:
        await _send(stack, told)

        async def is_read() -> bool:
            return int((await rows(stack, service, _READ, service))[0]["events"]) >= len(told)

        await wait_until(is_read, deadline=_PATIENCE_SECONDS, what=f"{service} reads {len(told)} events")
        if service in BY_EVENTS_ALONE:

            async def is_applied() -> bool:
                return int((await rows(stack, service, _APPLIED, service))[0]["events"]) >= len(told)

            await wait_until(is_applied, what=f"{service} applies {len(told)} events")
        held = [dict(row) for row in await rows(stack, service, _HELD, service)]
        letters = await rows(stack, service, _LETTERS, service)
    waits = [row for row in held if row["state"] == "parked" and row["reason"].startswith(("not yet", "gap"))]
    outcome.acknowledged, outcome.seconds = len(told), clock.monotonic() - began
    outcome.stuck, outcome.lost = len(held) - len(waits), len(letters)
    outcome.enter([f"{row['type']}: {row['reason']}" for row in held if row not in waits])


async def _send(stack: LocalStack, told: list[Row]) -> None:
    settings = topics.settings_for(stack.bootstrap).model_copy(update={"kafka_idempotent": BROKER == "kafka"})
    producer = Producer(settings, "upgrade")
    await producer.start()
    for start in range(0, len(told), _BATCH):
        await producer.send([relay.message_of(row) for row in told[start : start + _BATCH]])
    await producer.close()
