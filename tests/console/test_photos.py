"""Photos that customers sent: shown to who decides, with words for who cannot see them, and to nobody else."""

import re
from uuid import UUID

import asyncpg
import pytest

from deploy.local.stack import LocalStack
from shared.auth import SCOPES, STAFF_ROLES, Scope
from shared.ids import new_id
from tests.clients import Clients
from tests.console.care import trouble
from tests.console.conftest import Visit
from tests.console.shop import Order, Shop
from tests.console.test_look_up import verify
from tests.console.test_track import link_to, photo, send
from tests.console.visitor import Visitor, text_of
from tests.waiting import wait_until


async def _sent(visit: Visit, stack: LocalStack, order: Order, comment: str) -> None:
    """Report damage with a photo, as the customer."""
    customer = await visit("")
    answer = await send(
        customer, "/track/reports", link_to(stack, order), photo(), kind="damage", parcel_id="", comment=comment
    )
    assert answer.status_code == 303, answer.text


async def test_a_photo_is_shown_on_its_order_and_its_case(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, case_id = await trouble(shop, clients)
    await _sent(visit, stack, order, 'the lid is "off"')
    agent = await visit("care")
    for path in (f"/orders/{order.number}", f"/care/cases/{case_id}"):
        shown = (await agent.get(path)).text
        found = re.search(
            r'<img src="(/photos/[0-9a-f-]{36})" width="640" height="480" loading="lazy"\s+alt="(.*?)">', shown
        )
        assert found is not None, path
        assert "Photo 1 of 1 from the customer" in found[2]
        assert "reported as damage: the lid is &#34;off&#34;" in found[2], "what a reader of the screen hears"
        picture = await agent.get(found[1])
        assert picture.status_code == 200
        assert picture.content.startswith(b"\xff\xd8\xff")


async def test_a_photo_comes_with_headers_that_let_it_do_nothing(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, _ = await trouble(shop, clients)
    await _sent(visit, stack, order, "")
    agent = await visit("care")
    found = re.search(r"/photos/[0-9a-f-]{36}", (await agent.get(f"/orders/{order.number}")).text)
    assert found is not None
    headers = (await agent.get(found[0])).headers
    assert headers["content-type"] == "image/jpeg"
    assert headers["content-disposition"].startswith("inline; filename=")
    assert headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_only_who_works_for_customers_sees_photos(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, _ = await trouble(shop, clients)
    await _sent(visit, stack, order, "broken")
    (path,) = await _photos(await visit("care"), order)
    for role in STAFF_ROLES:
        person = await visit(role)
        answer = await person.get(path)
        assert answer.status_code == (200 if Scope.CASE in SCOPES[role] else 403), role
        if Scope.LOOK_UP in SCOPES[role] and Scope.CASE not in SCOPES[role]:
            assert await _photos(person, order) == [], role
        if Scope.LOOK_UP in SCOPES[role]:
            listed = await clients.of("care", role=role).get("/staff/evidence", params={"order_id": str(order.id)})
            words = "broken" if Scope.ORDER_EDIT in SCOPES[role] else ""
            assert [one["comment"] for one in listed.json()["data"]] == [words], role


async def _photos(visitor: Visitor, order: Order) -> list[str]:
    """Give the photos that an order's page shows."""
    shown = (await visitor.get(f"/orders/{order.number}")).text
    return re.findall(r'<img src="(/photos/[0-9a-f-]{36})"', shown)


@pytest.mark.security(11)
async def test_a_photo_is_shown_to_who_works_cases_or_has_verified_the_caller_and_every_look_is_kept(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, _ = await trouble(shop, clients)
    await _sent(visit, stack, order, "broken")
    agent, support = await visit("care"), await visit("support")
    (path,) = await _photos(agent, order)
    photo_id = path.rpartition("/")[2]
    other = clients.of("care", role="support", subject="another")

    assert "1 photo: verify the caller to see it." in await support.read(f"/orders/{order.number}")
    assert await _photos(support, order) == []
    refused = await support.get(path)
    assert refused.status_code == 403
    assert "Verify the caller first" in text_of(refused)
    refused = await other.get(f"/staff/evidence/{photo_id}")
    assert (refused.status_code, refused.json()["code"]) == (403, "caller_not_verified")
    assert await _looks(stack, photo_id) == [], "who was refused has seen nothing"

    await verify(support, order)
    assert await _photos(support, order) == [path]
    assert (await support.get(path)).status_code == 200
    assert (await agent.get(path)).status_code == 200
    assert (await clients.of("care", role="care", subject="ann").get(f"/staff/evidence/{photo_id}")).status_code == 200
    assert (await other.get(f"/staff/evidence/{photo_id}")).status_code == 403, "each agent verifies for themselves"
    assert await _looks(stack, photo_id) == ["support:support", "care:care", "care:ann"]


async def _looks(stack: LocalStack, photo_id: str) -> list[str]:
    connection = await asyncpg.connect(stack.dsn("care"))
    try:
        rows = await connection.fetch(
            "select actor from evidence_view where evidence_id = $1 order by id", UUID(photo_id)
        )
    finally:
        await connection.close()
    return [str(row["actor"]) for row in rows]


async def test_photos_go_by_themselves_when_the_caller_is_no_longer_verified(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, _ = await trouble(shop, clients)
    await _sent(visit, stack, order, "broken")
    support, agent = await visit("support"), await visit("care")
    followed = await support.http.get(f"/orders/{order.number}", headers={"HX-Request": "true"})
    assert 'id="photos-card"' not in followed.text, "a page that follows the order leaves them as they are"
    alone = await support.http.get(f"/orders/{order.number}/person")
    assert 'id="photos-card" class="card" hx-swap-oob="true"' in alone.text
    assert "/photos/" not in alone.text
    followed = await agent.http.get(f"/orders/{order.number}", headers={"HX-Request": "true"})
    assert "/photos/" in followed.text


async def test_without_orders_a_photo_is_still_there_for_who_works_cases_only(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, _ = await trouble(shop, clients)
    await _sent(visit, stack, order, "broken")
    agent, support = await visit("care"), await visit("support")
    (path,) = await _photos(agent, order)
    await verify(support, order)
    await stack.stop_processes(["orders-api"])
    try:
        assert (await agent.get(path)).status_code == 200
        assert (await support.get(path)).status_code == 503
    finally:
        await stack.start_process("orders-api")

    async def shown() -> bool:
        return (await support.get(path)).status_code == 200

    await wait_until(shown, what="care asks orders again")


async def test_a_photo_that_nobody_sent_is_not_there(visit: Visit) -> None:
    agent = await visit("support")
    assert (await agent.get(f"/photos/{new_id()}")).status_code == 404


async def test_photos_are_there_when_the_order_cannot_be_told(
    visit: Visit, shop: Shop, stack: LocalStack, clients: Clients
) -> None:
    order, case_id = await trouble(shop, clients)
    await _sent(visit, stack, order, "broken")
    agent = await visit("care")
    await stack.stop_processes(["orders-api"])
    try:

        async def shown() -> bool:
            return "/photos/" in (await agent.get(f"/care/cases/{case_id}")).text

        await wait_until(shown, what="the case shows its photo")
    finally:
        await stack.start_process("orders-api")
