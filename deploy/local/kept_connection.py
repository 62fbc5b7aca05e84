"""One kept HTTP connection to a process of this machine, for a question that is asked many times a second."""

import asyncio
from urllib.parse import urlsplit

_OK = b" 200 "
_MOST_BYTES = 1 << 20
_LENGTH = b"content-length:"


class KeptConnection:
    """Asks GET questions one after another; opens again what the other side has closed."""

    def __init__(self, address: str, *, timeout_seconds: float) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._timeout_seconds = timeout_seconds
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> bytes | None:
        """Give the body of a 200; None for any other answer, or for none within the timeout."""
        was_open = self._streams is not None
        body = await self._try(path)
        # The other side may have closed an idle connection just now: one new one is tried.
        return await self._try(path) if body is None and was_open else body

    async def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _try(self, path: str) -> bytes | None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._ask(path)
        except (OSError, EOFError, ValueError, TimeoutError):
            await self.close()
            return None
        except asyncio.CancelledError:
            # The answer still comes, and must not be taken for that of the next question.
            await self.close()
            raise

    async def _ask(self, path: str) -> bytes | None:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=_MOST_BYTES)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await self._body(reader, head.lower())
        return body if _OK in head.split(b"\r\n", 1)[0] else None

    async def _body(self, reader: asyncio.StreamReader, head: bytes) -> bytes:
        for line in head.split(b"\r\n"):
            if line.startswith(_LENGTH):
                return await reader.readexactly(int(line.removeprefix(_LENGTH)))
        body = await reader.read(_MOST_BYTES)
        await self.close()
        return body
