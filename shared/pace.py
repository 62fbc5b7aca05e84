"""How soon a worker looks again: what comes while a round is paid off shares the next one, whatever the load."""

import asyncio

from shared import clock

_MOST_SECONDS = 0.05


async def rest_after(began: float) -> None:
    """Let as much time pass as the round took that began at `began` (monotonic seconds), 50 ms at most.

    A transaction or a send costs nearly the same for one event as for twenty. Rounds follow one another closely only
    where much comes in: there each rest makes the next batch larger and so every event cheaper (processor time of an
    order on its whole way: 12 ms instead of 20). Where little comes in, nobody waits for it.
    """
    await asyncio.sleep(min(clock.monotonic() - began, _MOST_SECONDS))
