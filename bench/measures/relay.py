"""The relay against a bare aiokafka producer that sends the same bytes."""

import asyncio
import json
import sys
from collections.abc import Mapping

from bench import bare_producer
from bench.figures import median, ratios, steady_rate
from bench.session import Session
from bench.table import Result
from deploy.local.site import REPOSITORY
from deploy.local.topics import settings_for
from shared import clock, topics
from shared.db import connect

_WORKER = "orders-worker"
_PUBLISHED = "doorstep_events_published_total"
_WAITING = "select count(*) from outbox"
# What was sent waits once more, as it was written; the relay finds a log without it, as it always does.
_REFILL = """
insert into outbox (event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at)
select event_id, shard, topic, key, epoch, sequence, type, headers, payload, occurred_at
from event_log order by recorded_at, key, epoch, sequence
"""
_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 120.0
_LEAST_EVENTS = 3_000


async def measure(session: Session) -> Mapping[str, Result]:
    """Let a worker relay what intake has left in the outbox, then all of it again, beside the bare producer."""
    rig = session.rig
    settings = settings_for(rig.stack.bootstrap)
    await topics.create_topics(settings, [bare_producer.TOPIC])
    rates: list[float] = []
    bare: list[float] = []
    for cell in range(session.plan.cells):
        await rig.run_only()
        if cell:
            await _refill(session)
        count = await rig.value("orders", _WAITING)
        rates.append(await _empty_outbox(session, count))
        bare.append(await _send_bare(session, count))
        session.say(f"  relay {rates[-1]:,.0f} events/s, bare producer {bare[-1]:,.0f}/s")
    return {"relay": Result(ratios(rates, bare), f"{median(rates):,.0f} events/s ÷ {median(bare):,.0f}/s")}


async def _refill(session: Session) -> None:
    dsn = session.rig.stack.dsn("orders", "admin")
    connection = await connect(dsn, application="bench", patience_seconds=None)
    try:
        await connection.execute(_REFILL)
        await connection.execute("truncate event_log")
        await connection.execute("vacuum analyze outbox")
    finally:
        await connection.close()


async def _empty_outbox(session: Session, count: int) -> float:
    rig = session.rig
    if count < _LEAST_EVENTS:
        raise RuntimeError(f"only {count} events wait in the outbox: intake left too few for a rate")
    await rig.run_only(_WORKER)
    address, ends = rig.stack.site.url(_WORKER), clock.monotonic() + _PATIENCE_SECONDS
    seen: list[tuple[float, float]] = []
    while not seen or seen[-1][1] < count:
        seen.append((clock.monotonic(), await rig.counter(address, _PUBLISHED)))
        if clock.monotonic() > ends:
            raise TimeoutError(f"only {seen[-1][1]:.0f} of {count} events were relayed")
        await asyncio.sleep(_POLL_SECONDS)
    return steady_rate(seen, least=count / 4)


async def _send_bare(session: Session, count: int) -> float:
    """Run the bare producer in a process of its own, with the relay stopped."""
    rig = session.rig
    await rig.run_only()
    asked = {
        "dsn": rig.stack.dsn("orders"),
        "bootstrap": rig.stack.bootstrap,
        "idempotent": rig.broker == "kafka",
        "events": count,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", bare_producer.__name__),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(_PATIENCE_SECONDS):
        out, err = await process.communicate(json.dumps(asked).encode())
    if process.returncode:
        raise RuntimeError(f"the bare producer failed: {err.decode()[-600:]}")
    return float(json.loads(out)["rate"])
