"""Waiting for what will become true, with a generous deadline instead of a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from shared.db import Database

_PAUSE_SECONDS = 0.05
_HELD_UP_SECONDS = 10.0
_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

Answer = TypeVar("Answer")


class NotThis(str):
    """An answer that is not the awaited one: it counts as false, and the failure shows it."""

    __slots__ = ()

    def __bool__(self) -> bool:
        """Be false, however long."""
        return False


async def wait_until(condition: Callable[[], Awaitable[Answer]], deadline: float = 60.0, *, what: str = "") -> Answer:
    """Ask until the answer is true and give it; an AssertionError names the last answer after `deadline` seconds."""
    ends = time.monotonic() + deadline
    while not (answer := await condition()):
        if time.monotonic() > ends:
            raise AssertionError(f"not within {deadline:g} s: {what or condition!r}, last answer {answer!r}")
        await asyncio.sleep(_PAUSE_SECONDS)
    return answer


async def until_waiting(database: Database, so_many: int = 1) -> None:
    """Wait until so many wait for what others of the same database have locked."""

    async def wait() -> bool:
        return await _waiting(database) == so_many

    await wait_until(wait, what=f"{so_many} who wait")


async def wait_until_held_up(database: Database, *acts: asyncio.Task[Any]) -> None:
    """Wait until each of these acts waits for a row somebody else has, or has ended without."""

    async def held_up() -> bool:
        return await _waiting(database) >= sum(not act.done() for act in acts)

    await wait_until(held_up, _HELD_UP_SECONDS, what="everybody waits")


async def _waiting(database: Database) -> int:
    async with database.transaction() as tx:
        count: int = await tx.value(_WAITING)
    return count
