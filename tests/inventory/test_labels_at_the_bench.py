"""The bench asks for a label until it is there."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import orjson
import pytest

from deploy.local.stack import LocalStack
from services.inventory.actions import labels
from shared.ids import new_id
from shared.settings import platform
from tests.clients import RoleAuth
from tests.inventory.floor import Floor
from tests.inventory.lab import Lab, Line


class Shipping:
    """Shipping's door as far as a bench needs it: no label yet, or this one."""

    def __init__(self) -> None:
        self.shipment_id: UUID | None = None
        self.voids = 0
        self.waits: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        self.voids += b"/void " in asked
        self.waits += [found[1].decode() for found in re.finditer(rb"/label\?wait=(\d+) ", asked)]
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


@asynccontextmanager
async def reachable(shipping: Shipping, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Have the bench ask this shipping."""
    async with serving(shipping) as url:
        monkeypatch.setenv("DOORSTEP_SHIPPING_URL", url)
        platform.cache_clear()
        labels._shipping.cache_clear()  # noqa: SLF001 - its address is read once per process
        yield
        await labels._shipping().close()  # noqa: SLF001
    labels._shipping.cache_clear()  # noqa: SLF001 - the next test has its own


async def test_the_same_request_again_sees_the_label_that_was_not_there_before(
    lab: Lab, stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor, shipping = Floor(lab, stack), Shipping()
    sku, place = await lab.stocked(5)
    await floor.release(Line(sku, 1))
    picks = await floor.pick_all(place)
    parcel = await floor.pack(picks["tasks"][0]["fulfilment_id"])
    path, key = f"/staff/parcels/{parcel['id']}/label", str(new_id())

    async with reachable(shipping, monkeypatch):
        waiting = await floor.post(path, key=key)
        shipping.shipment_id = new_id()
        there = await floor.post(path, key=key)
        again = await floor.post(path, key=key)

    assert shipping.waits[0] == "10", "the carrier has ten seconds, then the bench is told that there is none"
    assert (waiting.status_code, waiting.json()["label"]) == (202, None)
    assert (there.status_code, there.json()["label"]["tracking_number"]) == (200, "9400")
    assert again.json() == there.json()


async def test_a_reopening_gives_the_label_back_only_when_its_key_is_new(
    lab: Lab, stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor, shipping = Floor(lab, stack), Shipping()
    shipping.shipment_id = new_id()
    sku, place = await lab.stocked(5)
    _, parcel, _ = await floor.ready(sku, place)
    path, key, crushed = f"/staff/parcels/{parcel['id']}/reopenings", str(new_id()), {"reason": "box was crushed"}
    weighing = {"weight_grams": 300, "length_mm": 300, "width_mm": 200, "height_mm": 100}

    async with reachable(shipping, monkeypatch):
        auth = RoleAuth(stack.staff_key, "picker", floor.picker)
        without_key = await lab.client.post(path, json=crushed, auth=auth)
        voids_without_key = shipping.voids
        opened = await floor.post(path, crushed, key=key)
        await floor.do(f"/staff/parcels/{parcel['id']}/weighings", weighing)
        await floor.do(f"/staff/parcels/{parcel['id']}/closings")
        booked_anew = await floor.book(parcel)
        late = await floor.post(path, crushed, key=key)
        other = await floor.post(path, {"reason": "wrong box"}, key=key)

    assert [answer.status_code for answer in (without_key, opened, late, other)] == [422, 200, 200, 422]
    assert late.json() == opened.json()
    assert (voids_without_key, shipping.voids) == (0, 1)
    label = (await lab.get(f"/staff/parcels/{parcel['id']}"))["label"]
    assert (label["state"], label["tracking_number"]) == ("live", booked_anew.tracking_number)
