"""A wire between two processes that can be bad: slow, cut, half dead, or deaf just when a commit is answered."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

_CHUNK = 65536
_DELAY_SECONDS = 0.2
_DRIP_BYTES = 16
_DRIP_SECONDS = 0.002
_KEEPALIVE_SECONDS = 25.0  # our connections: silent for 10 s, then three questions 5 s apart
_HANG_UP_SECONDS = 2.0
_COMMIT = re.compile(rb"Q.{4}commit;?\0", re.DOTALL | re.IGNORECASE)  # PostgreSQL's message of a simple query
_HOST = b"127.0.0.1"


class Wire(StrEnum):
    """What the wire does to what it carries."""

    SOUND = "sound"
    SLOW = "slow"  # every piece arrives 200 ms late
    DRIP = "drip"  # a few bytes at a time
    HALF_OPEN = "half_open"  # nobody hangs up, nothing arrives, then or ever: only who asks anew gets through
    RESET = "reset"  # every connection is reset as soon as something is said on it


@dataclass(eq=False, slots=True)
class _Line:
    """One connection: a dead one carries nothing any more, of a deaf one the next answer is lost."""

    far: asyncio.StreamWriter
    is_dead: bool = False
    is_deaf: bool = False

    def die(self) -> None:
        """Carry nothing any more; the server ends its side when nobody answers its questions, unheard by the client."""
        self.is_dead = True
        asyncio.get_running_loop().call_later(_KEEPALIVE_SECONDS, self.far.transport.abort)


class Proxy:
    """Carries the connections made to its port to another one of this machine.

    A Kafka broker tells its clients where it is; of one that is `told_of`, the proxy has it say that it is here.
    """

    def __init__(self, target: int, *, told_of: bool = False) -> None:
        self._wire = Wire.SOUND
        self._lines: set[_Line] = set()
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
            if proxy._tasks:
                await asyncio.wait(proxy._tasks, timeout=_HANG_UP_SECONDS)
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
        for line in self._lines if wire is Wire.HALF_OPEN else ():
            line.die()

    def swallow_commits(self, count: int) -> None:
        """Let the server commit so many more times, and hang up before it can say so."""
        self._to_swallow = count

    def cut(self) -> int:
        """Reset all connections there are; give their number."""
        writers = list(self._writers)
        for writer in (*writers, *(line.far for line in self._lines)):
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
        line = _Line(far_writer)
        self._lines.add(line)
        if self.wire is Wire.HALF_OPEN:
            line.die()
        there = asyncio.create_task(self._pump(reader, far_writer, line))
        back = asyncio.create_task(self._pump(far_reader, writer, line, answers=True))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            if line.is_dead:  # nor does one end hear that the other has hung up
                await asyncio.wait({there, back})
        finally:
            self._lines.discard(line)
            for pump in (there, back):
                pump.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            far_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: "_Line", *, answers: bool = False
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                self.spoiled += self.wire is not Wire.SOUND
                if line.is_dead:
                    continue
                if self.wire is Wire.RESET:
                    return
                if answers and line.is_deaf:
                    self.swallowed += 1
                    return
                if not answers and self._to_swallow and _COMMIT.search(data):
                    self._to_swallow -= 1
                    line.is_deaf = True
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
