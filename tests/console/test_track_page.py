"""The customer's page by itself: nothing of the staff's on it, told in the customer's words, and up to date."""

import re
from datetime import timedelta

from deploy.local.stack import LocalStack
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
    early = await send(customer, "/track/words", link, kind="rating", value="9")
    closed = await send(customer, "/track/cancellation", "nothing")
    for answer, status, words in (
        (nowhere, 404, "This page does not exist, or the order is no longer here."),
        (early, 422, "Please look over what you chose and wrote: it cannot be kept like this."),
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
    old = link_to(stack, order, timedelta(seconds=-1))
    polled = await customer.http.get(f"/track/orders/{old}", headers={"HX-Request": "true"})
    assert polled.status_code == 401
    assert "This link is not valid, or has expired." in polled.text
    for of_a_page in ("<html", "<form", "<h1"):
        assert of_a_page not in polled.text


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
