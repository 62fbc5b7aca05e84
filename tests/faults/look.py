"""What a running stack shows of itself: rows, counters, who is dead and who stands still."""

import asyncio
from pathlib import Path

import asyncpg
import httpx

from deploy.local import names
from deploy.local.stack import LocalStack
from shared import db
from tests.waiting import wait_until


async def rows(stack: LocalStack, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
    """Read from a service's database."""
    connection = await db.connect(stack.dsn(service, "readonly"), application="fault tests")
    try:
        return list(await connection.fetch(sql, *values))
    finally:
        await connection.close()


async def dropped(stack: LocalStack, service: str) -> int:
    """Ask a worker how many events it has dropped, since it started, because it had seen them."""
    return await counted(stack.urls[names.worker_of(service)], "doorstep_events_dropped_total")


async def applied(url: str) -> int:
    """Ask the worker at an address how many events it has applied since it started."""
    return await counted(url, "doorstep_events_applied_total")


async def counted(url: str, counter: str) -> int:
    """Ask a process for a counter, whatever its labels."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{url}/metrics")
    return sum(int(float(line.split()[-1])) for line in answer.text.splitlines() if line.startswith(f"{counter}{{"))


async def see_held(file: Path) -> None:
    """Wait until a process waits at the failpoint that holds it as long as this file is there."""

    async def is_there() -> bool:
        return await asyncio.to_thread(file.exists)

    await wait_until(is_there, what="the process is held")


async def see_dead(stack: LocalStack, name: str) -> int:
    """Wait until a process has ended by itself or by our hand; give its exit code."""

    async def is_dead() -> bool:
        return not stack.processes[name].is_running

    await wait_until(is_dead, what=f"{name} dies")
    return stack.processes[name].return_code or 0


async def see_stalled(stack: LocalStack, name: str) -> None:
    """Wait until a worker that was alive answers no more."""

    async def is_silent() -> bool:
        return not await stack.is_ready(name)

    await wait_until(is_silent, what=f"{name} stalls")


async def see_ready(stack: LocalStack, name: str) -> None:
    """Wait until a process answers again."""

    async def is_ready() -> bool:
        return await stack.is_ready(name)

    await wait_until(is_ready, what=f"{name} is ready again")
