"""Whether more workers of a service cost more: processor time per order with two and with four of them."""

import asyncio
import os
import signal
from collections.abc import Mapping

import httpx
from pydantic import JsonValue

from bench import feeding, machine
from bench.figures import median, ratios
from bench.session import Session
from bench.table import Result
from deploy.local import names
from shared import clock

_WORKER = "inventory-worker"
_COUNTS = (2, 4)
_DONE = "select count(*) from order_demand"
# So that each has its connections, and its statements their plans.
_WARM_ORDERS = 1_200
_JOIN_SECONDS = 60.0
_SETTLE_SECONDS = 2.0
_POLL_SECONDS = 0.2


async def measure(session: Session) -> Mapping[str, Result]:
    """Let two, then four workers that are warm already empty the same full topic, in every cell."""
    cost: dict[int, list[float]] = {count: [] for count in _COUNTS}
    server: dict[int, list[float]] = {count: [] for count in _COUNTS}
    for _ in range(session.plan.cells):
        for count in _COUNTS:
            ours, postgres = await _reserve_with(session, count)
            cost[count].append(ours)
            server[count].append(postgres)
            session.say(f"  {count} workers: {ours:.2f} ms of their own per order, {postgres:.2f} ms of PostgreSQL")
    two, four = (median(cost[count]) for count in _COUNTS)
    details: dict[str, JsonValue] = {
        "postgres_ms_per_order": {str(count): round(median(server[count]), 3) for count in _COUNTS}
    }
    return {"workers": Result(ratios(cost[4], cost[2]), f"{four:.2f} ms ÷ {two:.2f} ms", details)}


async def _reserve_with(session: Session, count: int) -> tuple[float, float]:
    """Give processor milliseconds per order: of all workers, and of PostgreSQL."""
    rig = session.rig
    await rig.run_only(_WORKER)
    addresses = [rig.stack.site.url(_WORKER), *await rig.start_more(_WORKER, count - 1)]
    await _all_joined(rig.client, addresses)
    before = await rig.value("inventory", _DONE) + _WARM_ORDERS
    await feeding.feed(rig, session.shop, _WARM_ORDERS)
    await rig.until("inventory", _DONE, before)
    orders = session.plan.reservations
    # Frozen for less than their session lasts: what is measured is a full topic, and not how fast it fills.
    workers = [pid for name, pid in rig.pids().items() if name.startswith(_WORKER)]
    _signal(workers, signal.SIGSTOP)
    try:
        await feeding.feed(rig, session.shop, orders)
        meter = machine.Meter(rig.pids())
    finally:
        _signal(workers, signal.SIGCONT)
    await rig.until("inventory", _DONE, before + orders)
    await rig.until("inventory", "select 1 where not exists (select from outbox)", 1)
    used = meter.read()
    ours = machine.total(used, (name for name in used if name.startswith(_WORKER)))
    return ours * 1000 / orders, used[names.POSTGRES] * 1000 / orders


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


async def _all_joined(client: httpx.AsyncClient, addresses: list[str]) -> None:
    """Wait until every worker says that it holds partitions, twice: the group settles when the last has joined."""
    ends = clock.monotonic() + _JOIN_SECONDS
    quiet = 0
    while quiet < 2:  # noqa: PLR2004 - twice
        answers = [(await client.get(f"{address}/internal/rest")).json() for address in addresses]
        quiet = quiet + 1 if all("consumer" not in answer["why"] for answer in answers) else 0
        if clock.monotonic() > ends:
            raise TimeoutError(f"not all {len(addresses)} workers joined: {answers}")
        await asyncio.sleep(_SETTLE_SECONDS if quiet else _POLL_SECONDS)
