"""What the one HTTP client sends, seen by a server of our own."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared import clock
from shared.http import Breaker, HttpClient, HttpStatusError, HttpUnavailableError

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"


class Listener:
    """Keeps the first line of each request."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.url = ""
        self.answer = ANSWER

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.append((await reader.readline()).decode().strip())
        writer.write(self.answer)
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


async def test_a_partner_that_failed_again_and_again_is_left_alone_until_one_call_may_try(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: moment)
    breaker = Breaker(threshold=2, open_seconds=10)
    broken = HttpClient("partner", "http://127.0.0.1:1", breaker=breaker)
    for _ in range(2):
        with pytest.raises(HttpUnavailableError):
            await broken.request("GET", "/")
    mended = HttpClient("partner", listener.url, breaker=breaker)
    with pytest.raises(HttpUnavailableError, match="2 times in a row"):
        await mended.request("GET", "/early")
    moment += 10.5
    await mended.request("GET", "/trial")
    await mended.request("GET", "/after")
    assert listener.lines == ["GET /trial HTTP/1.1", "GET /after HTTP/1.1"]
    await broken.close()
    await mended.close()


async def test_a_read_is_repeated_a_bounded_number_of_times(listener: Listener) -> None:
    listener.answer = b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    client = HttpClient("partner", listener.url, breaker=Breaker(threshold=100))
    with pytest.raises(HttpStatusError, match="503"):
        await client.get("/stock", attempts=3)
    with pytest.raises(HttpStatusError, match="503"):
        await client.request("POST", "/labels")
    await client.close()
    assert listener.lines == ["GET /stock HTTP/1.1"] * 3 + ["POST /labels HTTP/1.1"]


async def test_a_refusal_is_an_answer_and_not_asked_for_again(listener: Listener) -> None:
    listener.answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    client = HttpClient("partner", listener.url, breaker=Breaker(threshold=1))
    for _ in range(2):
        with pytest.raises(HttpStatusError, match="404"):
            await client.get("/nothing")
    await client.close()
    assert len(listener.lines) == 2


def test_an_open_breaker_lets_one_call_through_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: moment)
    breaker = Breaker(threshold=1, open_seconds=10)
    breaker.record(ok=False)
    moment += 11
    breaker.check("partner")
    with pytest.raises(HttpUnavailableError):
        breaker.check("partner")
