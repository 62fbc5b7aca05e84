"""A state machine plays stock against a model in memory: whatever happens, no unit is lost, doubled or oversold."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from deploy.local.stack import LocalStack
from services.inventory.actions import reservations
from services.inventory.queries.reservations import Units, list_allocated
from shared import clock
from shared.events.orders import OrderCancelled, OrderPlaced
from tests.inventory.floor import Floor, Released
from tests.inventory.lab import Json, Lab, Line, cancel, hold_released, open_lab, order_placed

T = TypeVar("T")

PLACES = 2
COUNTS = st.integers(1, 5)


@dataclass
class Model:
    """What must be true: units that exist, and for each order what it asked for and has had cancelled or shipped."""

    on_hand: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, int] = field(default_factory=dict)
    wanted: dict[UUID, int] = field(default_factory=dict)
    shipped: dict[UUID, int] = field(default_factory=dict)

    @property
    def sellable(self) -> int:
        return sum(self.on_hand.values()) - sum(self.damaged.values())

    @property
    def open(self) -> int:
        return sum(self.wanted.values()) - sum(self.shipped.values())


class StockMachine(RuleBasedStateMachine):
    """Random acts of orders and staff on one SKU at two locations."""

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    lab: Lab
    floor: Floor

    @initialize()
    def start(self) -> None:
        self.model = Model()
        self.orders: dict[UUID, OrderPlaced] = {}
        self.unpaid: set[UUID] = set()
        self.lapsed: dict[UUID, int] = {}
        self.in_totes: list[tuple[OrderPlaced, str, int]] = []
        self.travelling: list[tuple[str, str, int]] = []
        self.sku = self.run(self.lab.sku())
        self.places = [self.run(self.lab.location()) for _ in range(PLACES)]
        for place in self.places:
            self._receive(place, 3)

    def _receive(self, place: str, count: int) -> None:
        self.run(self.lab.receive(self.sku, place, count))
        self.model.on_hand[place] = self.model.on_hand.get(place, 0) + count
        self.model.damaged.setdefault(place, 0)

    def _pick(self, data: st.DataObject, *, unpaid: bool | None = None) -> OrderPlaced | None:
        ids = [i for i in self.orders if i not in self.lapsed and (unpaid is None or (i in self.unpaid) == unpaid)]
        return self.orders[data.draw(st.sampled_from(ids))] if ids else None

    @rule(place=st.integers(0, PLACES - 1), count=COUNTS)
    def receive(self, place: int, count: int) -> None:
        self._receive(self.places[place], count)

    @rule(counts=st.lists(COUNTS, min_size=1, max_size=3), pin=st.sampled_from([None, 0]), soft=st.booleans())
    def place(self, counts: list[int], pin: int | None, soft: bool) -> None:
        soft_until = clock.now() + timedelta(hours=1) if soft else None
        pinned = None if pin is None else self.places[pin]
        orders = [order_placed(Line(self.sku, n, location=pinned), soft_until=soft_until) for n in counts]
        before = self._rows()
        self.run(self.lab.tell(*orders))
        self._leaves_safety_stock_alone(before)
        for order, count in zip(orders, counts, strict=True):
            self.orders[order.order_id] = order
            self.model.wanted[order.order_id] = count
            self.model.shipped[order.order_id] = 0
            if soft:
                self.unpaid.add(order.order_id)

    @rule(data=st.data(), count=COUNTS)
    def request_cancellation(self, data: st.DataObject, count: int) -> None:
        order = self._pick(data)
        if order is not None:
            self.run(self.lab.tell(cancel(order, (order.lines[0].line_id, count))))
            left = self.model.wanted[order.order_id] - self.model.shipped[order.order_id]
            self.model.wanted[order.order_id] -= min(count, left)

    @rule(data=st.data())
    def cancel_order(self, data: st.DataObject) -> None:
        order = self._pick(data)
        if order is not None:
            self.run(self.lab.tell(OrderCancelled(order_id=order.order_id, reason="staff")))
            self.model.wanted[order.order_id] = self.model.shipped[order.order_id]
            self.unpaid.discard(order.order_id)
            del self.orders[order.order_id]

    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        order = self._pick(data, unpaid=True)
        if order is not None:
            self.run(self.lab.tell(hold_released(order)))
            self.unpaid.discard(order.order_id)

    @rule(data=st.data(), reason=st.sampled_from(["ship", "not_found", "damaged"]))
    def work(self, data: st.DataObject, reason: str) -> None:
        """Hand over, or short, all that one order holds at one location."""
        order = self._pick(data, unpaid=False)
        units = self.run(self._allocated(order.order_id)) if order is not None else []
        if order is None or not units:
            return
        taken: Units = data.draw(st.sampled_from(units))
        self.run(self._work(taken, reason))
        if reason == "damaged":
            self.model.damaged[taken.location] += taken.quantity
        else:
            self.model.on_hand[taken.location] -= taken.quantity
        if reason == "ship":
            self.model.shipped[order.order_id] += taken.quantity

    async def _allocated(self, order_id: UUID) -> list[Units]:
        async with self.lab.database.transaction() as tx:
            return await list_allocated(tx, [order_id])

    async def _work(self, units: Units, reason: str) -> None:
        async with self.lab.database.transaction() as tx:
            if reason == "ship":
                await reservations.consume(tx, [units])
            else:
                await reservations.short(tx, units, reason, actor="picker:machine")

    @rule(place=st.integers(0, PLACES - 1), quantity=st.integers(-4, 4).filter(bool), damage=st.booleans())
    def adjust(self, place: int, quantity: int, damage: bool) -> None:
        code = self.places[place]
        line = {"sku": self.sku, "location": code, "quantity": quantity, "bucket": "damaged" if damage else "on_hand"}
        answer = self.run(self.lab.post("/staff/stock/adjust", {"lines": [line], "reason": "machine"}))
        on_hand, damaged = self.model.on_hand[code], self.model.damaged[code]
        after = (on_hand, damaged + quantity) if damage else (on_hand + quantity, damaged)
        possible = 0 <= after[1] <= after[0] - self._in_totes_at(code)
        assert answer.status_code == (200 if possible else 409), answer.text
        if possible:
            self.model.on_hand[code], self.model.damaged[code] = after

    @rule(place=st.integers(0, PLACES - 1), extra=st.integers(-3, 3))
    def count(self, place: int, extra: int) -> None:
        code = self.places[place]
        counted = self.model.on_hand[code] + extra
        if counted >= self.model.damaged[code] + self._in_totes_at(code):
            line = {"sku": self.sku, "location": code, "counted": counted}
            self.run(self.lab.do("/staff/stock/count", {"lines": [line]}))
            self.model.on_hand[code] = counted

    @precondition(lambda self: self.lab is not None)
    @rule()
    def rest(self) -> None:
        """At rest nobody waits for units that he may have."""
        before = self._rows()
        self.run(self.lab.run_jobs())
        self._leaves_safety_stock_alone(before)

    @rule()
    def let_payments_lapse(self) -> None:
        """Two hours later nothing is held any more for a payment that did not come."""
        clock.step_to(clock.now() + timedelta(hours=2))
        self.run(self.lab.run_jobs())
        for order_id in self.unpaid - self.lapsed.keys():
            self.lapsed[order_id] = self.model.wanted[order_id]
            self.model.wanted[order_id] = 0

    @precondition(lambda self: self.lapsed)
    @rule(data=st.data())
    def pay_late(self, data: st.DataObject) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.lapsed)))
        self.run(self.lab.tell(hold_released(self.orders[order_id])))
        self.model.wanted[order_id] = self.lapsed.pop(order_id)
        self.unpaid.discard(order_id)

    @rule(place=st.integers(0, PLACES - 1), units=st.integers(0, 4))
    def set_safety_stock(self, place: int, units: int) -> None:
        line = {"sku": self.sku, "location": self.places[place], "safety_stock": units}
        self.run(self.lab.do("/staff/stock/safety", {"lines": [line], "reason": "machine"}))

    def _rows(self) -> list[Json]:
        return [self.run(self.lab.stock(self.sku, place)) for place in self.places]

    def _leaves_safety_stock_alone(self, before: list[Json]) -> None:
        for old, new in zip(before, self._rows(), strict=True):
            if new["reserved"] > old["reserved"]:
                assert new["on_hand"] - new["damaged"] - new["reserved"] >= new["safety_stock"]

    @rule(source=st.integers(0, PLACES - 1), count=COUNTS)
    def transfer(self, source: int, count: int) -> None:
        """Only free units travel; until they are received they are nowhere."""
        here, there = self.places[source], self.places[1 - source]
        row = self.run(self.lab.stock(self.sku, here))
        body = {
            "source": here, "target": there, "expected_at": clock.now().isoformat(),
            "lines": [{"sku": self.sku, "quantity": count}],
        }  # fmt: skip
        answer = self.run(self.lab.post("/staff/stock/transfer", body))
        possible = row["on_hand"] - row["damaged"] - row["reserved"] >= count
        assert answer.status_code == (201 if possible else 409), answer.text
        if possible:
            self.model.on_hand[here] -= count
            self.travelling.append((answer.json()["id"], there, count))

    @precondition(lambda self: self.travelling)
    @rule()
    def receive_transfer(self) -> None:
        inbound_id, there, count = self.travelling.pop()
        self.run(self.lab.receive(self.sku, there, count, inbound_id=inbound_id))
        self.model.on_hand[there] += count

    @rule(place=st.integers(0, PLACES - 1), count=COUNTS)
    def cancel_in_the_tote(self, place: int, count: int) -> None:
        """What was picked before its cancellation stays reserved until it is put back."""
        code = self.places[place]
        order = order_placed(Line(self.sku, count, location=code))
        self.run(self.lab.tell(order))
        self.model.wanted[order.order_id], self.model.shipped[order.order_id] = count, 0
        if self.run(self.lab.reservations(order)) != [("allocated", code, count)]:
            self.orders[order.order_id] = order
            return
        self.run(self._pick_and_cancel(order, code))
        self.in_totes.append((order, code, count))

    async def _pick_and_cancel(self, order: OrderPlaced, code: str) -> None:
        await self.lab.tell(await self.floor.released_fact(Released(order)))
        await self.floor.pick_all(code)
        await self.lab.tell(cancel(order))

    def _in_totes_at(self, code: str) -> int:
        return sum(count for _, place, count in self.in_totes if place == code)

    @precondition(lambda self: self.in_totes)
    @rule()
    def put_back(self) -> None:
        order, _, count = self.in_totes.pop()
        (fulfilment,) = self.run(self.floor.work(Released(order)))["fulfilments"]
        scan = {"barcode": self.sku, "quantity": count}
        self.run(self.floor.do(f"/staff/fulfilments/{fulfilment['id']}/put-backs", scan))
        self.model.wanted[order.order_id] = 0

    @invariant()
    def nothing_is_lost_doubled_or_oversold(self) -> None:
        self.run(self.lab.check_books([self.sku]))
        reserved = 0
        for place in self.places:
            row = self.run(self.lab.stock(self.sku, place))
            assert (row["on_hand"], row["damaged"]) == (self.model.on_hand[place], self.model.damaged[place])
            reserved += row["reserved"]
        totals = self.run(self._totals())
        for order_id, wanted in self.model.wanted.items():
            live = totals.get((order_id, "live"), 0)
            assert totals.get((order_id, "consumed"), 0) == self.model.shipped[order_id]
            assert live == wanted - self.model.shipped[order_id], "an order's units add up"
        assert reserved <= self.model.sellable

    async def _totals(self) -> dict[tuple[UUID, str], int]:
        async with self.lab.database.transaction() as tx:
            rows = await tx.fetch(
                "select order_id, case when state in ('released', 'expired', 'consumed') then state else 'live' end "
                "as state, sum(quantity)::int as quantity from reservation where sku = $1 group by 1, 2",
                self.sku,
            )
        return {(row["order_id"], row["state"]): row["quantity"] for row in rows}


def test_stock_agrees_with_a_model_in_memory(prepared: LocalStack, tmp_path: Path) -> None:
    clock.use_stepped_file(tmp_path / "clock", environment="local")
    clock.step_to(clock.real())
    with asyncio.Runner() as runner:
        opened = open_lab(prepared)
        lab = runner.run(opened.__aenter__())
        parts = {"lab": lab, "floor": Floor(lab, prepared), "run": staticmethod(runner.run)}
        machine = type("Machine", (StockMachine,), parts)
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=15,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    database=None,
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
