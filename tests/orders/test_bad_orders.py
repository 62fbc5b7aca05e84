"""What an order may not hold, however it comes in; what is at the edge of what it may hold is kept."""

from datetime import timedelta

import httpx
import orjson
import pytest

from shared import clock
from shared.ids import new_id
from tests.orders.rig import Json, Rig, Shop, euros

YEAR = timedelta(days=365)


def pointers(answer: httpx.Response) -> set[str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return {error["pointer"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"reference": "a\x00b"}, "/reference"),
        ({"metadata": {"n": 2**64}}, "/metadata"),
        ({"metadata": {"n": {"deep": "\x00"}}}, "/metadata"),
        ({"shipping_price": {"amount": 10**15, "currency": "EUR"}}, "/shipping_price"),
        ({"placed_at": "0001-01-01T00:00:00Z"}, "/placed_at"),
        ({"placed_at": "2090-01-01T00:00:00Z"}, "/placed_at"),
        ({"ship_after": "9999-12-31T00:00:00Z"}, "/ship_after"),
        ({"deliver_by": "9999-12-31"}, "/deliver_by"),
        ({"payment": {"status": "authorized", "expires_at": "9999-12-31T23:59:59Z"}}, "/payment/expires_at"),
    ],
)
async def test_what_cannot_be_kept_is_named(shop: Shop, changes: Json, pointer: str) -> None:
    answer = await shop.call("POST", "/v1/orders", shop.order(**changes))

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, answer.text
    assert pointer in pointers(answer)


async def test_an_order_to_a_pickup_point_is_refused_rather_than_sent_to_the_street(shop: Shop) -> None:
    order = shop.order()
    order["shipping_address"]["pickup_point_id"] = "locker-17"

    answer = await shop.call("POST", "/v1/orders", order)

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/shipping_address/pickup_point_id"
    assert "pickup point" in error["detail"]


async def test_a_line_whose_price_times_quantity_is_beyond_counting_is_refused(shop: Shop) -> None:
    order = shop.order(lines=[shop.line("1", 0, 100_000, 10**9)])

    answer = await shop.call("POST", "/v1/orders", order)

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert pointers(answer) == {"/lines/0/unit_price"}


async def test_an_order_at_the_edge_of_every_limit_is_kept_as_it_came(shop: Shop) -> None:
    lines = [shop.line(str(number), 0, 1, 10**12, tax=euros(10**12)) for number in range(200)]
    metadata = {"int": 2**63 - 1, "text": "😀 \\u0000", "list": [[[None, True, 1.5]]]}

    placed = await shop.place(
        lines=lines,
        shipping_price=euros(10**12),
        ship_after=(clock.now() + 2 * YEAR).isoformat(),
        placed_at=(clock.now() - 20 * YEAR).isoformat(),
        policy={"max_backorder_days": 365},
        metadata=metadata,
    )

    shown = await placed.now()
    assert shown["total"]["amount"] == 401 * 10**12
    assert shown["metadata"] == metadata


@pytest.mark.parametrize("url", ["https://[::1/x", "https://example.com:99999999/x", "https://a\x00b.example/x"])
async def test_an_address_nobody_can_call_is_no_webhook(shop: Shop, url: str) -> None:
    answer = await shop.call("POST", "/v1/webhook-endpoints", {"url": url, "events": ["*"]})

    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert pointers(answer) == {"/url"}


async def test_bad_lines_of_a_bulk_are_answered_each_and_the_others_are_placed(shop: Shop) -> None:
    good = [shop.order() for _ in range(2)]
    bad = [
        orjson.dumps(shop.order(reference="a\x00b")),
        b'{"reference": "half \\ud800"}',
        orjson.dumps(shop.order(metadata={"n": None})).replace(b'"n":null', b'"n":' + b"[" * 300 + b"]" * 300),
        orjson.dumps(shop.order(ship_after="9999-12-31T00:00:00Z")),
        b"[" * 5000,
        b"\xff\xfe",
    ]
    body = b"\n".join([orjson.dumps(good[0]), *bad, orjson.dumps(good[1])])

    headers = {"authorization": f"Bearer {shop.key}", "idempotency-key": str(new_id())}
    answer = await shop.rig.http.post("/v1/orders/bulk", content=body, headers=headers)

    outcomes = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [outcome["status"] for outcome in outcomes] == [201, *[422] * len(bad), 201]
    assert all(outcome["problem"]["errors"] for outcome in outcomes[1:-1])


async def test_a_line_of_a_bulk_that_fails_on_our_side_leaves_the_others_their_answers(rig: Rig, shop: Shop) -> None:
    await _refuse_first_article(rig, shop)
    orders = [shop.order(), shop.order(lines=[shop.line("1", 1, 1, 900)])]
    body = b"\n".join(orjson.dumps(order) for order in orders)

    headers = {"authorization": f"Bearer {shop.key}", "idempotency-key": str(new_id())}
    answer = await rig.http.post("/v1/orders/bulk", content=body, headers=headers)

    assert answer.status_code == httpx.codes.OK, answer.text
    outcomes = [orjson.loads(line) for line in answer.content.splitlines()]
    assert [outcome["status"] for outcome in outcomes] == [500, 201]
    assert outcomes[0]["problem"]["code"] == "internal"


async def _refuse_first_article(rig: Rig, shop: Shop) -> None:
    """Have the database refuse orders of this shop that contain its first article, as only a fault of ours would."""
    async with rig.database.transaction() as tx:
        await tx.execute(
            f"alter table order_line add constraint {shop.code.replace('-', '_')} check (sku <> '{shop.skus[0]}')"
        )


async def test_a_shopify_order_is_held_to_the_same_limits(shop: Shop) -> None:
    order = {
        "id": 2**70, "name": "#1\x00", "currency": "EUR", "created_at": "0001-01-01T00:00:00+14:00",
        "total_price": "12.00", "line_items": [{"id": 1, "sku": shop.skus[0], "quantity": 1, "price": "12.00"}],
        "shipping_address": {"name": "Ann", "address1": "1", "city": "Hamburg", "country_code": "DE"},
    }  # fmt: skip

    shape = await shop.call("POST", "/v1/storefronts/shopify/orders", order)
    content = await shop.call("POST", "/v1/storefronts/shopify/orders", {**order, "id": 1})

    assert (shape.status_code, pointers(shape)) == (422, {"/id"})
    assert (content.status_code, pointers(content)) == (422, {"/name", "/created_at"})


async def test_a_change_names_every_field_that_cannot_be_at_once(shop: Shop) -> None:
    order = await shop.place()
    nowhere = {**shop.order()["shipping_address"], "country_code": "XX"}

    answer = await order.do(
        "", {"lines": [{"reference": "1", "quantity": 5}], "shipping_address": nowhere}, method="PATCH"
    )

    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "/lines/0/quantity", "/shipping_address/country_code"
    }  # fmt: skip
