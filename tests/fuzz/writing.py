"""What strangers might write: documents as they come with a few values changed, and any JSON or bytes there are."""

import json
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from PIL import Image

Json = Any
RECORDED = Path(os.environ.get("DOORSTEP_DATA", str(Path(__file__).parents[3] / "shared" / "data"))) / "easypost"
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["NaN", "1e999999", "-0", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "\x00", ""])
    | st.sampled_from([10**30, -(10**30), 2**63, 1e308])
)  # fmt: skip
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


def recorded(name: str) -> Json:
    """Give what EasyPost answered to the first good call that was recorded."""
    exchanges = json.loads((RECORDED / f"{name}.json").read_text())
    return next(one["response"]["body"] for one in exchanges if one["response"]["status"] < 300)


def places(document: Json, where: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Give the way to every value in a document."""
    inner: list[tuple[Json, Json]] = []
    if isinstance(document, Mapping):
        inner = [*document.items()]
    elif isinstance(document, list):
        inner = [*enumerate(document)]
    return [where, *(found for name, value in inner for found in places(value, (*where, name)))]


def put(document: Json, where: tuple[str | int, ...], value: Json) -> Json:
    """Give a document with another value at a place."""
    if not where:
        return value
    copy: Json = dict(document) if isinstance(document, Mapping) else list(document)
    copy[where[0]] = put(document[where[0]], where[1:], value)
    return copy


def changed(document: Json, times: int = 3) -> st.SearchStrategy[Json]:
    """Write a document in which a few values are others."""

    @st.composite
    def written(draw: st.DrawFn) -> Json:
        result = document
        for _ in range(draw(st.integers(1, times))):
            result = put(result, draw(st.sampled_from(places(result))), draw(JSON))
        return result

    return written()


def as_bytes(document: Json) -> bytes:
    return json.dumps(document).encode()


ORDER: Json = {
    "reference": "1001", "placed_at": "2026-03-02T10:00:00Z", "service_level": "standard",
    "customer": {"email": "ann@example.com", "phone": "+49 40 1234567", "locale": "en"},
    "shipping_address": {
        "name": "Ann Example", "line1": "1 Harbour Road", "city": "Hamburg", "postal_code": "20457",
        "country_code": "DE",
    },
    "lines": [
        {
            "reference": "1", "sku": "MUG", "quantity": 2, "unit_price": {"amount": 1290, "currency": "EUR"},
            "tax": {"amount": 1, "currency": "EUR"}, "properties": {"a": 1}, "customs": {"b": [1]}, "location": "HH",
        }
    ],
    "shipping_price": {"amount": 490, "currency": "EUR"}, "total": {"amount": 3071, "currency": "EUR"},
    "payment": {
        "status": "authorized", "amount": {"amount": 3071, "currency": "EUR"}, "expires_at": "2026-04-02T10:00:00Z",
    },
    "policy": {"partial_shipments": "allowed"}, "gift": {"message": "x", "needed_on": "2026-03-10"},
    "deliver_by": "2026-03-09", "ship_after": "2026-03-03T10:00:00Z", "metadata": {"deep": {"er": []}},
}  # fmt: skip
SHOPIFY: Json = {
    "id": 1, "name": "#1001", "currency": "EUR", "created_at": "2026-03-02T10:00:00+01:00", "email": "ann@example.com",
    "phone": "+49 40 1234567", "financial_status": "paid", "total_price": "30.70", "total_tax": "1.00",
    "line_items": [
        {"id": 7, "sku": "MUG", "name": "Mug", "quantity": 2, "price": "12.90", "total_discount": "0.10",
         "properties": [{"name": "colour", "value": "blue"}]},
    ],
    "shipping_lines": [{"title": "Express", "price": "4.90"}],
    "shipping_address": {
        "first_name": "Ann", "last_name": "Example", "address1": "1 Harbour Road", "city": "Hamburg", "zip": "20457",
        "country_code": "DE",
    },
}  # fmt: skip
PICTURES = [
    b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"GIF89a\x01\x00\x01\x00", b"BM",
    b"RIFF\x00WEBP",
]  # fmt: skip


def _picture() -> bytes:
    drawn = BytesIO()
    Image.new("RGB", (8, 6), "navy").save(drawn, "JPEG")
    return drawn.getvalue()


PHOTOS = (
    st.just(_picture())
    | st.binary()
    | st.builds(lambda head, tail: head + tail, st.sampled_from(PICTURES), st.binary(max_size=200))
)
