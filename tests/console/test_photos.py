"""Photos that customers sent: shown to who decides, with words for who cannot see them, and to nobody else."""

import re

from deploy.local.stack import LocalStack
from shared.auth import SCOPES, STAFF_ROLES, Scope
from shared.ids import new_id
from tests.clients import Clients
from tests.console.care import trouble
from tests.console.conftest import Visit
from tests.console.shop import Order, Shop
from tests.console.test_track import link_to, photo, send
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
    agent = await visit("support")
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
    agent = await visit("support")
    found = re.search(r"/photos/[0-9a-f-]{36}", (await agent.get(f"/orders/{order.number}")).text)
    assert found is not None

    for role in STAFF_ROLES:
        person = await visit(role)
        answer = await person.get(found[0])
        assert answer.status_code == (200 if Scope.ORDER_EDIT in SCOPES[role] else 403), role
        if Scope.LOOK_UP in SCOPES[role] and Scope.ORDER_EDIT not in SCOPES[role]:
            assert "/photos/" not in (await person.get(f"/orders/{order.number}")).text, role


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
