"""An order as Shopify sends it."""

from pathlib import Path

import httpx
import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.orders.storefronts.shopify import spread
from shared.events.inventory import SkuSaved
from tests.orders.rig import Json, Shop

SKUS = ("IPOD2008GREEN", "IPOD2008RED", "IPOD2008BLACK")


def recorded(data: Path) -> Json:
    document: Json = orjson.loads((data / "storefronts" / "shopify_order.json").read_bytes())
    return document


async def _know_skus(shop: Shop) -> None:
    for sku in SKUS:
        await shop.rig.hear(SkuSaved(sku=sku, name=sku, weight_grams=200))


async def test_a_recorded_shopify_order_is_taken_in_once(shop: Shop, data: Path) -> None:
    await _know_skus(shop)
    document = recorded(data)

    first = await shop.call("POST", "/v1/storefronts/shopify/orders", document, key="a")
    again = await shop.call("POST", "/v1/storefronts/shopify/orders", document["order"], key="b")

    order = first.json()
    assert first.status_code == httpx.codes.CREATED, first.text
    assert (again.status_code, again.json()["id"]) == (httpx.codes.OK, order["id"])
    assert order["reference"] == "1001"
    assert order["total"] == {"amount": 40994, "currency": "USD"}
    assert sorted(line["sku"] for line in order["lines"]) == sorted(SKUS)
    assert order["payment_status"] == "authorized"


async def test_errors_name_the_fields_as_shopify_does(shop: Shop, data: Path) -> None:
    await _know_skus(shop)
    document = recorded(data)
    document["order"]["shipping_address"]["address1"] = ""
    wrong_shape = await shop.call("POST", "/v1/storefronts/shopify/orders", document)
    unknown = recorded(data)
    unknown["order"]["line_items"][1]["sku"] = "NO-SUCH-IPOD"
    answer = await shop.call("POST", "/v1/storefronts/shopify/orders", unknown)

    assert [error["pointer"] for error in wrong_shape.json()["errors"]] == ["/shipping_address/address1"]
    assert "/line_items/1/sku" in [error["pointer"] for error in answer.json()["errors"]]


def _spoil(document: Json) -> None:
    """Write what Shopify's shape allows and ours does not."""
    order = document["order"]
    order["email"] = "nobody"
    order["shipping_address"] |= {"address1": "", "city": None, "country_code": "XX"}
    order["line_items"][1]["sku"] = "NO-SUCH-IPOD"


OPEN_TO_US = {
    "/email", "/shipping_address/address1", "/shipping_address/city", "/shipping_address/country_code",
    "/line_items/1/sku",
}  # fmt: skip


async def test_every_bad_field_is_named_at_once_as_shopify_names_it(shop: Shop, data: Path) -> None:
    await _know_skus(shop)
    document = recorded(data)
    _spoil(document)

    answer = await shop.call("POST", "/v1/storefronts/shopify/orders", document)

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert {error["pointer"] for error in answer.json()["errors"]} == OPEN_TO_US


async def test_fields_of_bad_shape_hide_no_other_bad_field(shop: Shop, data: Path) -> None:
    await _know_skus(shop)
    document = recorded(data)
    _spoil(document)
    document["order"]["total_price"] = "much"
    document["order"]["line_items"][0]["quantity"] = 0

    answers = [
        await shop.call("POST", "/v1/storefronts/shopify/orders", body) for body in (document, document["order"])
    ]

    for answer in answers:
        pointers = [error["pointer"] for error in answer.json()["errors"]]
        assert set(pointers) == {*OPEN_TO_US, "/total_price", "/line_items/0/quantity"}
        assert len(pointers) == len(set(pointers))


async def test_what_is_no_order_at_all_is_refused_with_what_is_missing(shop: Shop) -> None:
    documents: tuple[object, ...] = ([], {"order": []}, {"line_items": ["x"], "shipping_address": 5})
    for body in documents:
        answer = await shop.call("POST", "/v1/storefronts/shopify/orders", body)
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        assert answer.json()["errors"]


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_shares_add_up_to_the_amount(amount: int, weights: list[int]) -> None:
    shares = spread(amount, weights)

    assert sum(shares) == amount
    assert all(share >= 0 for share in shares)
