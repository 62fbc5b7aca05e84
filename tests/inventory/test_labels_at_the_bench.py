"""The bench asks for a label until it is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import orjson
import pytest

from deploy.local.stack import LocalStack
from services.inventory.actions import labels
from shared.ids import new_id
from shared.settings import platform
from tests.inventory.floor import Floor
from tests.inventory.lab import Lab, Line


class Shipping:
    """Shipping's door as far as a bench needs it: no label yet, or this one."""

    def __init__(self) -> None:
        self.shipment_id: UUID | None = None

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status, body = (
            ("404 Not Found", {"code": "no_label"}) if self.shipment_id is None else ("200 OK", self._label())
        )
        content = orjson.dumps(body)
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n"
        writer.write(f"{head}connection: close\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()

    def _label(self) -> dict[str, object]:
        return {
            "shipment_id": str(self.shipment_id), "carrier": "USPS", "service": "Ground", "tracking_number": "9400",
            "format": "png", "media_type": "image/png", "content_base64": "", "label_url": "/",
        }  # fmt: skip


@asynccontextmanager
async def serving(shipping: Shipping) -> AsyncIterator[str]:
    server = await asyncio.start_server(shipping.answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_same_request_again_sees_the_label_that_was_not_there_before(
    lab: Lab, stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor, shipping = Floor(lab, stack), Shipping()
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 1))
    picks = await floor.pick_all(place)
    parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"])
    path, key = f"/staff/parcels/{parcel['id']}/label", str(new_id())

    async with serving(shipping) as url:
        monkeypatch.setenv("DOORSTEP_SHIPPING_URL", url)
        platform.cache_clear()
        labels._shipping.cache_clear()  # noqa: SLF001 - its address is read once per process
        waiting = await floor.post(path, key=key)
        shipping.shipment_id = new_id()
        there = await floor.post(path, key=key)
        again = await floor.post(path, key=key)
        await labels._shipping().close()  # noqa: SLF001
    labels._shipping.cache_clear()  # noqa: SLF001 - the next test has its own

    assert (waiting.status_code, waiting.json()["label"]) == (202, None)
    assert (there.status_code, there.json()["label"]["tracking_number"]) == (200, "9400")
    assert again.json() == there.json()
