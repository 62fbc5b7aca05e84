"""One run of the demonstration: a day's work tick by tick, until every order has ended or a case is open for it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from uuid import UUID

from cli.bots.agent import AgentBot
from cli.bots.carrier import CarrierBot
from cli.bots.door import Door, chance, key_of
from cli.bots.returns import ReturnsBot
from cli.bots.storefront import OrderView, StorefrontBot
from cli.bots.warehouse import Fulfilment, FulfilmentLine, Parcel, Read, Task, WarehouseBot
from cli.demo import catalogue
from cli.demo.plan import Choice, Mishap
from cli.demo.report import is_ended
from deploy.local.driver import Driver
from shared import clock
from shared.jobs import in_parallel

TICK = timedelta(hours=1)  # while orders come in
STEP = timedelta(hours=2)
GRID = timedelta(hours=1)
# Once all orders are in, parcels travel and clocks run out: a coarser grid loses nothing anybody waits for.
LATER_STEP = timedelta(hours=12)
LATER_GRID = timedelta(hours=6)
PATIENCE = timedelta(days=21)  # until then orders with an open case may still end by themselves
HORIZON = timedelta(days=32)
_SHIFT = (time(8), time(13, 30))  # UTC, when the warehouses work once all orders are in
_DISPATCH = frozenset({time(11), time(13, 30), time(14), time(15, 30)})  # UTC, before both warehouses' trucks
_OPENING, _CLOSING = time(7), time(15, 30)
_NOT_FOUND_SHARE = 0.02
_SHELF_DAMAGE_SHARE = 0.008
_BENCH_DAMAGE_SHARE = 0.008


class Inbound(Read):
    """A purchase on its way."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Luck:
    """What goes wrong in the warehouse, by order and article alone."""

    seed: str
    reference_of: Callable[[UUID], str]
    short: frozenset[str]
    """References of the orders that are short at the shelf by plan."""

    def at_shelf(self, task: Task) -> tuple[int, str]:
        """Give (units that cannot be picked, reason); an article is missed once per order at most."""
        reference = self.reference_of(task.order_id)
        draw = chance(self.seed, reference, task.sku, "shelf")
        if task.sku in catalogue.SCARCE:
            return 0, ""
        if reference in self.short:
            return 1, "not_found"
        if draw < _SHELF_DAMAGE_SHARE:
            return 1, "damaged"
        return (1, "not_found") if draw < _SHELF_DAMAGE_SHARE + _NOT_FOUND_SHARE else (0, "")

    def at_bench(self, fulfilment: Fulfilment, line: FulfilmentLine) -> int:
        """Give the units found damaged while packing."""
        if line.sku in catalogue.SCARCE:
            return 0
        draw = chance(self.seed, self.reference_of(fulfilment.order_id), line.sku, "bench")
        return 1 if draw < _BENCH_DAMAGE_SHARE else 0


class OncePerLine:
    """A mishap befalls an order's article once, so that the replacement can be picked."""

    def __init__(self, luck: Luck) -> None:
        self._luck = luck
        self._done: set[tuple[UUID, str]] = set()

    def at_shelf(self, task: Task) -> tuple[int, str]:
        """As the luck has it, the first time."""
        return self._luck.at_shelf(task) if self._first(task.order_id, task.sku + " shelf") else (0, "")

    def at_bench(self, fulfilment: Fulfilment, line: FulfilmentLine) -> int:
        """As the luck has it, the first time something lies on the bench."""
        if not line.picked or not self._first(fulfilment.order_id, line.sku + " bench"):
            return 0
        return self._luck.at_bench(fulfilment, line)

    def _first(self, order_id: UUID, what: str) -> bool:
        if (order_id, what) in self._done:
            return False
        self._done.add((order_id, what))
        return True


@dataclass(slots=True)
class Demo:
    """The bots, the clock's driver and what is still to come."""

    driver: Driver
    choices: list[Choice]
    storefront: StorefrontBot
    warehouses: list[WarehouseBot]
    carrier: CarrierBot
    returns: ReturnsBot
    agent: AgentBot
    stock: Door
    begin: datetime
    show: Callable[["Demo"], None]
    mishaps: dict[str, Mishap]
    orders: dict[str, OrderView] = field(default_factory=dict)
    references: dict[UUID, str] = field(default_factory=dict)
    on_dock: dict[UUID, tuple[WarehouseBot, Parcel]] = field(default_factory=dict)
    inbounds: list[tuple[datetime, UUID, dict[str, object]]] = field(default_factory=list)
    paid: set[UUID] = field(default_factory=set)
    cancelled: set[UUID] = field(default_factory=set)
    settled: int = 0

    async def run(self) -> None:
        """Work until every order has ended or has an open case; raises RestlessError."""
        while clock.now() < self.begin + HORIZON:
            await self._tick()
            self.show(self)
            if await self._is_over():
                return
            await self._pass_time()

    async def _pass_time(self) -> None:
        """Step to the next moment people do something."""
        everything_is_in = len(self.orders) == len(self.choices)
        self.driver.grid = LATER_GRID if everything_is_in else GRID
        await self.driver.run_until(self._next_tick(), LATER_STEP if everything_is_in else STEP)

    def _next_tick(self) -> datetime:
        """Give the next moment people do something: often while orders come in, twice a day afterwards."""
        now = clock.now()
        if len(self.orders) < len(self.choices):
            soon = min(now + TICK, _at(now, _CLOSING)) if now.time() < _CLOSING else now + TICK
            return soon if soon.time() <= _CLOSING else _at(now + timedelta(days=1), _OPENING)
        later = [_at(now, hour) for hour in _SHIFT if _at(now, hour) > now]
        return later[0] if later else _at(now + timedelta(days=1), _SHIFT[0])

    def _is_working(self) -> bool:
        return clock.now().weekday() < 5  # noqa: PLR2004 - Monday to Friday

    async def _tick(self) -> None:
        await self._place(choice for choice in self.choices if choice.placed_at <= clock.now())
        await self._customers_act()
        await self._receive_inbounds()
        if self._is_working():
            await self._work_in_warehouses()
        await self.agent.work()
        await self.driver.rest()
        await self.storefront.confirm_refunds()
        await self.driver.rest()

    async def _place(self, due: Iterable[Choice]) -> None:
        fresh = [choice for choice in due if choice.reference not in self.orders]
        if not fresh:
            return
        # Scarce articles are ordered one after another, so that who gets them is the same in every run.
        await in_parallel(self._place_one(choice) for choice in fresh if not choice.scarce)
        await self.driver.rest()
        for choice in fresh:
            if choice.scarce:
                await self._place_one(choice)
                await self.driver.rest()

    async def _place_one(self, choice: Choice) -> None:
        order = await self.storefront.place(choice.body)
        self.orders[choice.reference] = order
        self.references[order.id] = choice.reference
        if self.mishaps.get(choice.reference) is Mishap.LATE:
            self.agent.wishes[order.id] = "shipping_refund"

    async def _customers_act(self) -> None:
        now = clock.now()
        for choice in self.choices:
            order = self.orders.get(choice.reference)
            if order is None:
                continue
            if choice.pays_at is not None and choice.pays_at <= now and order.id not in self.paid:
                self.paid.add(order.id)
                await self.storefront.report_payment(order.id, "authorized", choice.total)
            if choice.cancels_at is not None and choice.cancels_at <= now and order.id not in self.cancelled:
                self.cancelled.add(order.id)
                await self.storefront.cancel(order.id)
        await self.driver.rest()

    async def _receive_inbounds(self) -> None:
        for expected, inbound_id, lines in [entry for entry in self.inbounds if entry[0] <= clock.now()]:
            await self.stock.act("/staff/stock/receive", lines, key=key_of("receive", inbound_id))
            self.inbounds.remove((expected, inbound_id, lines))
            await self.driver.rest()

    async def _work_in_warehouses(self) -> None:
        await self.returns.receive()
        await asyncio.gather(*(self._pick(warehouse) for warehouse in self.warehouses))
        await self.driver.rest()
        await asyncio.gather(*(self._pack(warehouse) for warehouse in self.warehouses))
        await in_parallel(self._label(parcel_id) for parcel_id in self.on_dock)
        if clock.now().time() in _DISPATCH:
            await self._hand_over()
            await self.driver.rest()

    async def _pick(self, warehouse: WarehouseBot) -> None:
        await warehouse.put_back_all()
        await warehouse.pick_all()

    async def _pack(self, warehouse: WarehouseBot) -> None:
        for parcel in await warehouse.pack_all():
            self.on_dock[parcel.id] = (warehouse, parcel)

    async def _label(self, parcel_id: UUID) -> None:
        warehouse, parcel = self.on_dock[parcel_id]
        if parcel.label.state != "live":
            self.on_dock[parcel_id] = (warehouse, await warehouse.label(parcel))

    async def _hand_over(self) -> None:
        for warehouse in self.warehouses:
            waiting = sorted((p for w, p in self.on_dock.values() if w is warehouse), key=lambda parcel: parcel.id)
            left = await warehouse.hand_over(waiting, clock.now())
            await self.carrier.collect([parcel.tracking_number for parcel in left], clock.now())
            for parcel in left:
                self.on_dock.pop(parcel.parcel_id, None)
            totals = {
                self.orders[choice.reference].id: choice.total
                for choice in self.choices
                if choice.reference in self.orders
            }
            shipped = {parcel.order_id for parcel in left} & totals.keys()
            await self.storefront.capture((order_id, totals[order_id]) for order_id in sorted(shipped))

    async def _is_over(self) -> bool:
        if len(self.orders) < len(self.choices):
            return False
        orders = await self.storefront.follow()
        unfinished = {order.id for order in orders if not is_ended(order)}
        self.settled = len(orders) - len(unfinished)
        if unfinished and clock.now() < self.begin + PATIENCE:
            return False
        cases = await self.agent.active_cases()
        return unfinished <= {case.order_id for case in cases} and not self.agent.has_work(cases)


def _at(day: datetime, hour: time) -> datetime:
    return datetime.combine(day.date(), hour, tzinfo=day.tzinfo)
