"""An agent at the phone: finds the order, hears who calls, answers, and does what is still possible."""

import html
import re
from collections.abc import Mapping

import asyncpg
import httpx
import pytest

from deploy.local.stack import LocalStack
from services.console.rendering import render
from services.console.schemas import FoundOrder, Promise
from shared.clock import now
from shared.ids import new_id
from tests.clients import Clients
from tests.console.conftest import Visit
from tests.console.shop import Order, Shop
from tests.console.visitor import Visitor, text_of
from tests.waiting import wait_until

SECRETS = ("Ada Albers", "Graben", "10115", "Berlin", "@example.com")


async def opened(visitor: Visitor, order: Order) -> str:
    """Open an order's page."""
    return await visitor.read(f"/orders/{order.number}")


async def act(visitor: Visitor, order: Order, what: str, fields: Mapping[str, str] | None = None) -> httpx.Response:
    """Send one of the forms of an order's page, as a script would."""
    page = (await visitor.get(f"/orders/{order.number}")).text
    form = re.search(rf'action="/orders/{order.number}/{what}".*?name="key" value="([^"]+)"', page, re.DOTALL)
    assert form is not None, f"the page offers no {what}"
    sent = {"key": form[1], **(fields or {})}
    return await visitor.post(f"/orders/{order.number}/{what}", sent, HX_Request="true")


async def verify(visitor: Visitor, order: Order) -> None:
    answer = await act(visitor, order, "verification", {"postal_code": "10115", "number": order.number})
    assert answer.status_code == 204, answer.text


async def test_an_order_is_found_by_whatever_the_caller_has(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    await shop.ship(order)
    visitor = await visit("support")
    for query in (
        order.number,
        order.number.lower(),
        order.reference,
        f"#{order.reference}",
        order.email.upper(),
        order.phone,
        order.phone.replace("+49 ", "0"),
        order.tracking,
        f" {order.tracking[:6]} {order.tracking[6:]} ",
    ):
        answer = await visitor.get("/look-up", q=query)
        assert answer.headers.get("location") == f"/orders/{order.number}", query


def test_of_more_orders_than_are_shown_it_is_said_that_they_are_the_newest() -> None:
    promise = Promise(revision=1, ship_by=now(), deliver_by_latest=now(), outcome=None)
    one = FoundOrder(
        order_id=new_id(), number="K7RMP2Q", reference="R-1", status="confirmed", fulfilment_status="picking",
        placed_at=now(), promise=promise, matched=["phone"],
    )  # fmt: skip
    base: dict[str, object] = {
        "visitor": None,
        "navigation": [],
        "path": "",
        "paused": [],
        "csrf": "",
        "theme": "auto",
        "toast": "",
    }

    def shown(count: int) -> str:
        known = {"asked": "0151 1", "found": [one] * count, "most": 50, "statuses": {}}
        return render("look_up.html", {**base, **known})

    assert "<h2>The newest 50 orders</h2>" in shown(50)
    assert "<h2>49 orders</h2>" in shown(49)


async def test_name_and_postcode_find_all_orders_of_a_person_the_newest_first(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    name = f"Zoë {shop.tag}"
    address = {"name": name, "line1": "Graben 1", "city": "Berlin", "postal_code": "10115", "country_code": "DE"}
    first, second = [await shop.place(shipping_address=address) for _ in range(2)]
    visitor = await visit("support")

    page = await visitor.read("/look-up", q=f"zoe {shop.tag}, 10115")

    assert page.index(second.number) < page.index(first.number)
    assert "2 orders" in page
    assert "in the warehouse promised for" in page
    connection = await asyncpg.connect(stack.dsn("orders"))
    await connection.execute("update promise set deliver_by_latest = now() where order_id = $1", first.id)
    await connection.close()
    page = await visitor.read("/look-up", q=f"zoe {shop.tag}, 10115")
    assert page.count("in the warehouse late promised for") == 1


async def test_nothing_found_says_what_to_try(visit: Visit) -> None:
    visitor = await visit("support")
    assert "Nothing found for “nobody@example.com”" in await visitor.read("/look-up", q="nobody@example.com")
    assert "No such order" in text_of(await visitor.get("/orders/NOSUCH1"))


async def test_the_answer_says_where_it_is_when_it_comes_and_what_is_next(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    visitor = await visit("support")
    page = await opened(visitor, order)
    assert "It is in the warehouse, next to be picked." in page
    assert "On track" in page
    assert "The warehouse : the warehouse picks the items" in page

    await shop.ship(order)
    page = await opened(visitor, order)

    assert "It is handed to SimPost" in page or "It is with SimPost" in page
    assert order.tracking in page
    shown = (await visitor.get(f"/orders/{order.number}")).text
    reply = re.search(r'<textarea id="reply"[^>]*>(.*?)</textarea>', shown, re.DOTALL)
    assert reply is not None
    words = html.unescape(reply[1])
    assert words.startswith("Hello,")
    assert order.reference in words
    assert "It should reach you by" in words
    assert not any(secret in words for secret in SECRETS)


async def test_personal_data_is_masked_until_the_caller_is_verified(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    visitor = await visit("support")
    answer = await visitor.get(f"/orders/{order.number}")
    assert not [secret for secret in SECRETS if secret in answer.text]
    assert "not verified" in text_of(answer)

    wrong = await act(visitor, order, "verification", {"postal_code": "99999", "article": "umbrella"})
    assert wrong.status_code == 422
    assert "these do not belong to the order: article, postcode" in text_of(wrong)

    await verify(visitor, order)
    page = await opened(visitor, order)
    assert "The caller is verified until" in page
    assert [secret for secret in SECRETS if secret in page] == list(SECRETS)

    colleague = await visit("care")
    assert "not verified" in await opened(colleague, order)


@pytest.mark.parametrize("role", ["warehouse_lead", "operator"])
async def test_who_is_not_in_support_sees_the_order_and_not_the_person(
    visit: Visit, shop: Shop, clients: Clients, stack: LocalStack, role: str
) -> None:
    order = await shop.place()
    await shop.ship(order)
    await message_sent(await visit("support"), order, clients, stack, body="Hello Ada Albers,\n\nyour mug broke.")
    visitor = await visit(role)
    answer = await visitor.get(f"/orders/{order.number}")
    assert order.reference in text_of(answer)
    assert "Verify the caller" not in answer.text
    assert "Why did they get in touch?" not in answer.text
    assert not [secret for secret in SECRETS if secret in answer.text]
    assert re.search(r"Messages to the customer \w+ sent", text_of(answer)), "that it was sent is no secret"
    assert "your mug broke" not in answer.text
    assert "Send again" not in answer.text


async def test_a_contact_is_noted_with_one_key_and_told_on_the_timeline(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    visitor = await visit("support")
    answer = await wait_for_care(visitor, order)
    assert answer.headers["hx-redirect"] == f"/orders/{order.number}"

    page = await opened(visitor, order)

    assert "Contact noted: where is it." in page
    assert "Customer contacted us where is it" in page
    assert "support:support" in page

    noted = await act(visitor, order, "contacts", {"reason": "change", "note": "wants it in green"})
    assert noted.status_code == 204, noted.text
    assert 'name="note"' in (await visitor.get(f"/orders/{order.number}")).text
    assert "change · wants it in green" in await opened(visitor, order)


async def wait_for_care(visitor: Visitor, order: Order) -> httpx.Response:
    """Note a contact as soon as care has heard of the order."""

    async def noted() -> httpx.Response | None:
        answer = await act(visitor, order, "contacts", {"reason": "where_is_it", "channel": "phone"})
        return answer if answer.status_code == 204 else None

    answer = await wait_until(noted, what="care knows the order")
    assert answer is not None
    return answer


async def test_the_same_form_sent_twice_notes_one_contact(visit: Visit, shop: Shop, clients: Clients) -> None:
    order = await shop.place()
    visitor = await visit("support")
    await wait_for_care(visitor, order)
    sent = {"key": f"key-{order.number}", "reason": "late"}
    for _ in range(2):
        assert (await visitor.post(f"/orders/{order.number}/contacts", sent)).status_code == 303
    kept = await clients.of("care", role="support").get("/staff/contacts", params={"order_id": str(order.id)})
    assert [contact["reason"] for contact in kept.json()["data"]] == ["late", "where_is_it"]


async def test_an_order_is_cancelled_while_that_is_possible(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    visitor = await visit("support")
    page = (await visitor.get(f"/orders/{order.number}")).text
    lines = re.findall(r'name="lines" value="([^"]+)"', page)
    assert len(lines) == 2
    nothing = await act(visitor, order, "cancellation")
    assert "Choose what to cancel." in text_of(nothing)

    await visitor.http.post(
        f"/orders/{order.number}/cancellation",
        data={"csrf": visitor.token, "key": f"cancel-{order.number}", "lines": lines},
    )

    async def cancelled() -> bool:
        return "The order is cancelled." in await opened(visitor, order)

    await wait_until(cancelled)
    assert "Cancel for the customer" not in await opened(visitor, order)


async def test_the_address_changes_before_the_pick_for_a_verified_caller(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    visitor = await visit("support")
    assert "Change the address" not in await opened(visitor, order)
    await verify(visitor, order)
    page = (await visitor.get(f"/orders/{order.number}")).text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None
    address = {
        "name": "Ada Albers", "line1": "Elbchaussee 9", "city": "Hamburg", "postal_code": "22765", "country_code": "DE",
        "version": version[1],
    }  # fmt: skip

    stale = await act(visitor, order, "address", {**address, "version": str(int(version[1]) + 7)})
    assert stale.status_code == 412
    done = await act(visitor, order, "address", address)

    assert done.status_code == 204, done.text
    assert "Elbchaussee 9" in await opened(visitor, order)


async def test_damage_told_on_the_phone_becomes_a_case(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    await shop.ship(order)
    visitor = await visit("support")
    await wait_for_care(visitor, order)

    async def reported() -> bool:
        return (await act(visitor, order, "reports", {"comment": "the mug is in pieces"})).status_code == 204

    await wait_until(reported)

    async def has_case() -> bool:
        page = await opened(visitor, order)
        return "· damage" in page and "Damaged" in page

    await wait_until(has_case)
    assert "The parcel was damaged on its way." in await opened(visitor, order)


async def test_what_is_no_longer_possible_is_not_offered(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    await shop.ship(order)
    visitor = await visit("support")
    await verify(visitor, order)
    page = await opened(visitor, order)
    assert "Change the address" not in page
    assert "Cancel for the customer" not in page
    assert "Report a problem" in page
    assert "It arrived damaged" in page
    assert "said to be delivered" not in page, "no scan says that it was"


async def test_what_never_arrived_is_reported_only_where_the_carrier_calls_it_delivered(
    visit: Visit, shop: Shop
) -> None:
    order = await shop.place()
    await shop.ship(order)
    visitor = await visit("support")
    under_way = await opened(visitor, order)
    assert "It arrived damaged" in under_way
    assert "they do not have it" not in under_way

    await shop.deliver(order)

    assert "It is said to be delivered, but they do not have it" in await opened(visitor, order)

    async def reported() -> bool:
        return (await act(visitor, order, "reports", {"kind": "not_received"})).status_code == 204

    await wait_until(reported, what="care has heard of the delivery too")


async def message_sent(visitor: Visitor, order: Order, clients: Clients, stack: LocalStack, body: str = "") -> str:
    """Report damage, let the message about it have been sent, and give its id."""
    await wait_for_care(visitor, order)
    await act(visitor, order, "reports", {"comment": "broken"})

    async def planned() -> str:
        answer = await clients.of("care", role="support").get("/staff/messages", params={"order_id": str(order.id)})
        return next((str(one["id"]) for one in answer.json()["data"]), "")

    message = await wait_until(planned, what="the customer will be told of the damage")
    # It would wait twenty minutes for its siblings.
    connection = await asyncpg.connect(stack.dsn("care"))
    await connection.execute(
        "update message set state = 'sent', sent_at = now(), body = $2 where id = $1", message, body
    )
    await connection.close()
    return message


async def test_a_message_is_sent_again(visit: Visit, shop: Shop, clients: Clients, stack: LocalStack) -> None:
    order = await shop.place()
    await shop.ship(order)
    visitor = await visit("support")
    message = await message_sent(visitor, order, clients, stack)
    again = await act(visitor, order, f"messages/{message}/resend")
    assert again.status_code == 204, again.text
    assert "sent again" in await opened(visitor, order)


async def test_other_orders_of_the_customer_are_one_click_away(visit: Visit, shop: Shop) -> None:
    mine = {"email": f"grace.{shop.tag.lower()}@example.com"}
    first, second = [await shop.place(customer=mine) for _ in range(2)]
    visitor = await visit("support")
    await opened(visitor, first)
    assert f'href="/orders/{second.number}"' in (await visitor.get(f"/orders/{first.number}")).text


async def test_without_care_the_order_is_still_shown(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    visitor = await visit("support")
    stack = visitor.stack
    await stack.stop_processes(["care-api"])
    try:
        page = await opened(visitor, order)
        refused = await act(visitor, order, "contacts", {"reason": "late"})
    finally:
        await stack.start_process("care-api")
    assert "The care service cannot be reached" in page
    assert "Cases Not known while the care service is away." in page
    assert order.reference in page
    assert refused.status_code == 503
    assert "Nothing was changed" in text_of(refused)


async def test_an_open_page_asks_for_what_may_have_changed_and_looks_at_nobody(
    visit: Visit, shop: Shop, stack: LocalStack
) -> None:
    order = await shop.place()
    visitor = await visit("support")
    await verify(visitor, order)
    await opened(visitor, order)
    connection = await asyncpg.connect(stack.dsn("orders"))
    looks = await connection.fetchval("select count(*) from person_view where order_id = $1", order.id)

    answer = await visitor.http.get(f"/orders/{order.number}", headers={"HX-Request": "true"})

    assert "<html" not in answer.text
    assert {"answer", "parcels-card", "lines-card", "cases-card", "messages-card", "timeline"} <= set(
        re.findall(r'id="([a-z-]+)"[^>]* hx-swap-oob="true"', answer.text)
    )
    assert not [secret for secret in SECRETS if secret in answer.text]
    assert await connection.fetchval("select count(*) from person_view where order_id = $1", order.id) == looks
    await connection.close()


async def test_who_was_verified_is_masked_again_when_that_ends(visit: Visit, shop: Shop) -> None:
    order = await shop.place()
    visitor = await visit("support")
    await verify(visitor, order)
    page = (await visitor.get(f"/orders/{order.number}")).text
    asks = re.search(rf'hx-get="(/orders/{order.number}/person)" hx-trigger="load delay:(\d+)s"', page)
    assert asks is not None
    assert 0 < int(asks[2]) <= 24 * 3600
    assert "Ada Albers" in (await visitor.get(asks[1])).text

    colleague = await visit("care")
    masked = await colleague.get(asks[1])
    assert "<html" not in masked.text
    assert "not verified" in text_of(masked)
    assert not [secret for secret in SECRETS if secret in masked.text]
    assert "/person" not in masked.text, "there is nothing left to go"
