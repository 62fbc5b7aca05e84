"""Every page of the console, from its routes and with something on it: none has code or style of its own."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from deploy.local.stack import LocalStack
from services.console.api import router
from shared import clock
from shared.ids import new_id
from tests.clients import Clients
from tests.console.care import DEAR, trouble
from tests.console.conftest import Visit
from tests.console.floor import Hand, labelled_parcel, order, picked
from tests.console.operations import give_up
from tests.console.shop import Shop
from tests.console.test_accounts import link_for
from tests.console.test_track import link_to, photo, send
from tests.console.visitor import Visitor
from tests.house_rules.test_routes import routes

PATHS = sorted(route.path for route in routes(router) if "GET" in route.methods)
_THROUGH_A_PROVIDER = {"/sign-in/provider", "/sign-in/callback"}  # which is not there, as the page says


class OwnCode(HTMLParser):
    """Collects what a page would run, or how it would look, by its own words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        given = dict(attrs)
        named = [name for name in given if name.startswith(("on", "hx-on")) or name == "style"]
        scripted = [name for name, value in given.items() if (value or "").strip().lower().startswith("javascript:")]
        if named or scripted or tag == "style" or (tag == "script" and not given.get("src")):
            self.found.append(self.get_starttag_text() or tag)


def own_code(page: str) -> list[str]:
    """Give the elements of a page that have code or style of their own."""
    reader = OwnCode()
    reader.feed(page)
    return reader.found


@pytest.mark.parametrize(
    "element",
    ['<p style="color:red">', "<style>", "<script>", '<b onclick="a()">', '<b hx-on:click="a()">',
     '<a href="javascript:a()">'],
)  # fmt: skip
def test_code_and_style_of_a_pages_own_are_seen(element: str) -> None:
    assert own_code(f'<script src="/static/a.js"></script>{element}') == [element]


async def _announce(clients: Clients, shop: Shop) -> str:
    line = {"sku": shop.skus[0], "quantity": 12}
    answer = await clients.of("inventory").post(
        "/staff/inbounds",
        json={
            "kind": "purchase", "location": shop.tag, "reference": f"PO-{shop.tag}", "lines": [line],
            "expected_at": (clock.now() + timedelta(days=1)).isoformat(),
        },
        headers={"Idempotency-Key": str(new_id())},
    )  # fmt: skip
    return str(answer.json()["id"])


async def _photo_of(agent: Visitor, customer: Visitor, link: str, number: str) -> str:
    said = {"kind": "damage", "parcel_id": "", "comment": "in pieces"}
    assert (await send(customer, "/track/reports", link, photo(), **said)).status_code == 303
    shown = re.search(r"/photos/([0-9a-f-]{36})", (await agent.get(f"/orders/{number}")).text)
    assert shown is not None
    return shown[1]


async def _named(visit: Visit, admin: Visitor, shop: Shop, stack: LocalStack, clients: Clients) -> dict[str, str]:
    """Have something on every page; give what their addresses name."""
    hand, (damaged, case_id) = Hand(admin), await trouble(shop, clients, books=DEAR)
    link = link_to(stack, damaged)
    bench = await picked(shop, await order(shop))
    parcel, _ = await labelled_parcel(hand, shop, bench)
    await order(shop)
    await hand.lay_down()
    identity, _ = await give_up(stack.dsn("care"))
    return {
        "named": damaged.number, "case_id": case_id, "link": link,
        "photo_id": await _photo_of(admin, await visit(""), link, damaged.number),
        "order_id": bench.split("/")[2], "fulfilment_id": bench.split("/")[3], "parcel_id": parcel,
        "list_id": (await hand.take_list(shop)).rpartition("/")[2], "inbound_id": await _announce(clients, shop),
        "service": "care", "identity": identity, "token": (await link_for(admin, "picker")).rpartition("/")[2],
    }  # fmt: skip


@pytest.mark.security(14)
async def test_no_page_has_code_or_style_of_its_own(
    visit: Visit, shelves: Shop, stack: LocalStack, clients: Clients
) -> None:
    admin = await visit("admin")
    named = await _named(visit, admin, shelves, stack, clients)
    for path in [*PATHS, "/nowhere"]:
        answer = await admin.get(path.format(**named))
        if path not in {*_THROUGH_A_PROVIDER, "/nowhere"}:
            assert answer.status_code == 200, (path, answer.status_code)
        if answer.headers["content-type"].startswith("text/html"):
            assert own_code(answer.text) == [], path
