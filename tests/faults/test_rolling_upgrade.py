"""A newer version finds in its topics what an older one has published."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from deploy.local import names, topics
from deploy.local.commands import Options
from deploy.local.stack import LocalStack
from shared import clock, relay
from shared.events.inventory import LocationSaved, SkuSaved
from shared.kafka import Producer
from tests.broker import BROKER
from tests.clients import Clients
from tests.contracts import corpus
from tests.contracts.corpus import Row
from tests.faults.ledger import Outcome
from tests.faults.look import rows
from tests.waiting import NotThis, wait_until

# What is begun at a service's own door, and is not in the topics: events about it wait. All others are applied.
WAITS = {
    "orders": "not yet: the order is not known here",
    "shipping": "not yet: the parcel's label is not booked here yet",
}
_BATCH = 500
Json = dict[str, object]
_PATIENCE_SECONDS = 180.0
_READ = """
select (select coalesce(sum(sequence), 0) from stream_position where consumer = $1)
  + (select count(*) from parked where consumer = $1) as events
"""
_HELD = """
select state, reason, headers ->> 'ce_type' as type, source, key from parked where consumer = $1 order by sequence
"""
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
    """F23: nothing is unreadable, fails or stays parked but what begins at its own door."""
    told = [row for row in corpus.read(version) if row["topic"] in names.SUBSCRIPTIONS[service]]
    began = clock.monotonic()
    async with alone(service) as stack:
        if service == "inventory":
            await _know(stack, version)
        await _send(stack, told)

        async def is_read() -> bool:
            return int((await rows(stack, service, _READ, service))[0]["events"]) >= len(told)

        await wait_until(is_read, deadline=_PATIENCE_SECONDS, what=f"{service} reads {len(told)} events")
        await _at_rest(stack, service)
        held = [dict(row) for row in await rows(stack, service, _HELD, service)]
        letters = await rows(stack, service, _LETTERS, service)
    waits = _waiting(held, WAITS.get(service))
    outcome.acknowledged, outcome.seconds = len(told), clock.monotonic() - began
    outcome.stuck, outcome.lost = len(held) - len(waits), len(letters)
    outcome.enter([f"{row['type']}: {row['reason']}" for row in held if row not in waits])


async def _at_rest(stack: LocalStack, service: str) -> None:
    """Wait until nothing is parked but what rightly waits: what another topic's event held up is tried again."""

    async def is_at_rest() -> bool | NotThis:
        held = [dict(row) for row in await rows(stack, service, _HELD, service)]
        waits = _waiting(held, WAITS.get(service))
        others = [row for row in held if row["state"] == "parked" and row not in waits]
        return NotThis([f"{row['type']}: {row['reason']}" for row in others]) if others else True

    await wait_until(is_at_rest, what=f"nothing is parked in {service}")


def _waiting(held: Sequence[Row], reason: str | None) -> Sequence[Row]:
    """Give the events that rightly wait: the first of a stream for this reason, the later ones for the first."""
    if reason is None:
        return []
    parked = [row for row in held if row["state"] == "parked"]
    first = {(row["source"], row["key"]) for row in parked if str(row["reason"]).startswith(reason)}
    return [
        row for row in parked if str(row["reason"]).startswith((reason, "gap")) and (row["source"], row["key"]) in first
    ]


async def _know(stack: LocalStack, version: Path) -> None:
    """Let inventory have the places and articles that were saved at its door."""
    found: dict[str, list[Json]] = {"locations": [], "skus": []}
    for row in corpus.read(version):
        said = orjson.loads(str(row["payload"]))
        if row["type"] == LocationSaved.event_type:
            place = {"code": said.pop("location"), "line1": "Dock 1", "city": "Hamburg"}
            found["locations"].append({**said, **place})
        elif row["type"] == SkuSaved.event_type:
            size = {"length_mm": 100, "width_mm": 100, "height_mm": 50, "weight_grams": said["weight_grams"]}
            found["skus"].append({"code": said["sku"], "name": said["name"], **size})
    clients = Clients(stack)
    for kind, saved in found.items():
        answer = await clients.of("inventory").post(
            f"/staff/{kind}", json={kind: saved}, headers={"Idempotency-Key": kind}
        )
        assert answer.is_success, answer.text
    await clients.close()


async def _send(stack: LocalStack, told: list[Row]) -> None:
    settings = topics.settings_for(stack.bootstrap).model_copy(update={"kafka_idempotent": BROKER == "kafka"})
    producer = Producer(settings, "upgrade")
    await producer.start()
    for start in range(0, len(told), _BATCH):
        await producer.send([relay.message_of(row) for row in told[start : start + _BATCH]])
    await producer.close()
