"""Group commit without waiting: whatever queued during the last commits becomes the next transaction."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shared import db
from shared.errors import UnavailableError

T = TypeVar("T")
R = TypeVar("R")

_MAX_WAITING = 5_000
_IN_FLIGHT = 2  # while the database writes one batch, the process reads and drafts the other


class Batch(Generic[T, R]):
    """Collects items of many callers; `work` does a list in one transaction and gives a result or error for each."""

    def __init__(self, work: Callable[[list[T]], Awaitable[Sequence[R | Exception]]], *, limit: int = 100) -> None:
        self._work = work
        self._limit = limit
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._runners: list[asyncio.Task[None]] = []

    async def submit(self, item: T) -> R:
        """Give the item's result once it is committed, or raise its error; work goes on if the caller leaves."""
        if len(self._waiting) >= _MAX_WAITING:
            raise UnavailableError("too much is waiting to be stored; try again", headers={"Retry-After": "1"})
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._runners = [runner for runner in self._runners if not runner.done()]
        if len(self._runners) < _IN_FLIGHT:
            self._runners.append(asyncio.create_task(self._run()))
        return await asyncio.shield(future)

    async def _run(self) -> None:
        while self._waiting:
            count = min(self._limit, len(self._waiting))
            await self._do([self._waiting.popleft() for _ in range(count)])

    async def _do(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - handed to the callers, or tried one by one
            if len(batch) == 1 or db.is_away(error):
                for _, future in batch:
                    _settle(future, error)
                return
            for single in batch:
                await self._do([single])
            return
        for (_, future), result in zip(batch, results, strict=True):
            _settle(future, result)


def _settle(future: "asyncio.Future[R]", result: R | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
        future.exception()  # the caller may have left; then nobody else reads it
    else:
        future.set_result(result)
