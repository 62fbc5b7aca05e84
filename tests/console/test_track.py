"""The customer's page: number and postcode show an order, a signed link also acts; nobody learns more than they may."""

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from PIL import Image

from deploy.local import names
from deploy.local.stack import LocalStack
from shared.auth import mint_link
from shared.ids import new_id
from shared.signing import CLOCKS_APART
from tests.clients import Clients
from tests.console.conftest import Visit
from tests.console.shop import Order, Shop
from tests.console.visitor import Visitor, text_of
from tests.waiting import wait_until

_A_DAY = timedelta(days=1)
TIMES = "\N{MULTIPLICATION SIGN}"


def link_to(stack: LocalStack, order: Order, lasts: timedelta = _A_DAY) -> str:
    """Make the link that a message of care carries."""
    return mint_link(stack.site.credentials.service_keys["care"].private_setting, order.id, lasts)


def photo(**options: Any) -> bytes:  # noqa: ANN401 - Pillow's own options
    drawn = BytesIO()
    Image.new("RGB", (640, 480), "firebrick").save(drawn, "JPEG", **options)
    return drawn.getvalue()


def photo_with_a_place() -> bytes:
    """A photo as a phone takes it: turned, and with the place in it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    return photo(exif=exif)


async def find(visitor: Visitor, number: str, postal_code: str) -> httpx.Response:
    await visitor.get("/track")
    return await visitor.post("/track", {"number": number, "postal_code": postal_code})


async def send(visitor: Visitor, path: str, link: str, picture: bytes = b"", **fields: str) -> httpx.Response:
    await visitor.get("/track")
    data = {"csrf": visitor.token, "link": link, "key": str(new_id()), **fields}
    return await visitor.http.post(
        path, data=data, files={"photo": ("a.jpg", picture, "image/jpeg")} if picture else None
    )


async def rate(visitor: Visitor, link: str, value: str) -> httpx.Response:
    return await send(visitor, "/track/words", link, kind="rating", value=value)


async def test_number_and_postcode_show_where_an_order_is(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    customer = await visit("")
    found = await find(customer, order.number.lower(), " 101 15 ")
    assert found.status_code == 303
    shown = await customer.read(found.headers["location"])
    assert f"Your order {order.number}" in shown
    assert "It is in the warehouse, next to be picked." in shown
    for personal in (order.name, order.email, "Graben", "Berlin", "10115", "Blue mug"):
        assert personal not in shown
    assert "Cancel the order" not in shown


async def test_a_wrong_pair_gets_the_same_answer_whichever_is_wrong(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    customer = await visit("")
    wrong_postcode = await find(customer, order.number, "99999")
    nobodys = await find(customer, "ZZZZZZ1", "10115")
    assert wrong_postcode.status_code == nobodys.status_code == 404
    assert wrong_postcode.text.replace(order.number, "-").replace("99999", "-") == nobodys.text.replace(
        "ZZZZZZ1", "-"
    ).replace("10115", "-")
    assert "No order has this number and this postcode." in text_of(nobodys)


@pytest.mark.security(7)
async def test_postcodes_cannot_be_tried_one_after_another(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    customer = await visit("")
    answers = [await find(customer, order.number, f"{guess:05}") for guess in range(12)]
    assert {answer.status_code for answer in answers[:5]} == {404}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Too many tries." in text_of(answers[-1])
    assert (await find(customer, order.number, "10115")).status_code == 429, "nor is a right one told apart"
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in order.number)
    accented = "\N{COMBINING ACUTE ACCENT}".join(order.number)
    for written in (wide, accented, f"{order.number[:3]}-{order.number[3:]}".lower()):
        assert (await find(customer, written, "10115")).status_code == 429, f"it is the same number: {written}"


@pytest_asyncio.fixture
async def few_looks(stack: LocalStack) -> AsyncIterator[int]:
    """The console behind a proxy, with so many looks for each address."""
    looks = 3
    await stack.restart(names.CONSOLE, {"CONSOLE_TRACK_BURST": str(looks), "CONSOLE_BEHIND_PROXY": "true"})
    yield looks
    await stack.restart(names.CONSOLE)


@pytest.mark.security(7)
async def test_one_address_looks_for_so_many_orders_and_no_more(visit: Visit, few_looks: int) -> None:
    customer = await visit("")
    await customer.get("/track")

    async def look(address: str, number: int) -> httpx.Response:
        asked = {"number": f"ZZZZ{number:03}", "postal_code": "10115"}
        return await customer.post("/track", asked, X_Forwarded_For=f"10.0.0.1, {address}")

    answers = [await look("192.0.2.7", number) for number in range(few_looks + 1)]
    assert [answer.status_code for answer in answers] == [404] * few_looks + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await look("192.0.2.8", 0)).status_code == 404, "another address is another visitor"


async def test_what_number_and_postcode_show_acts_on_nothing(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    customer = await visit("")
    view = (await find(customer, order.number, "10115")).headers["location"].rsplit("/", 1)[-1]
    checks: tuple[tuple[str, dict[str, str]], ...] = (
        ("/track/cancellation", {}),
        ("/track/words", {"kind": "rating", "value": "5"}),
        ("/track/reports", {"kind": "damage"}),
    )
    for path, fields in checks:
        refused = await send(customer, path, view, b"", **fields)
        assert refused.status_code == 403, path
    assert "next to be picked" in await customer.read(f"/track/orders/{view}")


@pytest.mark.security(3)
async def test_a_link_that_is_old_or_forged_opens_nothing(visit: Visit, shop: Shop, stack: LocalStack) -> None:
    order = await shop.place()
    customer = await visit("")
    old, good = link_to(stack, order, -CLOCKS_APART - timedelta(seconds=1)), link_to(stack, order)
    header, claims, signature = good.split(".")
    forged = ".".join((header, claims, signature[::-1]))
    for link in (old, forged, "nothing"):
        answer = await customer.get(f"/track/orders/{link}")
        assert answer.status_code == 404, link
        assert "This link is not valid, or has expired." in text_of(answer)
        assert (await send(customer, "/track/cancellation", link)).status_code == 401


@pytest.mark.security(3)
async def test_a_token_of_the_services_is_no_link_and_a_link_no_token(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order = await shop.place()
    customer = await visit("")
    link = link_to(stack, order)
    for service in ("orders", "care"):
        refused = await clients.anonymous(service).get("/customer/order", headers={"authorization": f"Bearer {link}"})
        assert refused.status_code == 401
    assert (await customer.get(f"/track/orders/{link}")).status_code == 200


async def test_the_page_is_in_no_cache_no_search_engine_and_no_referrer(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    customer = await visit("")
    for path in ("/track", f"/track/orders/{link_to(stack, order)}", "/track/orders/wrong"):
        headers = (await customer.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "noindex" in headers["x-robots-tag"]
        assert "'unsafe-inline'" not in headers["content-security-policy"]


async def test_a_customer_cancels_by_the_link(visit: Visit, shop: Shop, stack: LocalStack) -> None:
    order = await shop.place()
    customer = await visit("")
    link = link_to(stack, order)
    assert "Cancel the order" in await customer.read(f"/track/orders/{link}")
    done = await send(customer, "/track/cancellation", link)
    assert done.status_code == 303

    async def is_cancelled() -> bool:
        return "The order is cancelled." in await customer.read(f"/track/orders/{link}")

    await wait_until(is_cancelled, what=f"{order.number} is cancelled")


async def test_a_wish_to_cancel_is_told_until_it_is_answered_and_then_what_became_of_each_item(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    customer, agent, link = await visit(""), await visit("support"), link_to(stack, order)
    await stack.stop_processes(["inventory-worker"])
    try:
        await send(customer, "/track/cancellation", link)
        asked = await customer.read(f"/track/orders/{link}")
        seen = await agent.read(f"/orders/{order.number}")
    finally:
        await stack.start_process("inventory-worker")
    assert "You asked to cancel it; we tell you here what becomes of it." in asked
    assert f"1 {TIMES} Blue mug: asked for; not answered yet" in asked
    assert "The customer asked to cancel it; what becomes of each item is not known yet." in seen
    for page in (asked, seen):
        assert "next to be picked" not in page
        assert "On track" not in page

    async def is_answered() -> bool:
        return f"2 {TIMES} Atlas: cancelled" in await customer.read(f"/track/orders/{link}")

    await wait_until(is_answered, what="the customer reads what became of the books")
    assert f"2 {TIMES} Atlas: cancelled" in await agent.read(f"/orders/{order.number}")


async def test_after_the_promised_day_no_date_that_is_over_is_promised(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    connection = await asyncpg.connect(stack.dsn("orders"))
    await connection.execute(
        "update promise set deliver_by_latest = now() - interval '1 hour' where order_id = $1", order.id
    )
    await connection.close()
    customer, agent = await visit(""), await visit("support")
    shown = await customer.read(f"/track/orders/{link_to(stack, order)}")
    assert "and are late. " in shown
    assert "Late" in shown
    assert "Arrives by" not in shown
    page = await agent.read(f"/orders/{order.number}")
    assert "and are late. " in page
    assert "It should reach you by" not in page


@pytest.mark.security(6)
@pytest.mark.parametrize(("kind", "said"), [("damage", "damage"), ("missing_item", "something missing")])
async def test_a_customer_reports_what_is_wrong_and_a_case_opens(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients, kind: str, said: str
) -> None:
    order = await shop.place()
    await shop.ship(order)
    customer, link = await visit(""), link_to(stack, order)
    await customer.get(f"/track/orders/{link}")
    sent = await send(customer, "/track/reports", link, photo_with_a_place(), kind=kind, comment="Look at this")
    assert sent.status_code == 303, sent.text
    assert f"You reported: {said}" in await customer.read(f"/track/orders/{link}")

    async def is_told_when() -> bool:
        return "You hear from us by" in await customer.read(f"/track/orders/{link}")

    await wait_until(is_told_when, what="the customer is told by when they hear")
    care = clients.of("care", role="support")

    async def a_case_is_open() -> bool:
        cases = (await care.get("/staff/cases", params={"order_id": str(order.id)})).json()["data"]
        return kind in {case["kind"] for case in cases}

    await wait_until(a_case_is_open, what=f"a case about {kind}")
    (kept,) = (await care.get("/staff/evidence", params={"order_id": str(order.id)})).json()["data"]
    assert (kept["kind"], kept["comment"]) == (kind, "Look at this")
    picture = await clients.of("care", role="care").get(f"/staff/evidence/{kept['id']}")
    assert picture.headers["content-type"] == "image/jpeg"
    assert b"SecretCamera" not in picture.content
    with Image.open(BytesIO(picture.content)) as drawn:
        assert dict(drawn.getexif()) == {}
        assert drawn.size == (480, 640), "upright"


async def test_a_report_without_a_photo_or_with_one_nobody_can_read_is_kept(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order = await shop.place()
    await shop.ship(order)
    customer, link = await visit(""), link_to(stack, order)
    assert (await send(customer, "/track/reports", link, kind="damage")).status_code == 303
    sent = await send(customer, "/track/reports", link, b"<svg onload=alert(1)>", kind="missing_item")
    assert sent.status_code == 303, text_of(sent)
    shown = await customer.read(f"/track/orders/{link}")
    assert "The photo could not be read and was left out." in shown
    assert "You reported: something missing" in shown
    evidence = await clients.of("care", role="support").get("/staff/evidence", params={"order_id": str(order.id)})
    assert evidence.json()["data"] == []


async def test_a_customer_chooses_how_to_be_told(visit: Visit, shop: Shop, stack: LocalStack) -> None:
    order = await shop.place()
    await shop.ship(order)
    customer, link = await visit(""), link_to(stack, order)
    assert 'value="email" aria-pressed="true"' in (await customer.get(f"/track/orders/{link}")).text
    await send(customer, "/track/words", link, kind="notices", value="page")
    assert 'value="page" aria-pressed="true"' in (await customer.get(f"/track/orders/{link}")).text
    agent = await visit("support")
    assert "Hears from us, on the order's page only" in await agent.read(f"/orders/{order.number}")
    await shop.deliver(order)
    await rate(customer, link, "4")
    assert "Rated it 4 of 5" in await agent.read(f"/orders/{order.number}")
    refused = await send(customer, "/track/words", link, kind="notices", value="pigeon")
    assert refused.status_code == 422


async def test_a_customer_answers_the_question_once(visit: Visit, shop: Shop, stack: LocalStack) -> None:
    order = await shop.place()
    await shop.ship(order)
    customer, link = await visit(""), link_to(stack, order)
    early = await rate(customer, link, "1")
    assert (early.status_code, "It is too early for that" in text_of(early)) == (409, True)
    await shop.deliver(order)
    assert "How content are you with this order?" in await customer.read(f"/track/orders/{link}")
    assert (await rate(customer, link, "5")).status_code == 303

    again = await rate(customer, link, "1")

    assert (again.status_code, "your first answer stands" in text_of(again)) == (409, True)
    agent = await visit("support")
    assert "Rated it 5 of 5" in await agent.read(f"/orders/{order.number}")
    assert "Thank you for your answer." in await customer.read(f"/track/orders/{link}")
