"""People with a scanner at the console's pages, and the goods they scan."""

import re
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.clients import Clients
from tests.console.shop import Order, Shop
from tests.console.visitor import Visitor, text_of
from tests.waiting import wait_until

Json = dict[str, Any]


@dataclass
class Hand:
    """Somebody who scans: each act has a key of its own unless one is given."""

    visitor: Visitor

    async def act(self, path: str, key: str = "", **fields: str | int) -> httpx.Response:
        """Send one of the page's forms by script, as htmx does."""
        sent = {name: str(value) for name, value in fields.items()}
        return await self.visitor.post(path, {"key": key or str(new_id()), **sent}, HX_Request="true")

    async def do(self, path: str, key: str = "", **fields: str | int) -> str:
        """Send a form that the page answers with what it now shows; give its words."""
        answer = await self.act(path, key, **fields)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return text_of(answer)

    async def go_on(self, path: str, **fields: str) -> str:
        """Send a form that leads to another page; give its address."""
        answer = await self.act(path, **fields)
        assert "hx-redirect" in answer.headers, (path, answer.status_code, text_of(answer))
        return answer.headers["hx-redirect"]

    async def take_list(self, shop: Shop, mode: str = "multi_order_cart") -> str:
        """Take the next list of a shop; give the address of its page."""
        at = await self.go_on("/pick/next", location=shop.tag, mode=mode)
        assert at.startswith("/pick/"), at
        await self.visitor.read(at)
        return at

    async def lay_down(self) -> None:
        """Give back the list that an earlier test has left."""
        left = re.search(r'action="(/pick/[0-9a-f-]+)/leave"', (await self.visitor.get("/pick")).text)
        if left is not None:
            await self.go_on(f"{left[1]}/leave")


def tone_of(answer: httpx.Response | str) -> str:
    """Give the tone of the verdict that an answer shows; empty without one."""
    found = re.search(r'data-verdict="(\w+)"', answer if isinstance(answer, str) else answer.text)
    return found[1] if found else ""


async def order(shop: Shop, **changes: object) -> Order:
    """Place an order and wait until the warehouse may pick it."""
    placed = await shop.place(**changes)

    async def released() -> bool:
        return any(entry.order_id == placed.id for entry in await shop.warehouse.fulfilments("open"))

    await wait_until(released, what=f"{placed.reference} is released to the warehouse")
    return placed


async def shelve(clients: Clients, shop: Shop) -> None:
    """Give the shop's articles bins and barcodes; a carton of mugs counts six."""
    names = ("Blue mug", "Atlas")
    skus = [
        {
            "code": code, "name": names[number], "weight_grams": 500,
            "length_mm": 100, "width_mm": 100, "height_mm": 50,
            "bins": [{"location": shop.tag, "bin": f"A-0{number + 1}-3", "walk_order": number}],
            "barcodes": [{"code": f"4{number}{shop.tag}"}, {"code": f"C{number}{shop.tag}", "units": 6}],
        }
        for number, code in enumerate(shop.skus)
    ]  # fmt: skip
    answer = await clients.of("inventory").post(
        "/staff/skus", json={"skus": skus}, headers={"Idempotency-Key": str(new_id())}
    )
    assert answer.is_success, answer.text


async def picked(shop: Shop, placed: Order) -> str:
    """Have the bot pick all there is; give the address of the order's bench."""
    await shop.warehouse.pick_all()
    (work,) = [entry for entry in await shop.warehouse.fulfilments("in_progress") if entry.order_id == placed.id]
    return f"/pack/{placed.id}/{work.id}"


async def closed_parcel(picker: Hand, shop: Shop, at: str) -> str:
    """Pack all of an order into one parcel of the right weight and close it; give its id."""
    await picker.visitor.read(at)
    parcel = parcel_of(await picker.act(f"{at}/scans", code=shop.skus[0]))
    await picker.do(f"{at}/scans", code=shop.skus[1], quantity=2, parcel=parcel)
    await picker.do(f"{at}/weighings", parcel=parcel, weight=1500, length=300, width=200, height=100)
    await picker.do(f"{at}/closings", parcel=parcel)
    return parcel


async def labelled_parcel(picker: Hand, shop: Shop, at: str) -> tuple[str, str]:
    """Bring an order to its label; give (parcel id, tracking number)."""
    parcel = await closed_parcel(picker, shop, at)
    answer = await picker.act(f"{at}/labels", parcel=parcel)
    number = re.search(r"<code>(\w+)</code>", answer.text)
    assert number is not None, text_of(answer)
    return parcel, number[1]


def parcel_of(answer: httpx.Response) -> str:
    """Give the parcel in front of the packer."""
    found = re.search(r'name="parcel" value="([0-9a-f-]{36})"', answer.text)
    assert found is not None, text_of(answer)
    return found[1]


async def cancel(shop: Shop, placed: Order) -> None:
    """Let the customer cancel all of an order, and wait until the warehouse knows."""
    path = f"/v1/orders/{placed.id}/cancellations"
    await shop.storefront.door.act(path, {"reason": "customer"}, key=str(new_id()))

    async def known() -> bool:
        return any(entry.order_id == placed.id for entry in await shop.warehouse.fulfilments("cancel_requested"))

    await wait_until(known, what=f"the warehouse knows that {placed.reference} is cancelled")


async def second_location(clients: Clients, shop: Shop) -> str:
    """Make another location like the shop's; give its code."""
    code = f"W{shop.tag}"
    inventory = clients.of("inventory")
    known = (await inventory.get(f"/internal/locations/{shop.tag}")).json()
    body = {name: value for name, value in known.items() if name != "version"} | {"code": code, "name": code}
    key = {"Idempotency-Key": str(new_id())}
    saved = await inventory.post("/staff/locations", json={"locations": [body]}, headers=key)
    assert saved.is_success, saved.text
    return code


async def miss_cut_off(stack: LocalStack, placed: Order) -> None:
    """Let the time by which an order must leave be over for three hours."""
    connection = await asyncpg.connect(stack.dsn("inventory"))
    try:
        past = "cut_off_at = now() - interval '3 hours'"
        await connection.execute(f"update fulfilment set {past} where order_id = $1", placed.id)
    finally:
        await connection.close()
