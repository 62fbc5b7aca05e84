"""Waiting for what will become true, with a generous deadline instead of a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_PAUSE_SECONDS = 0.05


Answer = TypeVar("Answer")


async def wait_until(condition: Callable[[], Awaitable[Answer]], deadline: float = 60.0, *, what: str = "") -> Answer:
    """Ask until the answer is true and give it; an AssertionError names the last answer after `deadline` seconds."""
    ends = time.monotonic() + deadline
    while not (answer := await condition()):
        if time.monotonic() > ends:
            raise AssertionError(f"not within {deadline:g} s: {what or condition!r}, last answer {answer!r}")
        await asyncio.sleep(_PAUSE_SECONDS)
    return answer
