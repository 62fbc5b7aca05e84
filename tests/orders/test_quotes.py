"""What may be offered before an order, and that a quote is good for what it was given for only."""

from datetime import datetime, timedelta

import pytest

from services.orders.jobs import KEPT
from services.orders.settings import settings
from shared import clock, retention
from shared.events.inventory import SkuSaved
from tests.orders.rig import Json, MoveTo, Shop
from tests.orders.test_intake import pointers

HAMBURG = {"country_code": "DE", "postal_code": "20457"}


async def options(shop: Shop, destination: Json | None = None, *, mugs: int = 2) -> list[Json]:
    """Ask for the options of two mugs, or so many, and a book."""
    lines = [{"sku": shop.skus[0], "quantity": mugs}, {"sku": shop.skus[1], "quantity": 1}]
    body = {"destination": destination or HAMBURG, "lines": lines}
    return list((await shop.call("POST", "/v1/delivery-options", body)).json()["options"])


async def test_a_quote_is_the_promise_of_the_order(shop: Shop) -> None:
    offered = await options(shop)
    express = next(option for option in offered if option["service_level"] == "express")

    order = await shop.place(quote_id=express["quote_id"])
    other = shop.order(quote_id=express["quote_id"], service_level="economy")

    assert pointers(await shop.call("POST", "/v1/orders", other)) == {"/service_level"}
    assert order.first["service_level"] == "express"
    assert (await order.now())["promise"]["deliver_by_latest"] == express["deliver_by_latest"]
    assert [option["service_level"] for option in offered] == ["economy", "standard", "express"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"postal_code": "99999"}, "other_destination"),
        ({"country_code": "FR", "postal_code": "20457"}, "other_destination"),
        ({}, "other_lines"),
    ],
)
async def test_a_quote_is_for_its_goods_and_its_destination(shop: Shop, changes: Json, code: str) -> None:
    offered = await options(shop, mugs=2 if changes else 1)
    body = shop.order(quote_id=offered[0]["quote_id"])
    body["shipping_address"] |= changes

    answer = await shop.call("POST", "/v1/orders", body)

    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/quote_id", code)]


async def test_a_quote_for_a_country_is_good_for_all_its_zones(shop: Shop) -> None:
    offered = await options(shop, {"country_code": "DE"})

    await shop.place(quote_id=offered[0]["quote_id"])


async def test_the_same_units_over_more_lines_are_the_quoted_goods(shop: Shop) -> None:
    offered = await options(shop)
    lines = [shop.line("1", 0, 1, 100), shop.line("2", 0, 1, 100), shop.line("3", 1, 1, 100)]

    await shop.place(quote_id=offered[0]["quote_id"], lines=lines)


async def test_goods_that_may_not_leave_in_time_for_the_quote_are_refused(shop: Shop) -> None:
    offered = await options(shop)
    late = datetime.fromisoformat(offered[0]["ship_by"]) + timedelta(days=60)
    body = shop.order(quote_id=offered[0]["quote_id"], ship_after=late.isoformat())

    answer = await shop.call("POST", "/v1/orders", body)

    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/ship_after", "after_promise")]


async def test_goods_that_may_not_leave_before_the_date_already_promised_are_refused(shop: Shop) -> None:
    day = clock.now() + timedelta(days=10)
    body = shop.order(deliver_by=str(day.date()), ship_after=(day + timedelta(days=3)).isoformat())

    answer = await shop.call("POST", "/v1/orders", body)

    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/ship_after", "after_promise")]


async def test_a_quote_that_has_expired_is_refused(shop: Shop, move_to: MoveTo) -> None:
    offered = await options(shop)
    move_to(datetime.fromisoformat(offered[0]["expires_at"]) + timedelta(seconds=1))

    answer = await shop.call("POST", "/v1/orders", shop.order(quote_id=offered[0]["quote_id"]))

    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/quote_id", "expired_quote")]


async def test_goods_we_lack_are_named_and_not_offered(shop: Shop) -> None:
    asked = {
        "destination": {"country_code": "DE"},
        "lines": [{"sku": shop.skus[0], "quantity": 51}, {"sku": "NO-SUCH", "quantity": 1}],
    }

    answer = (await shop.call("POST", "/v1/delivery-options", asked)).json()

    assert answer["options"] == []
    assert [(line["code"], line["available"]) for line in answer["unavailable"]] == [
        ("no_stock", 50), ("unknown_sku", 0),
    ]  # fmt: skip


async def test_two_lines_of_one_sku_need_stock_for_both(shop: Shop) -> None:
    lines = [{"sku": shop.skus[0], "quantity": 30}] * 2

    answer = (await shop.call("POST", "/v1/delivery-options", {"destination": HAMBURG, "lines": lines})).json()

    assert [(line["code"], line["wanted"]) for line in answer["unavailable"]] == [("no_stock", 60)]


async def test_availability_is_absolute(shop: Shop) -> None:
    answer = await shop.call("GET", f"/v1/availability?sku={shop.skus[0]},{shop.skus[1]}")

    assert {entry["sku"]: entry["available"] for entry in answer.json()["data"]} == dict.fromkeys(shop.skus, 50)


async def test_availability_is_read_page_by_page(shop: Shop) -> None:
    path = f"/v1/availability?limit=1&sku={','.join(shop.skus)}"
    first = (await shop.call("GET", path)).json()
    second = (await shop.call("GET", f"{path}&cursor={first['next_cursor']}")).json()
    broken = await shop.call("GET", f"{path}&cursor=nonsense")

    assert [page["data"][0]["sku"] for page in (first, second)] == list(shop.skus)
    assert second["next_cursor"] is None
    assert pointers(broken) == {"/query/cursor"}


async def test_goods_that_nobody_ships_leave_in_no_shipment(shop: Shop) -> None:
    gift_card = {"sku": f"CARD-{shop.code}", "quantity": 1}
    await shop.rig.hear(SkuSaved(sku=f"CARD-{shop.code}", name="Gift card", weight_grams=0, requires_shipping=False))
    mug = {"sku": shop.skus[0], "quantity": 1}

    async def shipments(*lines: Json) -> set[int]:
        answer = await shop.call("POST", "/v1/delivery-options", {"destination": HAMBURG, "lines": list(lines)})
        return {option["shipments"] for option in answer.json()["options"]}

    assert (await shipments(gift_card), await shipments(mug, gift_card)) == ({0}, {1})


async def test_quotes_nobody_can_use_any_more_are_forgotten(shop: Shop, move_to: MoveTo) -> None:
    offered = await options(shop)
    move_to(clock.now() + timedelta(days=8))

    await retention.drop_old(shop.rig.database, settings(), KEPT)

    async with shop.rig.database.transaction() as tx:
        kept = await tx.value("select count(*) from quote where id = $1", offered[0]["quote_id"])
    assert kept == 0
