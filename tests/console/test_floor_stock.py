"""At the shelves: deliveries received by scan, counts, transfers."""

import re
from datetime import timedelta

import pytest_asyncio

from shared import clock
from shared.ids import new_id
from tests.clients import Clients
from tests.console.conftest import Visit
from tests.console.floor import Hand, Json, order, second_location, tone_of
from tests.console.shop import Shop
from tests.console.visitor import text_of


@pytest_asyncio.fixture
async def lead(visit: Visit) -> Hand:
    return Hand(await visit("warehouse_lead"))


async def announce(clients: Clients, shop: Shop, quantity: int, days: int = 1) -> str:
    """Announce a delivery of mugs; give its id."""
    body = {
        "location": shop.tag, "reference": f"PO-{shop.tag}",
        "expected_at": (clock.now() + timedelta(days=days)).isoformat(),
        "lines": [{"sku": shop.skus[0], "quantity": quantity}],
    }  # fmt: skip
    answer = await clients.of("inventory").post(
        "/staff/inbounds", json=body, headers={"Idempotency-Key": str(new_id())}
    )
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


async def on_shelf(clients: Clients, shop: Shop, sku: int = 0) -> Json:
    answer = await clients.of("inventory").get("/staff/stock", params={"sku": shop.skus[sku], "location": shop.tag})
    found: Json = answer.json()["data"][0]
    return found


async def test_a_delivery_is_received_by_scan_and_closed(lead: Hand, shelves: Shop, clients: Clients) -> None:
    inbound = await announce(clients, shelves, 10)
    assert f"PO-{shelves.tag}" in await lead.visitor.read("/stock", location=shelves.tag)
    at = f"/stock/inbounds/{inbound}"
    assert "0/10" in await lead.visitor.read(at)
    assert await lead.go_on(f"{at}/arrive") == at

    receipt = {"location": shelves.tag, "inbound": inbound}
    carton = await lead.act("/stock/receipts", code=f"C0{shelves.tag}", **receipt)
    assert (tone_of(carton), "Booked: 6" in text_of(carton)) == ("right", True)
    assert "Blue mug to bin A-01-3." in text_of(carton)
    singles = await lead.do("/stock/receipts", code=shelves.skus[0], quantity=5, damaged=2, **receipt)
    assert "2 damaged" in singles
    assert "1 over" in singles

    assert await lead.go_on(f"{at}/close") == at
    assert "closed" in await lead.visitor.read(at)
    stock = await on_shelf(clients, shelves)
    assert (stock["on_hand"], stock["damaged"]) == (111, 2)


async def test_an_old_delivery_stays_in_view_and_the_others_are_counted(
    lead: Hand, shelves: Shop, clients: Clients
) -> None:
    first = await announce(clients, shelves, 1, days=-2)
    for _ in range(100):
        await announce(clients, shelves, 1)
    page = await lead.visitor.get("/stock", location=shelves.tag)
    assert f'href="/stock/inbounds/{first}"' in page.text
    assert "Deliveries expected 101" in text_of(page)
    assert "and 1 more, which come later" in text_of(page)


async def test_a_receipt_sent_again_counts_once(lead: Hand, shelves: Shop, clients: Clients) -> None:
    await lead.visitor.read("/stock/receive", location=shelves.tag)
    for _ in range(2):
        await lead.do("/stock/receipts", key=f"in {shelves.tag}", code=shelves.skus[1], location=shelves.tag)
    assert (await on_shelf(clients, shelves, 1))["on_hand"] == 101


async def test_an_article_nobody_knows_is_not_received(lead: Hand, shelves: Shop) -> None:
    await lead.visitor.read("/stock/receive", location=shelves.tag)
    answer = await lead.act("/stock/receipts", code="NOT-OURS", location=shelves.tag)
    assert (tone_of(answer), "No article has the code NOT-OURS." in text_of(answer)) == ("wrong", True)


async def test_a_count_is_booked_and_tells_who_lost_their_place(lead: Hand, shelves: Shop) -> None:
    await order(shelves)
    page = (await lead.visitor.get("/stock/count", q=f"41{shelves.tag}", location=shelves.tag)).text
    assert "Atlas" in page
    assert "A-02-3" in page
    assert ">100<" not in page, "who counts is not told what the book says"
    fits = await lead.act("/stock/counts", location=shelves.tag, sku=shelves.skus[1], counted=100)
    assert (tone_of(fits), "98 of them are free." in text_of(fits)) == ("right", True)
    fewer = await lead.act("/stock/counts", location=shelves.tag, sku=shelves.skus[1], counted=1, reason="flood")
    assert tone_of(fewer) == "ask"
    assert "lost their place" in text_of(fewer)


async def test_scanned_units_are_sent_to_another_location(lead: Hand, shelves: Shop, clients: Clients) -> None:
    other = await second_location(clients, shelves)
    assert "Only free units may leave" in await lead.visitor.read("/stock/transfers", location=shelves.tag)

    first = await lead.act("/stock/transfers/lines", code=f"C0{shelves.tag}")
    second = await lead.act("/stock/transfers/lines", code=shelves.skus[0], line=f"6 {shelves.skus[0]}")
    assert f'name="line" value="7 {shelves.skus[0]}"' in second.text
    assert "On the pallet: 6" in text_of(first)
    off = await lead.act("/stock/transfers/lines", drop=shelves.skus[0], line=f"7 {shelves.skus[0]}")
    assert "Take off" not in text_of(off)
    when = re.search(r'name="expected_at" type="datetime-local" value="([^"]+)"', second.text)
    assert when is not None

    sent = {"source": shelves.tag, "target": other, "expected_at": when[1], "line": f"7 {shelves.skus[0]}"}
    assert await lead.go_on("/stock/transfers", **sent) == "/stock"

    assert f"On their way to {other}: 7." in await lead.visitor.read("/stock")
    assert (await on_shelf(clients, shelves))["on_hand"] == 93
    too_many = await lead.act("/stock/transfers", **{**sent, "line": f"94 {shelves.skus[0]}"})
    assert too_many.status_code == 409


async def test_a_transfer_without_a_day_is_refused(lead: Hand, shelves: Shop) -> None:
    await lead.visitor.read("/stock/transfers", location=shelves.tag)
    sent = {"source": shelves.tag, "target": "X", "expected_at": "soon", "line": f"1 {shelves.skus[0]}"}
    answer = await lead.act("/stock/transfers", **sent)
    assert answer.status_code == 422
    assert "Say when it is expected" in text_of(answer)
