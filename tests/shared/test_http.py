"""What the one HTTP client sends, seen by a server of our own."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from shared.http import HttpClient

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"


class Listener:
    """Keeps the first line of each request."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.append((await reader.readline()).decode().strip())
        writer.write(ANSWER)
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


async def test_a_query_in_the_path_is_sent_also_with_empty_parameters(listener: Listener) -> None:
    client = HttpClient("test", listener.url)
    await client.request("GET", "/staff/cases?state=open&limit=100&cursor=c1", params={})
    await client.request("GET", "/staff/cases", params={"limit": "5"})
    await client.close()
    assert listener.lines == [
        "GET /staff/cases?state=open&limit=100&cursor=c1 HTTP/1.1",
        "GET /staff/cases?limit=5 HTTP/1.1",
    ]
