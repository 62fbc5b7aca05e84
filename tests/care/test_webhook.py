"""News to a storefront: signed so that it can be trusted, with an id so that a second delivery is dropped."""

import asyncio

import pytest
from standardwebhooks.webhooks import Webhook

from services.care.channels import webhook
from services.care.channels.wording import Reader, write
from services.care.policy.messages import Topic
from shared.http import HttpStatusError

SECRET = "whsec_" + "c2VjcmV0IG9mIGEgdGVzdCBzdG9yZWZyb250"


class Storefront:
    """A storefront's endpoint: keeps what it was sent and answers with one status."""

    def __init__(self, status: str = "204 No Content") -> None:
        self.status = status
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        self.requests.append((headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def open(self) -> tuple[asyncio.Server, str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/care"


def news() -> bytes:
    facts: dict[str, object] = {"order_number": "T-1", "order_id": "1"}
    return webhook.payload_of(facts, write(Topic.DAMAGE, facts, None, Reader()), "message-1")


@pytest.mark.security(9)
async def test_the_storefront_can_verify_what_it_was_sent() -> None:
    storefront = Storefront()
    server, url = await storefront.open()
    async with server:
        await webhook.send(url, SECRET, news(), "message-1")
    headers, body = storefront.requests[0]
    told = Webhook(SECRET).verify(body, headers)
    assert (told["id"], told["type"], told["data"]["order_number"]) == ("message-1", "customer.message", "T-1")
    assert headers["webhook-id"] == "message-1"


async def test_a_refusal_is_told_so_that_it_is_tried_again() -> None:
    storefront = Storefront("503 Service Unavailable")
    server, url = await storefront.open()
    async with server:
        with pytest.raises(HttpStatusError, match="503"):
            await webhook.send(url, SECRET, news(), "message-2")
