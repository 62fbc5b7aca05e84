"""Every page of the console, from its routes: nobody is kept out of any, on no screen and in no colours."""

from datetime import timedelta

import pytest

from deploy.local.stack import LocalStack
from services.console.api import router
from shared import clock
from shared.ids import new_id
from tests.browser.chromium import Colours, Desk, Kind
from tests.browser.conftest import Sit
from tests.browser.test_customers import link_to
from tests.browser.test_floor import take_list
from tests.clients import Clients
from tests.console.care import DEAR, trouble
from tests.console.floor import order, picked
from tests.console.operations import give_up
from tests.console.shop import Shop
from tests.house_rules.test_routes import routes

EVERY_SCREEN = [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]
OUTSIDE = ("/sign-in", "/password/{token}", "/track", "/track/orders/{link}")
INSIDE = (
    "/", "/account", "/people", "/look-up", "/orders/{named}", "/care", "/care/approvals", "/care/cases/{case_id}",
    "/floor", "/pick", "/pick/{list_id}", "/pack", "/pack/{order_id}/{fulfilment_id}", "/dispatch", "/stock",
    "/stock/receive", "/stock/inbounds/{inbound_id}", "/stock/count", "/stock/transfers", "/overview", "/operations",
    "/operations/messages", "/operations/messages/{service}/{identity}", "/operations/drift", "/operations/audit",
)  # fmt: skip
# A part of a page, a picture, papers, and the way to an identity provider.
NO_PAGES = {
    "/care/cases/{case_id}/presence", "/photos/{photo_id}", "/pack/parcels/{parcel_id}/label",
    "/pack/parcels/{parcel_id}/slip", "/orders/{named}/person", "/sign-in/provider", "/sign-in/callback",
}  # fmt: skip


def test_every_page_is_walked() -> None:
    assert {route.path for route in routes(router) if "GET" in route.methods} == {*OUTSIDE, *INSIDE, *NO_PAGES}


async def _fill(desk: Desk, shop: Shop, stack: LocalStack, clients: Clients) -> dict[str, str]:
    """Have something on every page; give what their addresses name."""
    damaged, case_id = await trouble(shop, clients, books=DEAR)
    order_id, fulfilment_id = (await picked(shop, await order(shop))).split("/")[2:]
    announced = await clients.of("inventory").post(
        "/staff/inbounds",
        json={
            "kind": "purchase", "location": shop.tag, "reference": f"PO-{shop.tag}",
            "expected_at": (clock.now() + timedelta(days=1)).isoformat(),
            "lines": [{"sku": shop.skus[0], "quantity": 12}],
        },
        headers={"Idempotency-Key": str(new_id())},
    )  # fmt: skip
    identity, _ = await give_up(stack.dsn("care"))
    await order(shop)
    await take_list(desk, shop)
    list_id = desk.page.url.rpartition("/")[2]
    await desk.goto("/people")
    await desk.page.get_by_role("button", name="Password link").first.click()
    token = (await desk.page.locator("#made-link").inner_text()).rpartition("/")[2]
    return {
        "named": damaged.number, "case_id": case_id, "order_id": order_id, "fulfilment_id": fulfilment_id,
        "list_id": list_id, "inbound_id": announced.json()["id"], "service": "care", "identity": identity,
        "token": token, "link": link_to(stack, damaged).rpartition("/")[2],
    }  # fmt: skip


async def _is_open_to_all(desk: Desk, path: str) -> None:
    await desk.goto(path)
    assert await desk.serious_violations() == [], path
    assert await desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{path} is too wide"
    assert await desk.page.locator("h1").count() == 1, f"{path} has one heading that says what it is"


@pytest.mark.parametrize(("kind", "colours"), EVERY_SCREEN)
async def test_nobody_is_kept_out_of_any_page(
    sit: Sit, shelves: Shop, stack: LocalStack, clients: Clients, kind: Kind, colours: Colours
) -> None:
    inside, outside = await sit("admin", kind, colours), await sit("", kind, colours)
    named = await _fill(inside, shelves, stack, clients)
    for path in OUTSIDE:
        await _is_open_to_all(outside, path.format(**named))
    for path in INSIDE:
        await _is_open_to_all(inside, path.format(**named))
    await _is_open_to_all(inside, f"/look-up?q={named['named'][:2]}")
    await _is_open_to_all(inside, f"/stock/count?location={shelves.tag}&q={shelves.skus[0]}")
    for path in ("/nowhere", "/orders/NOSUCH"):
        await _is_open_to_all(inside, path)
        inside.complaints.clear()  # the browser's word on the 404
