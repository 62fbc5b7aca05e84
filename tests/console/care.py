"""Trouble at the shop's customers, and what is sent from care's pages."""

import html
import re
from collections.abc import Mapping

import httpx

from tests.clients import Clients
from tests.console.shop import Order, Shop
from tests.console.visitor import Visitor
from tests.waiting import wait_until

DEAR = 20
"""So many books are worth more than an agent may grant alone."""


async def trouble(shop: Shop, clients: Clients, *, kind: str = "damage", books: int = 2) -> tuple[Order, str]:
    """Ship an order of which the customer then reports trouble; give it and its case's id."""
    order = await shop.place(lines=_lines(shop, books))
    await shop.ship(order)
    support = clients.of("care", role="support")

    async def reported() -> bool:
        body = {"order_id": str(order.id), "kind": kind, "comment": "in pieces"}
        answer = await support.post("/staff/reports", json=body, headers={"Idempotency-Key": f"report {order.id}"})
        return answer.status_code == 202

    await wait_until(reported, what="care knows the order")

    async def opened() -> str:
        answer = await support.get("/staff/cases", params={"order_id": str(order.id)})
        return next((str(case["id"]) for case in answer.json()["data"] if case["kind"] == kind), "")

    return order, await wait_until(opened, what="a case is open")


def _lines(shop: Shop, books: int) -> list[dict[str, object]]:
    price = {"amount": 12_90, "currency": "EUR"}
    return [{"reference": "0", "sku": shop.skus[1], "name": "Atlas", "quantity": books, "unit_price": price}]


async def act(visitor: Visitor, page: str, path: str, fields: Mapping[str, str] | None = None) -> httpx.Response:
    """Send one of a page's forms as a script would, with whatever the page hides in it."""
    shown = (await visitor.get(page)).text
    form = re.search(rf'<form method="post" action="{re.escape(path)}".*?</form>', shown, re.DOTALL)
    assert form is not None, f"{page} offers no {path}"
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
    written = {name: html.unescape(value) for name, value in hidden.items()}
    return await visitor.post(path, {**written, **(fields or {})}, HX_Request="true")


def of(case_id: str) -> str:
    return f"/care/cases/{case_id}"


async def take(visitor: Visitor, case_id: str) -> None:
    answer = await act(visitor, of(case_id), f"{of(case_id)}/take")
    assert answer.status_code == 204, answer.text


async def ask_for_more(clients: Clients, case_id: str) -> str:
    """Ask as another agent for a remedy over everybody's limit but a lead's; give its id."""
    asked = await clients.of("care", role="care", subject="anybody").post(
        f"/staff/cases/{case_id}/remedies",
        json={"kind": "reship", "reason": "all in pieces"},
        headers={"Idempotency-Key": f"reship {case_id}"},
    )
    assert (asked.status_code, asked.json()["state"]) == (201, "waiting_approval"), asked.text
    return str(asked.json()["id"])
