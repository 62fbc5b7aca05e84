"""The embedded stack's mail server: it accepts every message and keeps it as a file, sending nothing on."""

import asyncio
import signal
import sys
from pathlib import Path

from deploy.local import names
from deploy.local.processes import Command

_MAX_LINE_BYTES = 64 * 1024
_MAX_MESSAGE_BYTES = 10 * 1024 * 1024
_ANSWERS = {
    b"EHLO": b"250-doorstep\r\n250 SIZE 10485760",
    b"HELO": b"250 doorstep",
    b"MAIL": b"250 OK",
    b"RCPT": b"250 OK",
    b"RSET": b"250 OK",
    b"NOOP": b"250 OK",
}


def command(port: int, directory: Path, log: Path) -> Command:
    """Give the command that keeps every message in `directory`."""
    argv = [sys.executable, "-m", "deploy.local.mailbox", str(port), str(directory)]
    return Command(name=names.MAILBOX, argv=argv, log=log, stop_seconds=2.0)


class Mailbox:
    """One directory of messages, numbered in the order they came."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.last = max((int(path.stem) for path in directory.glob("*.eml")), default=0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak as much SMTP as a client needs to deliver, until it leaves."""
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            # A client that leaves or sends an endless line loses its connection, nothing else.
            pass
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 doorstep\r\n")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            answer = await self._receive(reader, writer) if verb == b"DATA" else _ANSWERS.get(verb)
            writer.write((answer or b"502 not understood") + b"\r\n")
            await writer.drain()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"354 end with a dot\r\n")
        await writer.drain()
        message = bytearray()
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise asyncio.IncompleteReadError(bytes(message), None)
            message += line.removeprefix(b".")
            if len(message) > _MAX_MESSAGE_BYTES:
                raise ValueError("a message beyond the limit")
        self.last += 1
        (self._directory / f"{self.last:06}.eml").write_bytes(message)
        return f"250 kept as {self.last:06}.eml".encode()


async def run(port: int, directory: Path) -> None:
    """Serve until told to stop."""
    box = Mailbox(directory)
    server = await asyncio.start_server(box.serve, "127.0.0.1", port, limit=_MAX_LINE_BYTES)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), Path(sys.argv[2])))
