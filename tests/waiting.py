"""Waiting for what will become true, with a generous deadline instead of a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from shared.db import Database

_PAUSE_SECONDS = 0.05
_HELD_UP_SECONDS = 10.0
_HELD_UP = """
select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
"""


Answer = TypeVar("Answer")


async def wait_until(condition: Callable[[], Awaitable[Answer]], deadline: float = 60.0, *, what: str = "") -> Answer:
    """Ask until the answer is true and give it; an AssertionError names the last answer after `deadline` seconds."""
    ends = time.monotonic() + deadline
    while not (answer := await condition()):
        if time.monotonic() > ends:
            raise AssertionError(f"not within {deadline:g} s: {what or condition!r}, last answer {answer!r}")
        await asyncio.sleep(_PAUSE_SECONDS)
    return answer


async def wait_until_held_up(database: Database, *acts: asyncio.Task[Any]) -> None:
    """Wait until each of these acts waits for a row somebody else has, or has ended without."""

    async def held_up() -> bool:
        async with database.transaction() as tx:
            waiting: int = await tx.value(_HELD_UP)
        return waiting >= sum(not act.done() for act in acts)

    await wait_until(held_up, _HELD_UP_SECONDS, what="everybody waits")
