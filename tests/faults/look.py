"""What a running stack shows of itself: rows, counters, who is dead and who stands still."""

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
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{stack.urls[names.worker_of(service)]}/metrics")
    start = f'doorstep_events_dropped_total{{service="{service}"}} '
    found = [line for line in answer.text.splitlines() if line.startswith(start)]
    return int(float(found[0].removeprefix(start))) if found else 0


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
