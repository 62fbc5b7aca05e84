"""How soon a worker looks again: what comes while a round is paid off shares the next one, whatever the load."""

import asyncio
from dataclasses import dataclass

from shared import clock


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a worker rests: so many times its last round, and never longer than `most_seconds`."""

    times: float
    most_seconds: float


LEADING = Pace(1, 0.05)  # an order on its way waits for it
FOLLOWING = Pace(4, 0.25)  # it reads along with others: a quarter of a second is soon enough


async def rest_after(began: float, pace: Pace = LEADING) -> None:
    """Let as much time pass as the pace says after the round that began at `began` (monotonic seconds).

    A transaction or a send costs nearly the same for one event as for twenty. Rounds follow one another closely only
    where much comes in: there each rest makes the next batch larger and so every event cheaper (processor time of an
    order on its whole way: 12 ms instead of 20). Where little comes in, nobody waits for it. While business time is
    stepped the driver waits for everybody, so that all are leading.
    """
    kept = LEADING if clock.is_stepped() else pace
    await asyncio.sleep(min((clock.monotonic() - began) * kept.times, kept.most_seconds))
