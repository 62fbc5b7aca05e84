"""A customer's photo is small in bytes and in pixels, whatever a few bytes promise to become."""

import zlib
from collections.abc import Callable
from io import BytesIO
from struct import pack

import httpx
import pytest
from PIL import Image

from services.care.photos import MOST_PIXELS
from tests.doors.caller import Caller, address_of
from tests.doors.openapi import operations

EVIDENCE = next(one for one in operations() if one.path == "/customer/evidence")
_SIDE = 8000
_BEGINNING, _END = b"\x89PNG\r\n\x1a\n", b"IEND"


def _chunk(kind: bytes, content: bytes = b"") -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))


def _png(width: int, height: int, *more: bytes, rows_there: int | None = None) -> bytes:
    """Write a picture of one colour: a few KB, whatever its size."""
    rows = zlib.compress(b"\x00" * ((rows_there or height) * (1 + (width + 7) // 8)), 9)
    header = _chunk(b"IHDR", pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"".join((_BEGINNING, header, *more, _chunk(b"IDAT", rows), _chunk(_END)))


def _saved(kind: str) -> bytes:
    drawn = BytesIO()
    Image.new("1" if kind != "JPEG" else "L", (_SIDE, _SIDE)).save(drawn, kind)
    return drawn.getvalue()


BOMBS: dict[str, Callable[[], bytes]] = {
    "just too many pixels": lambda: _png(_SIDE, MOST_PIXELS // _SIDE + 1),
    "a hundred million pixels": lambda: _png(10_000, 10_000),
    "one row without end": lambda: _png(MOST_PIXELS + 1, 1),
    "thousands of millions, said and not there": lambda: _png(2**16, 2**16, rows_there=1),
    "a word that unpacks to 64 MB": lambda: _png(8, 8, _chunk(b"zTXt", b"a\x00\x00" + zlib.compress(b"a" * 2**26, 9))),
    "a JPEG": lambda: _saved("JPEG"),
    "a GIF": lambda: _saved("GIF"),
}  # fmt: skip


@pytest.mark.security(6)
@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_small_file_that_would_become_a_huge_picture_is_refused(bomb: str, caller: Caller) -> None:
    file = BOMBS[bomb]()
    assert len(file) < EVIDENCE.most_bytes // 5

    answer = await caller.send_bytes(EVIDENCE, address_of(EVIDENCE), file)

    refused = (httpx.codes.UNPROCESSABLE_ENTITY, "photo_refused")
    assert (answer.status_code, answer.json()["code"]) == refused, answer.text[:300]


@pytest.mark.security(6)
async def test_a_photo_of_the_usual_size_passes_the_limits(caller: Caller) -> None:
    answer = await caller.send_bytes(EVIDENCE, address_of(EVIDENCE), _png(4000, 3000))

    # It is drawn; the customer's order is one that care does not watch.
    assert (answer.status_code, answer.json()["code"]) == (httpx.codes.NOT_FOUND, "order_not_watched"), answer.text
