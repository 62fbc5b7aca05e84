"""The replay itself: slot by slot, purchases, payments, cancellations, packing and hand-overs as the data tell them."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from cli.bots.door import Door, Refused, key_of
from cli.bots.storefront import OrderView, StorefrontBot
from cli.olist import wire
from cli.olist.dock import Dock
from cli.olist.facts import Deed, Fact, Facts, facts_of
from cli.olist.plan import Plan
from cli.olist.slots import Slots
from cli.olist.wire import Pair
from deploy.local.driver import Driver
from shared import clock
from shared.jobs import in_parallel

Stock = Literal["just-enough", "ample"]
_UNPROCESSABLE = 422
_AWAITS: Mapping[Deed, frozenset[Deed]] = {
    Deed.PURCHASE: frozenset(),
    Deed.APPROVE: frozenset(),
    Deed.CANCEL: frozenset(),
    Deed.PACK: frozenset({Deed.PURCHASE, Deed.APPROVE}),
    Deed.HAND_OVER: frozenset({Deed.PURCHASE, Deed.APPROVE, Deed.PACK}),
}
"""What the suite must have taken in before a deed can be done."""

_REASON = "the replay of recorded orders only observes"


@dataclass(slots=True)
class Timing:
    """Where the wall time went, in seconds."""

    started: float = field(default_factory=clock.monotonic)
    resting: float = 0.0
    acting: dict[str, float] = field(default_factory=dict)

    def spend(self, what: str, since: float) -> None:
        """Count the time from `since` until now."""
        self.acting[what] = self.acting.get(what, 0.0) + clock.monotonic() - since


@dataclass(slots=True)
class Replay:
    """The plans, whoever acts on them, and what has come of them so far."""

    plans: dict[str, Plan]
    slots: Slots
    stock_mode: Stock
    driver: Driver
    storefront: StorefrontBot
    inventory: Door
    dock: Dock
    show: Callable[["Replay"], None] = lambda _: None
    orders: dict[str, OrderView] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    received: Counter[Pair] = field(default_factory=Counter)
    steps: int = 0
    shipped: int = 0
    timing: Timing = field(default_factory=Timing)
    _free: Counter[Pair] = field(default_factory=Counter)
    _facts: Facts = field(default_factory=lambda: Facts([]))

    async def run(self) -> None:
        """Do every fact of the data, slot by slot; raises RestlessError and Stuck."""
        lead = self.slots.step
        self._facts = Facts(fact for plan in self.plans.values() for fact in facts_of(plan, lead))
        if self.stock_mode == "ample":
            everything = sum((wire.units_by_pair(plan.lines) for plan in self.plans.values()), Counter())
            await self._receive(Counter({pair: 2 * units for pair, units in everything.items()}), "ample")
        while self._facts.next_at is not None:
            await self.step(self._facts.next_at)
            await self._act(self._facts.take(clock.now()))
            self.show(self)
        await self.rest()

    async def step(self, until: datetime) -> datetime | None:
        """Rest, then move to the end of the slot of whatever is due first; give the next due time it saw."""
        due = await self.rest()
        target = self.slots.next_end(clock.now(), due, until)
        if target is not None:
            clock.step_to(target)
            self.steps += 1
        return due

    async def rest(self) -> datetime | None:
        """Wait until nothing is left to do now."""
        since = clock.monotonic()
        due = await self.driver.rest()
        self.timing.resting += clock.monotonic() - since
        return due

    @property
    def last_fact_at(self) -> datetime:
        """When the last thing the data tell happens, deliveries and losses included."""
        ends = [plan.ends_at for plan in self.plans.values() if plan.ends_at is not None]
        promises = [plan.promise_end for plan in self.plans.values()]
        return max([*ends, *promises, self._facts.last_at])

    async def _act(self, facts: list[Fact]) -> None:
        """Do a slot's facts, order by order; what needs an earlier one of the slot waits until that is taken in."""
        await self._stock_up([self.plans[fact.reference] for fact in facts if fact.deed is Deed.PURCHASE])
        chains: dict[str, list[Deed]] = {}
        for fact in facts:
            chains.setdefault(fact.reference, []).append(fact.deed)
        since = clock.monotonic()
        while True:
            await in_parallel(self._follow(self.plans[reference], chain) for reference, chain in chains.items())
            chains = {reference: chain for reference, chain in chains.items() if chain}
            if not chains:
                self.timing.spend("act", since)
                return
            await self.rest()

    async def _follow(self, plan: Plan, chain: list[Deed]) -> None:
        """Do an order's deeds one after another, up to the first that the suite is not ready for."""
        done: set[Deed] = set()
        while chain and not (done & _AWAITS[chain[0]]):
            deed = chain.pop(0)
            done.add(deed)
            await self._do(deed, plan)

    async def _do(self, deed: Deed, plan: Plan) -> None:
        order = self.orders.get(plan.reference)
        if deed is Deed.PURCHASE:
            await self._place(plan)
        elif order is not None:
            await self._deeds[deed](plan, order.id)

    @property
    def _deeds(self) -> Mapping[Deed, Callable[[Plan, UUID], Awaitable[None]]]:
        return {
            Deed.APPROVE: self._approve,
            Deed.CANCEL: self._cancel,
            Deed.PACK: self._pack,
            Deed.HAND_OVER: self._hand_over,
        }

    async def _stock_up(self, plans: list[Plan]) -> None:
        """Receive what these orders lack, if stock is to be just enough."""
        if self.stock_mode == "just-enough" and plans:
            wanted = sum((wire.units_by_pair(plan.lines) for plan in plans), Counter[Pair]())
            lacking = wanted - self._free
            self._free -= wanted
            await self._receive(lacking, plans[0].reference)

    async def _place(self, plan: Plan) -> None:
        try:
            self.orders[plan.reference] = await self.storefront.place(wire.order_body(plan))
        except Refused as refused:
            if refused.status != _UNPROCESSABLE:
                raise
            self.refused[plan.reference] = refused

    async def _approve(self, plan: Plan, order_id: UUID) -> None:
        await self.storefront.report_payment(order_id, "authorized", plan.total)

    async def _cancel(self, plan: Plan, order_id: UUID) -> None:
        await self.storefront.cancel(order_id)
        self._free += wire.units_by_pair(plan.lines)

    async def _pack(self, plan: Plan, order_id: UUID) -> None:
        await self.dock.pick_and_pack(order_id, plan.sellers)

    async def _hand_over(self, plan: Plan, order_id: UUID) -> None:
        if plan.handed_over_at is not None:
            await self.dock.hand_over(order_id, plan.handed_over_at)
            self.shipped += 1

    async def _receive(self, wanted: Counter[Pair], reference: str) -> None:
        since = clock.monotonic()
        for number, lines in enumerate(wire.in_chunks(wire.receipt_lines(wanted), 250)):
            body = {"lines": lines, "reference": f"olist {reference[:8]}"}
            await self.inventory.act("/staff/stock/receive", body, key=key_of("receive", reference, number))
            for line in lines:
                self.received[str(line["sku"]), str(line["location"])] += int(str(line["quantity"]))
        self.timing.spend("receive", since)


async def hold_care(care: Door) -> None:
    """Let a suite that somebody else started hold what care would do by itself, until they resume it."""
    for kind in ("automatic_remedies", "messages"):
        body = {"kind": kind, "scope": "*", "reason": _REASON}
        await care.act("/staff/pauses", body, key=key_of("pause", kind))


async def prepare(replay: Replay, simulator: Door) -> None:
    """Load goods, sellers and journeys."""
    sellers = sorted({seller for plan in replay.plans.values() for seller in plan.sellers})
    skus = [wire.sku_body(product) for product in replay.dock.products.values()]
    for number, chunk in enumerate(wire.in_chunks(skus, 250)):
        await replay.inventory.act("/staff/skus", {"skus": chunk}, key=key_of("skus", number))
    for number, chunk in enumerate(wire.in_chunks([wire.location_body(seller) for seller in sellers], 250)):
        await replay.inventory.act("/staff/locations", {"locations": chunk}, key=key_of("locations", number))
    scripts = [script for plan in replay.plans.values() if (script := wire.script_of(plan)) is not None]
    for number, chunk in enumerate(wire.in_chunks(scripts, 500)):
        await simulator.act("/simulator/journeys", chunk, key=key_of("journeys", number))
    await replay.rest()
