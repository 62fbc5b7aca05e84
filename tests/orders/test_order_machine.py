"""A machine plays orders against a model in memory: what may be done is done, all else is 409 and changes nothing."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.orders.states import ORDER, OrderState
from shared.auth import Role
from shared.events.orders import CancellationRequested
from tests.fuzz.budget import examples
from tests.orders import neighbours
from tests.orders.neighbours import Parcel
from tests.orders.rig import Json, Placed, Shop

REASONS = ("fraud", "manual", "customer_request")
STEPS = st.integers(0, 4)
CREATED, ACCEPTED, OK = httpx.codes.CREATED, httpx.codes.ACCEPTED, httpx.codes.OK
CONFLICT, NOT_FOUND = httpx.codes.CONFLICT, httpx.codes.NOT_FOUND


@dataclass
class Model:
    """What must be true of one order, all of whose units go the same way."""

    order: Placed
    parcel: Parcel
    state: OrderState = OrderState.PLACED
    holds: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    asked: bool = False

    @property
    def ended(self) -> bool:
        return ORDER.is_terminal(self.state)

    def move(self, state: OrderState) -> None:
        """Go on, by the table; what has ended holds nothing."""
        if self.state != state:
            ORDER.check(self.state, state)
        self.state = state
        self.holds = set() if self.ended else self.holds

    def settle(self) -> None:
        """Release what nothing holds back."""
        if "reserved" in self.told and not (self.ended or self.holds or self.asked):
            self.told.add("released")
            self.move(OrderState.OPEN)


class OrderMachine(RuleBasedStateMachine):
    """Random acts of a storefront, support, the warehouse and the carrier on a few orders."""

    run: Callable[[Coroutine[Any, Any, Any]], Any]
    shop: Shop

    @initialize(so_far=st.lists(STEPS, min_size=1, max_size=3))
    def begin(self, so_far: list[int]) -> None:
        self.orders: list[Model] = []
        for steps in so_far:
            self.place(paid=True, so_far=steps)

    @rule(paid=st.booleans(), so_far=STEPS)
    def place(self, paid: bool, so_far: int) -> None:
        order = self.run(self.shop.place(payment={"status": "authorized" if paid else "pending"}))
        model = Model(order, Parcel(order), holds=set() if paid else {"payment"})
        self.orders.append(model)
        for _ in range(so_far):
            self._go_on(model)

    def _act(self, model: Model, act: Coroutine[Any, Any, httpx.Response], good: int, *, refused: int | None) -> bool:
        """Act; what the model refuses must be refused, and leave the order as it was."""
        before = self.run(model.order.now())
        answer = self.run(act)
        assert answer.status_code == (refused or good), (model, answer.text)
        assert refused is None or self.run(model.order.now()) == before, "a refused act has changed the order"
        return refused is None

    def _staff(self, model: Model, path: str, body: Json) -> Coroutine[Any, Any, httpx.Response]:
        return self.shop.rig.staff("POST", f"/staff/orders/{model.order.id}{path}", body, Role.SUPPORT)

    def _pick(self, data: st.DataObject) -> Model:
        return data.draw(st.sampled_from(self.orders))

    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        model = self._pick(data)
        self._act(model, model.order.do("/payments", {"type": "authorized"}), OK, refused=None)
        model.holds.discard("payment")
        model.settle()

    @rule(data=st.data(), phone=st.integers(1000, 9999))
    def change(self, data: st.DataObject, phone: int) -> None:
        model = self._pick(data)
        late = model.ended or "picked" in model.told
        body = {"contact": {"phone": f"+49 40 {phone}"}}
        self._act(model, model.order.do("", body, method="PATCH"), OK, refused=CONFLICT if late else None)

    @rule(data=st.data(), reason=st.sampled_from(REASONS))
    def hold(self, data: st.DataObject, reason: str) -> None:
        model = self._pick(data)
        refused = CONFLICT if model.ended or reason in model.holds else None
        if self._act(model, self._staff(model, "/holds", {"reason": reason}), CREATED, refused=refused):
            model.holds.add(reason)

    @rule(data=st.data())
    def let_go(self, data: st.DataObject) -> None:
        model = next((one for one in self.orders if one.holds), self.orders[0])
        reason = data.draw(st.sampled_from([*sorted(model.holds), REASONS[0]]))
        open_now = {one["reason"]: one["id"] for one in self.run(model.order.now())["holds"]}
        act = self._staff(model, f"/holds/{open_now.get(reason, model.order.id)}/release", {"note": "go on"})
        if self._act(model, act, OK, refused=None if reason in model.holds else NOT_FOUND):
            model.holds.discard(reason)
            model.settle()

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        model = self._pick(data)
        refused = CONFLICT if model.ended or model.asked else None
        if self._act(model, model.order.do("/cancellations", {}), ACCEPTED, refused=refused):
            model.asked = True

    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        model = self._pick(data)
        refused = CONFLICT if model.ended or "released" in model.told else None
        if self._act(model, self._staff(model, "/reject", {"reason": "fraud"}), OK, refused=refused):
            model.move(OrderState.REJECTED)
            model.asked = True

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """The warehouse says what became of a request: cancelled, back on the shelf, or too late."""
        model = self._pick(data)
        if not model.asked:
            return
        gone, picked = "shipped" in model.told, "picked" in model.told
        outcome = "refused_shipped" if gone else "put_back_pending" if picked else "cancelled"
        self.run(neighbours.answer_last(model.order, outcome, outcome))
        if picked and not gone:
            asked = self.run(model.order.told(CancellationRequested))[-1]["cancellation_id"]
            self.run(self.shop.rig.hear(neighbours.put_back(model.order, model.parcel.fulfilment_id, asked)))
        model.asked = False
        if not gone and not model.ended:
            model.move(OrderState.CANCELLED)
        model.settle()

    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        self._go_on(self._pick(data))

    def _go_on(self, model: Model) -> None:
        """Let the next thing happen in the house, or on the way."""
        order, parcel, hear = model.order, model.parcel, self.shop.rig.hear
        if model.ended:
            return
        if "reserved" not in model.told:
            self.run(hear(neighbours.reserved(order)))
            model.told.add("reserved")
            model.settle()
        elif "released" in model.told and "picked" not in model.told:
            begun = parcel.fulfilment_id
            picked = neighbours.pick_started(order, begun), neighbours.picked(order, begun)
            self.run(hear(neighbours.planned(order, begun), *picked))
            model.told.add("picked")
        elif "picked" in model.told and "shipped" not in model.told and not (model.asked or model.holds):
            self.run(self._ship(model))
            model.told.add("shipped")
        elif "shipped" in model.told:
            self.run(parcel.deliver())
            model.move(OrderState.COMPLETED)

    async def _ship(self, model: Model) -> None:
        order, parcel = model.order, model.parcel
        await self.shop.rig.hear(
            neighbours.packed(order, parcel.fulfilment_id, parcel.parcel_id),
            neighbours.booked(order, parcel.shipment_id, parcel.parcel_id, parcel.tracking),
            neighbours.handed_over(order, parcel.fulfilment_id, parcel.parcel_id, parcel.tracking),
        )

    @invariant()
    def every_order_is_as_the_model_says(self) -> None:
        for model in self.orders:
            shown = self.run(model.order.now())
            assert shown["status"] == model.state, model
            assert {one["reason"] for one in shown["holds"]} == model.holds, model
            assert ("order_released" in self.run(self.shop.rig.facts(model.order.id))) == ("released" in model.told)


async def test_orders_agree_with_a_model_in_memory(shop: Shop) -> None:
    loop = asyncio.get_running_loop()

    def run(act: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - what the act gives
        return asyncio.run_coroutine_threadsafe(act, loop).result()

    machine = type("Machine", (OrderMachine,), {"shop": shop, "run": staticmethod(run)})
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=examples(25, steps=30))
