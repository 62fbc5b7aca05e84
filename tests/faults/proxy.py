"""A wire between two processes that can be bad: slow, cut, half dead, or deaf just when a commit is answered."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Self

_CHUNK = 65536
_DELAY_SECONDS = 0.2
_DRIP_BYTES = 16
_DRIP_SECONDS = 0.002
_COMMIT = re.compile(rb"Q.{4}commit;?\0", re.DOTALL | re.IGNORECASE)  # PostgreSQL's message of a simple query
_HOST = b"127.0.0.1"


class Wire(StrEnum):
    """What the wire does to what it carries."""

    SOUND = "sound"
    SLOW = "slow"  # every piece arrives 200 ms late
    DRIP = "drip"  # a few bytes at a time
    HALF_OPEN = "half_open"  # nobody hangs up, nothing arrives
    RESET = "reset"  # every connection is reset as soon as something is said on it


class Proxy:
    """Carries the connections made to its port to another one of this machine.

    A Kafka broker tells its clients where it is; of one that is `told_of`, the proxy has it say that it is here.
    """

    def __init__(self, target: int, *, told_of: bool = False) -> None:
        self._wire = Wire.SOUND
        self._flows = asyncio.Event()
        self._flows.set()
        self.swallowed = 0
        self.carried = 0
        self.spoiled = 0
        self._target = target
        self._told_of = told_of
        self._to_swallow = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def to(cls, target: int, *, told_of: bool = False) -> AsyncIterator[Self]:
        """Listen on a free port for as long as the block lasts."""
        proxy = cls(target, told_of=told_of)
        proxy._server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        try:
            yield proxy
        finally:
            proxy._server.close()
            proxy.cut()
            for task in proxy._tasks:
                task.cancel()
            await asyncio.gather(*proxy._tasks, return_exceptions=True)
            await proxy._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def wire(self) -> Wire:
        return self._wire

    @wire.setter
    def wire(self, wire: Wire) -> None:
        self._wire = wire
        if wire is Wire.HALF_OPEN:
            self._flows.clear()
        else:
            self._flows.set()

    def swallow_commits(self, count: int) -> None:
        """Let the server commit so many more times, and hang up before it can say so."""
        self._to_swallow = count

    def cut(self) -> int:
        """Reset all connections there are; give their number."""
        writers = list(self._writers)
        for writer in writers:
            writer.transport.abort()
        self._writers.clear()
        return len(writers)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._carry(reader, writer)
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        deaf = asyncio.Event()
        there = asyncio.create_task(self._pump(reader, far_writer, deaf))
        back = asyncio.create_task(self._pump(far_reader, writer, deaf, answers=True))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (there, back):
                pump.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            far_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event, *, answers: bool = False
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                self.spoiled += self.wire is not Wire.SOUND
                await self._flows.wait()
                if self.wire is Wire.RESET:
                    return
                if answers and deaf.is_set():
                    self.swallowed += 1
                    return
                if not answers and self._to_swallow and _COMMIT.search(data):
                    self._to_swallow -= 1
                    deaf.set()
                await self._write(writer, self._here(data) if answers and self._told_of else data)

    def _here(self, data: bytes) -> bytes:
        """Put our port into the broker's place where it names itself: its host, then four bytes of port."""
        return data.replace(_HOST + self._target.to_bytes(4), _HOST + self.port.to_bytes(4))

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        self.carried += len(data)
        if self.wire is Wire.SLOW:
            await asyncio.sleep(_DELAY_SECONDS)
        step = _DRIP_BYTES if self.wire is Wire.DRIP else len(data)
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
            await writer.drain()
            if step < len(data):
                await asyncio.sleep(_DRIP_SECONDS)
