"""The customer's page by itself: nothing of the staff's on it, told in the customer's words, and up to date."""

import re
from datetime import timedelta

import pytest

from deploy.local import names
from deploy.local.stack import LocalStack
from shared.signing import CLOCKS_APART
from tests.console.conftest import Visit
from tests.console.shop import Shop
from tests.console.test_track import find, link_to, send
from tests.console.visitor import text_of
from tests.waiting import wait_until


async def test_a_customer_is_shown_no_keys_of_the_staff(visit: Visit, shop: Shop, stack: LocalStack) -> None:
    order = await shop.place()
    customer = await visit("")
    for path in ("/track", f"/track/orders/{link_to(stack, order)}", "/track/orders/wrong", "/track/nowhere"):
        page = (await customer.get(path)).text
        assert 'data-single-keys="off"' in page, path
        for of_the_staff in ('id="keys"', "<kbd>", "Keyboard", "/sign-in", 'href="/"', "/look-up"):
            assert of_the_staff not in page, (path, of_the_staff)


async def test_while_orders_are_away_a_customer_is_told_so_in_their_words(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    customer, link = await visit(""), link_to(stack, order)
    await customer.get("/track")
    await stack.stop_processes(["orders-api"])
    try:
        whole = [await customer.get(f"/track/orders/{link}"), await find(customer, order.number, "10115")]
        polled = await customer.http.get(f"/track/orders/{link}", headers={"HX-Request": "true"})
    finally:
        await stack.start_process("orders-api")

    async def is_back() -> bool:
        return (await customer.get(f"/track/orders/{link}")).status_code == 200

    await wait_until(is_back, what="the console asks orders again")
    for answer in whole:
        assert answer.status_code == 503
        told = text_of(answer)
        assert "We cannot look at your order right now. Nothing was changed" in told
        assert "service" not in told
        assert 'href="/track"' in answer.text
        assert "/sign-in" not in answer.text
    assert polled.status_code == 503
    assert "<html" not in polled.text
    assert "We cannot look at your order right now." in polled.text


async def test_what_is_refused_is_told_to_a_customer_and_leads_back_to_their_page(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    customer, link = await visit(""), link_to(stack, order)
    nowhere = await customer.get("/track/nowhere")
    early = await send(customer, "/track/words", link, kind="rating", value="5")
    wrong = await send(customer, "/track/words", link, kind="notices", value="pigeon")
    closed = await send(customer, "/track/cancellation", "nothing")
    for answer, status, words in (
        (nowhere, 404, "This page does not exist, or the order is no longer here."),
        (early, 409, "It is too early for that: we ask once everything has arrived"),
        (wrong, 422, "Please look over what you chose and wrote: it cannot be kept like this."),
        (closed, 401, "This link is not valid, or has expired."),
    ):
        assert (answer.status_code, words in text_of(answer)) == (status, True), text_of(answer)
        assert 'href="/track"' in answer.text
        assert "To the first page" not in answer.text


async def test_a_page_left_open_until_its_link_ends_is_told_so_in_a_sentence(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    customer = await visit("")
    old = link_to(stack, order, -CLOCKS_APART - timedelta(seconds=1))
    polled = await customer.http.get(f"/track/orders/{old}", headers={"HX-Request": "true"})
    assert polled.status_code == 401
    assert "This link is not valid, or has expired." in polled.text
    for of_a_page in ("<html", "<form", "<h1"):
        assert of_a_page not in polled.text


async def test_a_customer_reads_the_language_the_order_was_placed_in(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place(customer={"email": "ada@example.com", "locale": "de-AT"})
    customer, path = await visit(""), f"/track/orders/{link_to(stack, order)}"
    customer.http.headers["accept-language"] = "fr, en;q=0.5"
    page = await customer.get(path)
    assert '<html lang="de"' in page.text
    assert f"Ihre Bestellung {order.number}" in text_of(page)
    assert "Ihre Bestellung ist im Lager und wird als Nächstes zusammengestellt." in text_of(page)
    polled = await customer.http.get(path, headers={"HX-Request": "true"})
    assert "wird als Nächstes zusammengestellt" in polled.text
    done = await send(customer, "/track/words", path.rpartition("/")[2], kind="notices", value="page")
    assert done.status_code == 303
    assert "Ihre Wahl ist gespeichert." in await customer.read(path), "and what is done there is told in it"
    assert "Diese Seite gibt es nicht" in text_of(await customer.get("/track/nowhere"))


@pytest.mark.parametrize(
    ("reads", "words"),
    [
        ("de-CH, en;q=0.5", "Wo ist meine Bestellung?"), ("en, de;q=0.5", "Where is my order?"),
        ("fr", "Where is my order?"), (";;q=,\tde;q=z" * 99, "Where is my order?"),
    ],
)  # fmt: skip
async def test_where_no_order_says_it_a_customer_reads_what_their_browser_asks_for(
    visit: Visit, shop: Shop, stack: LocalStack, reads: str, words: str
) -> None:
    order = await shop.place(customer={"email": "ada@example.com"})
    customer = await visit("")
    customer.http.headers["accept-language"] = reads
    assert words in await customer.read("/track")
    shown = await customer.read(f"/track/orders/{link_to(stack, order)}")
    assert ("Ihre Bestellung" in shown) is words.startswith("Wo")
    refused = text_of(await find(customer, "ZZZZZZ1", "10115"))
    assert ("Zu dieser Nummer und Postleitzahl gibt es keine Bestellung." in refused) is words.startswith("Wo")


async def test_a_reply_is_in_the_customers_language_and_leads_to_the_address_of_the_settings(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place(customer={"email": "ada@example.com", "locale": "de"})
    agent = await visit("support")
    agent.http.headers["accept-language"] = "de"
    page = await agent.http.get(f"/orders/{order.number}", headers={"Host": "elsewhere.example"})
    told = text_of(page)
    assert "Reply ready to send in German Reply Guten Tag, vielen Dank für Ihre Frage" in told
    assert '<html lang="en"' in page.text, "who works here reads English"
    assert 'lang="de"' in page.text
    assert f"Lieferadresse: {stack.urls[names.CONSOLE]}/track?number={order.number} " in told
    assert "elsewhere.example" not in page.text


async def test_customers_may_have_an_address_of_their_own_and_staff_another(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    where = {"CONSOLE_PUBLIC_URL": "https://console.example.com/", "CONSOLE_STATUS_URL": "https://status.example.com"}
    await stack.restart(names.CONSOLE, where)
    try:
        told = await (await visit("support")).read(f"/orders/{order.number}")
        admin = await visit("admin")
        await admin.get("/people")
        form = {"login": f"p-{order.reference.lower()}", "name": "Nora New", "roles": "picker"}
        made = text_of(await admin.post("/people", form))
    finally:
        await stack.restart(names.CONSOLE)
    assert f"https://status.example.com/track?number={order.number} " in told
    assert "https://console.example.com/password/" in made


async def test_what_a_customer_may_choose_follows_the_order(visit: Visit, shop: Shop, stack: LocalStack) -> None:
    order = await shop.place()
    customer, link = await visit(""), link_to(stack, order)

    async def followed() -> str:
        answer = await customer.http.get(f"/track/orders/{link}", headers={"HX-Request": "true"})
        return answer.text

    before = await followed()
    assert "Cancel the order" in before
    assert "Report a problem" not in before
    await shop.ship(order)
    after = await followed()
    assert "Report a problem" in after
    parts = re.findall(r'id="(choice-[a-z]+)"', (await customer.get(f"/track/orders/{link}")).text)
    assert parts == re.findall(r'id="(choice-[a-z]+)" hx-swap-oob="true"', after), "each part goes to its place"
    view = (await find(customer, order.number, "10115")).headers["location"]
    shown = await customer.http.get(view, headers={"HX-Request": "true"})
    assert "choice-" not in shown.text, "who may not act is offered nothing"
