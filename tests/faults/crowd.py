"""Customers who act all at once and never give up, and what holds the suite to the answers it gave them."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from cli import check
from cli.bots.door import Door, key_of
from deploy.local import names
from deploy.local.stack import LocalStack
from shared import clock
from tests.faults.answers import Answers
from tests.faults.history import Act, Effects, Entry, History
from tests.faults.ledger import Outcome
from tests.faults.look import rows
from tests.faults.topics import out_of_order
from tests.journeys.shop import PRICE, Json, Shop
from tests.waiting import wait_until

_CREATED = 201
_REFUSED = 400
_SERVER_ERROR = 500
_AGAIN = frozenset({"conflict", "rate_limited"})  # a twin of this very request is still being served
_CHANGE_THEIR_MIND = 0.4
NEW_CONTACT: Json = {"contact": {"phone": "+4915100000000"}}
NEW_ADDRESS: Json = {
    "shipping_address": {
        "name": "Ada Albers", "line1": "Graben 2", "city": "Berlin", "postal_code": "10117", "country_code": "DE",
    }
}  # fmt: skip
_PLENTY = 5000
_PATIENCE_SECONDS = 150.0
_REQUEST_SECONDS = 15.0
NO_ANSWER = 0


@dataclass(frozen=True)
class Try:
    """One attempt to place an order; without an answer its status is NO_ANSWER and its kind the error's name."""

    reference: str
    status: int
    kind: str


class Crowd:
    """The customers of one shop; every operation they or its people saw acknowledged is a line of a file."""

    def __init__(self, shop: Shop, stack: LocalStack, history: Path, dice: random.Random, outcome: Outcome) -> None:
        self.shop = shop
        self.outcome = outcome
        self.tries: list[Try] = []
        self.told = History(history)
        self.answers_kept = Answers(history.with_name("answers.jsonl"))
        self.shuffled: set[tuple[str, str]] = set()
        """Streams, by (topic, key), that the test itself has told in another order."""
        self.topics_are_new = False
        self._stack = stack
        self._dice = dice
        self._drafts: dict[str, Json] = {}
        self._client = httpx.AsyncClient(
            base_url=stack.urls["orders"],
            timeout=_REQUEST_SECONDS,
            trust_env=False,
            headers={"Authorization": f"Bearer {shop.storefront.door.credential()}"},
        )
        for door in shop.doors:
            self.listen_at(door)

    def listen_at(self, door: Door) -> None:
        """Write down what is acknowledged at this door."""
        door.observer = self.answers_kept.note

    async def fill_shelves(self) -> None:
        """Have more of every article than all customers can want."""
        for sku in range(len(self.shop.skus)):
            await self.shop.receive(self.shop.north, _PLENTY, sku=sku)

    async def place(self, body: Json | None = None) -> UUID:
        """Place one order, again under the same key until it is acknowledged; give its id."""
        wanted = body or self._draft()
        self._drafts[str(wanted["reference"])] = wanted
        ends = clock.monotonic() + _PATIENCE_SECONDS
        while True:
            answer = await self._try(wanted)
            if answer is not None and answer.status_code == _CREATED:
                order_id = UUID(answer.json()["id"])
                self.told.add(Entry(Act.PLACED, str(order_id), str(wanted["reference"])))
                self.outcome.answered()
                return order_id
            assert clock.monotonic() < ends, f"{wanted['reference']} is not accepted: {self.tries[-1]}"
            await asyncio.sleep(self._dice.uniform(0.05, 0.15))

    async def do_again(self, lost: Sequence[tuple[str, str]]) -> list[str]:
        """Post orders that were acknowledged and are gone, as they were, then all that was done about any order.

        What was answered then counts no more. Gives the references of the orders that were posted.
        """
        gone = set(lost)
        former = self.told.entries()
        self.told.keep(
            entry for entry in former if entry.act is Act.PLACED and (entry.reference, entry.order) not in gone
        )
        for reference, _ in lost:
            await self.place(self._drafts[reference])
        now = {reference: UUID(order) for reference, order in self.history()}
        for entry in former:
            if entry.act is not Act.PLACED:
                await self._do(entry.act, now[entry.reference], entry.sent)
        return [reference for reference, _ in lost if reference in now]

    async def change(self, order_id: UUID, body: Json) -> bool:
        """Amend an order, again under the same key until there is an answer; say whether it was not too late."""
        return await self._do(Act.CHANGED, order_id, body)

    async def cancel(self, order_id: UUID) -> bool:
        """Ask to cancel all of an order, again until there is an answer; say whether it was not too late."""
        return await self._do(Act.CANCELLED, order_id, {"reason": "customer"})

    async def pay(self, order_id: UUID, kind: str, amount: int, *, refund_id: str | None = None) -> None:
        """Report a payment, again until there is an answer."""
        refund = {"refund_id": refund_id} if refund_id is not None else {}
        body = {"type": kind, "amount": {"amount": amount, "currency": "EUR"}, **refund}
        assert await self._do(Act.PAID, order_id, body), f"{kind} {amount} of {order_id} was refused"

    async def look_up(self, reference: str) -> list[str]:
        """Give the ids of the orders that the storefront finds by its own reference."""
        found: Any = await self.shop.storefront.door.act_get(f"/v1/orders?reference={reference}")
        return [str(order["id"]) for order in found["data"]]

    async def confirm_refunds(self) -> int:
        """Pay back what the storefront is told to, and report it."""
        told: Any = await self.shop.storefront.door.act_get("/v1/refunds?state=requested")
        for refund in told["data"]:
            kind = "voided" if "authorization" in refund["kind"] else "refunded"
            await self.pay(UUID(refund["order_id"]), kind, refund["amount"]["amount"], refund_id=refund["id"])
        return len(told["data"])

    async def _do(self, act: Act, order_id: UUID, sent: Json) -> bool:
        """Act on an order; what is not refused is history."""
        method, path = _WAYS[act]
        headers = {"Idempotency-Key": key_of(act, order_id, sent)}

        async def answered() -> httpx.Response | None:
            try:
                answer = await self._client.request(method, path.format(order_id), json=sent, headers=headers)
            except httpx.HTTPError:
                return None
            again = answer.status_code >= _REFUSED and answer.json().get("code") in _AGAIN
            return None if again or answer.status_code >= _SERVER_ERROR else answer

        answer = await wait_until(answered, deadline=_PATIENCE_SECONDS, what=f"{order_id} is {act}")
        assert answer is not None
        if answer.status_code >= _REFUSED:
            return False
        reference = next((name for name, order in self.history() if order == str(order_id)), "")
        self.told.add(Entry(act, str(order_id), reference, sent, answer.json()))
        self.outcome.answered()
        return True

    async def _try(self, body: Json) -> httpx.Response | None:
        reference = str(body["reference"])
        headers = {"Idempotency-Key": key_of("place", reference)}
        try:
            answer = await self._client.post("/v1/orders", json=body, headers=headers)
        except httpx.HTTPError as error:
            self.tries.append(Try(reference, NO_ANSWER, type(error).__name__))
            return None
        self.tries.append(Try(reference, answer.status_code, answer.headers["content-type"]))
        return answer

    @asynccontextmanager
    async def posting(self, customers: int = 4) -> AsyncIterator[None]:
        """Let so many customers place order after order for as long as the block lasts, and end what they began.

        Some of them change, pay or cancel what they have just ordered.
        """
        closing = asyncio.Event()

        async def shop_until_closing() -> None:
            while not closing.is_set():
                wanted = self._draft()
                order_id = await self.place(wanted)
                if self._dice.random() < _CHANGE_THEIR_MIND:
                    await self._think_again(order_id, wanted)
                await asyncio.sleep(self._dice.uniform(0.1, 0.3))

        async with asyncio.TaskGroup() as group:
            for _ in range(customers):
                group.create_task(shop_until_closing())
            yield
            closing.set()

    def _draft(self) -> Json:
        return self.shop.draft(*(self._dice.randint(0, 2) for _ in self.shop.skus[1:]), 1)

    async def _think_again(self, order_id: UUID, wanted: Json) -> None:
        """Do one thing about an order of which nothing is picked yet."""
        fewer = [{"reference": line["reference"], "quantity": 1} for line in wanted["lines"]]
        changes: list[Json | None] = [NEW_CONTACT, NEW_ADDRESS, {"lines": fewer}]
        change = self._dice.choice([*changes, None, None])
        if change is not None:
            assert await self.change(order_id, change)
        elif self._dice.random() < 1 / 2:
            assert await self.cancel(order_id)
        else:
            await self.pay(order_id, "captured", PRICE * sum(line["quantity"] for line in wanted["lines"]))

    async def see_acknowledged(self, more: int) -> None:
        """Wait until so many more orders are acknowledged."""
        wanted = len(self.history()) + more

        async def are_there() -> bool:
            return len(self.history()) >= wanted

        await wait_until(are_there, deadline=_PATIENCE_SECONDS, what=f"{more} more orders acknowledged")

    async def go_on_for(self, seconds: float) -> None:
        """Wait for so long, and see orders acknowledged all the while."""
        ends = clock.monotonic() + seconds
        while clock.monotonic() < ends:
            await self.see_acknowledged(5)

    def history(self) -> list[tuple[str, str]]:
        """Read (reference, order id) of all orders that were acknowledged."""
        return self.told.placed()

    def answers(self) -> set[tuple[int, str]]:
        """Give (status, media type) of all answers, and (NO_ANSWER, error) where there was none."""
        return {(tried.status, tried.kind) for tried in self.tries}

    async def verify(self, *, scarce: bool = False) -> None:
        """Hold the suite, at rest, to its answers: each order once and reserved once, every invariant true.

        Each change, cancellation and payment that was acknowledged is in effect, once, and what floor, dock and care
        were answered is kept so. Where stock is `scarce`, units may wait for it.
        """
        self.outcome.enter(await self.judge(scarce=scarce))

    async def judge(self, *, scarce: bool = False) -> list[str]:
        """Let the suite come to rest, fill this test's line, and say what is wrong."""
        began = clock.monotonic()
        await self.shop.driver.rest()
        outcome, entries = self.outcome, self.told.entries()
        outcome.rested(began)
        outcome.acknowledged += len(entries) + len(self.answers_kept.entries())
        effects = await Effects.read(self._stack, entries)
        lost, doubled = effects.lost(entries), effects.doubled(entries)
        lost += await self.answers_kept.lost(self._stack)
        outcome.lost += len(lost)
        outcome.doubled += len(doubled)
        astray = await self._count_orders(scarce=scarce)
        keys = await self._keys()
        swapped = await out_of_order(self._stack, keys, but=self.shuffled, forgotten=self.topics_are_new)
        outcome.out_of_order += len(swapped)
        report = await check.run({service: self._stack.dsn(service, "readonly") for service in names.SERVICES})
        outcome.blame(report.findings)
        outcome.stuck += len(report.unsettled)
        return [*astray, *lost, *doubled, *swapped, *(str(finding) for finding in report.findings), *report.unsettled]

    async def _keys(self) -> list[str]:
        """Give the keys of what this shop has: its orders, reshipments among them, and its articles."""
        orders = await rows(self._stack, "orders", _ORDERS, f"{self.shop.tag}-%")
        return [*(row["id"] for row in orders), *self.shop.skus]

    async def _count_orders(self, *, scarce: bool) -> list[str]:
        """Count the orders that are lost, doubled or not held in full; say which."""
        outcome = self.outcome
        placed = await rows(self._stack, "orders", _PLACED, f"{self.shop.tag}-%")
        there, promised = Counter((row["reference"], row["id"]) for row in placed), Counter(self.history())
        lost, doubled = promised - there, there - promised
        held = {row["id"]: row["reserved"] + row["cancelled"] + scarce * row["backordered"] for row in placed}
        stuck = [row for row in placed if held[row["id"]] != row["quantity"]]
        outcome.lost += len(lost)
        outcome.doubled += len(doubled)
        outcome.stuck += len(stuck)
        return [
            *(f"{reference} was acknowledged, and is not there as {order}" for reference, order in lost),
            *(f"{reference} is there as {order}, which nobody saw acknowledged" for reference, order in doubled),
            *(f"{row['reference']} is held for {held[row['id']]} of {row['quantity']} units" for row in stuck),
        ]

    async def close(self) -> None:
        await self._client.aclose()


_WAYS = {
    Act.CHANGED: ("PATCH", "/v1/orders/{}"),
    Act.CANCELLED: ("POST", "/v1/orders/{}/cancellations"),
    Act.PAID: ("POST", "/v1/orders/{}/payments"),
}
_ORDERS = "select id::text as id from orders where reference like $1"
_PLACED = """
select o.reference, o.id::text as id, sum(l.quantity) as quantity, sum(l.reserved) as reserved,
  sum(l.cancelled + least(l.put_back_due, l.put_back)) as cancelled, sum(l.backordered) as backordered
from orders o join order_line l on l.order_id = o.id where o.reference like $1 and o.reship_of is null
group by o.id
"""
