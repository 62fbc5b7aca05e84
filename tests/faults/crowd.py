"""Customers who post orders all at once and never give up, and what holds the suite to the answers it gave them."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx

from cli import check
from cli.bots.door import key_of
from deploy.local import names
from deploy.local.stack import LocalStack
from shared import clock, db
from tests.faults.ledger import Outcome
from tests.journeys.shop import Json, Shop
from tests.waiting import wait_until

_CREATED = 201
_REFUSED = 400
_SERVER_ERROR = 500
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
    """The customers of one shop; every order they saw acknowledged is a line of the history file."""

    def __init__(self, shop: Shop, stack: LocalStack, history: Path, dice: random.Random, outcome: Outcome) -> None:
        self.shop = shop
        self.outcome = outcome
        self.tries: list[Try] = []
        self._stack = stack
        self._history = history
        self._dice = dice
        self._drafts: dict[str, Json] = {}
        self._client = httpx.AsyncClient(
            base_url=stack.urls["orders"],
            timeout=_REQUEST_SECONDS,
            trust_env=False,
            headers={"Authorization": f"Bearer {shop.storefront.door.credential()}"},
        )

    async def fill_shelves(self) -> None:
        """Have more of every article than all customers can want."""
        for sku in range(len(self.shop.skus)):
            await self.shop.receive(self.shop.north, _PLENTY, sku=sku)

    async def place(self, body: Json | None = None) -> UUID:
        """Place one order, again under the same key until it is acknowledged; give its id."""
        wanted = body or self.shop.draft(*(self._dice.randint(0, 2) for _ in self.shop.skus[1:]), 1)
        self._drafts[str(wanted["reference"])] = wanted
        ends = clock.monotonic() + _PATIENCE_SECONDS
        while True:
            answer = await self._try(wanted)
            if answer is not None and answer.status_code == _CREATED:
                order_id = UUID(answer.json()["id"])
                self._acknowledged(str(wanted["reference"]), str(order_id))
                return order_id
            assert clock.monotonic() < ends, f"{wanted['reference']} is not accepted: {self.tries[-1]}"
            await asyncio.sleep(self._dice.uniform(0.05, 0.15))

    async def post_again(self, lost: Sequence[tuple[str, str]]) -> list[str]:
        """Post orders that were acknowledged and are gone, as they were; what was answered then counts no more."""
        gone = set(lost)
        kept = [entry for entry in self.history() if entry not in gone]
        self._history.write_text("".join(json.dumps({"reference": r, "id": i}) + "\n" for r, i in kept))
        for reference, _ in lost:
            await self.place(self._drafts[reference])
        return [reference for reference, _ in lost if reference in dict(self.history())]

    async def change(self, order_id: UUID, body: Json) -> bool:
        """Amend an order, again under the same key until there is an answer; say whether it was not too late."""
        key = {"Idempotency-Key": key_of("change", order_id)}

        async def answered() -> int:
            with contextlib.suppress(httpx.HTTPError):
                answer = await self._client.patch(f"/v1/orders/{order_id}", json=body, headers=key)
                return 0 if answer.status_code >= _SERVER_ERROR else answer.status_code
            return 0

        status = await wait_until(answered, deadline=_PATIENCE_SECONDS, what=f"{order_id} is amended")
        self.outcome.acknowledged += 1
        return status < _REFUSED

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
        """Let so many customers place order after order for as long as the block lasts, and end what they began."""
        closing = asyncio.Event()

        async def shop_until_closing() -> None:
            while not closing.is_set():
                await self.place()
                await asyncio.sleep(self._dice.uniform(0.1, 0.3))

        async with asyncio.TaskGroup() as group:
            for _ in range(customers):
                group.create_task(shop_until_closing())
            yield
            closing.set()

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
        """Read (reference, order id) of all that was acknowledged."""
        if not self._history.exists():
            return []
        return [(entry["reference"], entry["id"]) for entry in map(json.loads, self._history.read_text().splitlines())]

    def _acknowledged(self, reference: str, order_id: str) -> None:
        with self._history.open("a") as history:
            history.write(json.dumps({"reference": reference, "id": order_id}) + "\n")

    def answers(self) -> set[tuple[int, str]]:
        """Give (status, media type) of all answers, and (NO_ANSWER, error) where there was none."""
        return {(tried.status, tried.kind) for tried in self.tries}

    async def verify(self, *, scarce: bool = False) -> None:
        """Hold the suite, at rest, to its answers: each order once and reserved once, every invariant true.

        Where stock is `scarce`, units may wait for it.
        """
        began = clock.monotonic()
        await self.shop.driver.rest()
        outcome = self.outcome
        outcome.seconds = clock.monotonic() - began
        placed = await rows(self._stack, "orders", _PLACED, f"{self.shop.tag}-%")
        there, promised = Counter((row["reference"], row["id"]) for row in placed), Counter(self.history())
        outcome.acknowledged += len(self.history())
        outcome.lost += len(promised - there)
        outcome.doubled += len(there - promised)
        held = {row["id"]: row["reserved"] + row["cancelled"] + scarce * row["backordered"] for row in placed}
        outcome.stuck += sum(held[row["id"]] != row["quantity"] for row in placed)
        report = await check.run({service: self._stack.dsn(service, "readonly") for service in names.SERVICES})
        outcome.blame(report.findings)
        outcome.stuck += len(report.unsettled)
        outcome.enter([str(finding) for finding in report.findings] + report.unsettled)

    async def close(self) -> None:
        await self._client.aclose()


_PLACED = """
select o.reference, o.id::text as id, sum(l.quantity) as quantity, sum(l.reserved) as reserved,
  sum(l.cancelled) as cancelled, sum(l.backordered) as backordered
from orders o join order_line l on l.order_id = o.id where o.reference like $1 and o.reship_of is null
group by o.id
"""


async def rows(stack: LocalStack, service: str, sql: str, *values: object) -> list[asyncpg.Record]:
    """Read from a service's database."""
    connection = await db.connect(stack.dsn(service, "readonly"), application="fault tests")
    try:
        return list(await connection.fetch(sql, *values))
    finally:
        await connection.close()


async def dropped(stack: LocalStack, service: str) -> int:
    """Ask a worker how many events it has dropped, since it started, because it had seen them."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{stack.urls[names.worker_of(service)]}/metrics")
    start = f'doorstep_events_dropped_total{{service="{service}"}} '
    found = [line for line in answer.text.splitlines() if line.startswith(start)]
    return int(float(found[0].removeprefix(start))) if found else 0


async def see_dead(stack: LocalStack, name: str) -> int:
    """Wait until a process has ended by itself or by our hand; give its exit code."""

    async def is_dead() -> bool:
        return not stack.processes[name].is_running

    await wait_until(is_dead, what=f"{name} dies")
    return stack.processes[name].return_code or 0


async def see_stalled(stack: LocalStack, name: str) -> None:
    """Wait until a worker that was alive answers no more."""

    async def is_silent() -> bool:
        return not await stack.is_ready(name)

    await wait_until(is_silent, what=f"{name} stalls")
