"""A later date: what silence means is told to the customer and to whoever speaks with them, and a yes is kept."""

from datetime import datetime, timedelta

import pytest

from deploy.local.stack import LocalStack
from services.console.rendering import day
from shared import clock
from shared.ids import new_id
from tests.clients import Clients
from tests.console.conftest import Visit
from tests.console.shop import Order, Shop
from tests.console.test_look_up import act
from tests.console.test_track import link_to, send
from tests.waiting import NotThis, wait_until

ADDRESS = {
    "US": {
        "name": "Ada Albers", "line1": "1 Main Street", "city": "Springfield", "region": "IL", "postal_code": "62701",
        "country_code": "US",
    },
    "DE": {"name": "Ada Albers", "line1": "Graben 1", "city": "Berlin", "postal_code": "10115", "country_code": "DE"},
}  # fmt: skip


async def promised_later(shop: Shop, clients: Clients, country: str) -> Order:
    """Place an order and promise it two months later than at first."""
    order = await shop.place(shipping_address=ADDRESS[country])
    body = {
        "deliver_by_latest": (clock.now() + timedelta(days=60)).isoformat(), "reason": "the ship is late",
        "attributed_to": "stock",
    }  # fmt: skip
    answer = await clients.of("orders", role="support").post(
        f"/staff/orders/{order.id}/promises", json=body, headers={"Idempotency-Key": str(new_id())}
    )
    assert answer.status_code == 201, answer.text

    async def known() -> bool:
        about = {"order_id": str(order.id)}
        shown = await clients.of("care", role="support").get("/staff/consents", params=about)
        return shown.status_code == 200 and shown.json()["promise_revision"] > 1

    await wait_until(known, what="care knows the new date")
    return order


async def test_a_customer_whose_silence_cancels_is_told_until_when_and_says_yes(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order = await promised_later(shop, clients, "US")
    customer, link = await visit(""), link_to(stack, order)
    asked = await customer.read(f"/track/orders/{link}")
    assert "whether you wait for it. If we do not hear from you by then, we cancel what was not sent" in asked

    assert (await send(customer, "/track/words", link, kind="wait")).status_code == 303

    told = await customer.read(f"/track/orders/{link}")
    assert "You wait for it. Thank you." in told
    assert "If we do not hear from you" not in told
    agent = await visit("support")
    assert "The customer waits for the new date." in await agent.read(f"/orders/{order.number}")


async def test_where_silence_means_yes_the_page_says_so(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order = await promised_later(shop, clients, "DE")
    customer, link = await visit(""), link_to(stack, order)
    shown = await customer.read(f"/track/orders/{link}")
    assert "If you do nothing, we send it by the date above. You may also cancel until it has left us." in shown
    assert "On track" not in shown

    async def the_reason_is_told() -> NotThis | bool:
        told = await customer.read(f"/track/orders/{link}")
        return "Some of its goods come later than planned. New date" in told or NotThis(told)

    await wait_until(the_reason_is_told, what="whatever the first date made of it is cleared by the new one")


@pytest.mark.parametrize(
    ("country", "words"),
    [
        ("US", "The customer has to agree to the new date by"),
        ("DE", "The customer has not answered to the new date; silence means that they wait."),
    ],
)
async def test_an_agent_keeps_what_the_customer_says_of_the_new_date(
    visit: Visit, shop: Shop, clients: Clients, country: str, words: str
) -> None:
    order = await promised_later(shop, clients, country)
    agent = await visit("support")
    assert words in await agent.read(f"/orders/{order.number}")
    kept = await act(agent, order, "agreement")
    assert kept.status_code == 204, kept.text
    shown = await agent.read(f"/orders/{order.number}")
    assert "The customer waits for the new date." in shown
    assert words not in shown
    assert "waits for the new date" in shown[shown.index("Timeline") :], "the contact is on the timeline"


async def test_the_first_date_stays_in_sight_beside_the_one_in_force(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order = await promised_later(shop, clients, "DE")
    answer = await clients.of("orders", role="support").get(f"/staff/orders/{order.id}/promises")
    first, later = [day(datetime.fromisoformat(one["deliver_by_latest"])) for one in answer.json()["data"]]
    assert first != later
    agent = await (await visit("support")).read(f"/orders/{order.number}")
    assert f"Promised {later} first {first} " in agent
    customer = await (await visit("")).read(f"/track/orders/{link_to(stack, order)}")
    assert f"New date {later} at first {first} " in customer


async def test_who_only_looks_things_up_records_no_yes(visit: Visit, shop: Shop, clients: Clients) -> None:
    order = await promised_later(shop, clients, "US")
    lead = await visit("warehouse_lead")
    shown = (await lead.get(f"/orders/{order.number}")).text
    assert "has to agree to the new date" in shown
    assert "/agreement" not in shown
    assert (await lead.post(f"/orders/{order.number}/agreement", {"key": "k"})).status_code == 403
