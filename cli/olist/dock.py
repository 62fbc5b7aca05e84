"""The sellers' warehouses: each order is picked and packed on a list of its own, and leaves when the data say."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import Field

from cli.bots.carrier import CarrierBot
from cli.bots.door import Door, Refused, key_of
from cli.bots.warehouse import Accepted, HandOver, Labelled, Parcel, Read, Refusal, Task
from cli.olist.parcels import Box, outer_size, pack
from cli.olist.rows import Product

WORKER = "olist"
"""The name under which lists are taken; the token's subject is the same."""

CARRIER = "SimPost"
_SINGLE = {"mode": "single", "max_orders": 1}
_LABEL_CALLS = 12
_LIST_CALLS = 400
_PAUSE_SECONDS = 0.05
_CONFLICT = 409


class Stuck(RuntimeError):  # noqa: N818 - a fact that ends the replay
    """An order cannot be picked, packed or handed over when it must."""


class ListedOrder(Read):
    """An order on a pick list."""

    fulfilment_id: UUID
    order_id: UUID


class OrderList(Read):
    """A pick list for one order."""

    id: UUID
    totes: list[ListedOrder] = Field(default_factory=list)
    tasks: list[Task]


@dataclass(slots=True)
class Packed:
    """The parcels of one order at one seller."""

    location: str
    parcels: list[UUID] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """What was done at the dock."""

    lists: int = 0
    scans: int = 0
    parcels: int = 0
    handed_over: int = 0
    labels_awaited: int = 0


@dataclass(slots=True)
class Dock:
    """All sellers' pickers, packers and dispatchers."""

    door: Door
    carrier: CarrierBot
    products: Mapping[str, Product]
    tally: Tally = field(default_factory=Tally)
    _lists: dict[tuple[UUID, str], OrderList] = field(default_factory=dict)
    _packed: dict[UUID, list[Packed]] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def pick_and_pack(self, order_id: UUID, sellers: Iterable[str]) -> None:
        """Pick an order's units at each seller and close its parcels; raises Stuck when there is nothing to pick."""
        for seller in sellers:
            work = await self._list_of(order_id, seller)
            await self._pick(work)
            for fulfilment_id in sorted({task.fulfilment_id for task in work.tasks}):
                await self._pack(fulfilment_id, work, Packed(seller))

    async def hand_over(self, order_id: UUID, at: datetime) -> None:
        """Let an order's parcels leave, and the carrier take them at that moment; raises Stuck when one stays."""
        numbers: list[str] = []
        for packed in self._packed.pop(order_id, []):
            numbers += [parcel.tracking_number for parcel in await self._let_go(packed)]
        if not numbers:
            raise Stuck(f"order {order_id} has no parcel to hand over")
        self.tally.handed_over += len(numbers)
        await self.carrier.collect(numbers, at)

    async def _list_of(self, order_id: UUID, seller: str) -> OrderList:
        """Plan lists of single orders at a seller until this order's is among them."""
        async with self._turns[seller]:
            for _ in range(_LIST_CALLS):
                if (order_id, seller) in self._lists:
                    return self._lists.pop((order_id, seller))
                self.tally.lists += 1
                key = key_of("list", seller, order_id, len(self._lists), self.tally.lists)
                answer = await self.door.act("/staff/pick-lists", {"location": seller, **_SINGLE}, key=key)
                if answer is None:
                    # Planning passes over an order whose part at another seller is being planned just now.
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                planned = OrderList.model_validate(answer)
                self._lists[planned.tasks[0].order_id, seller] = planned
        raise Stuck(f"order {order_id} has nothing to pick at seller {seller}")

    async def _pick(self, work: OrderList) -> None:
        await self.door.act(f"/staff/pick-lists/{work.id}/assign", {"picker": WORKER}, key=key_of("assign", work.id))
        for task in work.tasks:
            if task.remaining:
                body = {"barcode": task.sku, "tote": task.tote, "quantity": task.remaining}
                await self.door.act(f"/staff/pick-lists/{work.id}/scans", body, key=key_of("scan", task.task_id))
                self.tally.scans += 1

    async def _pack(self, fulfilment_id: UUID, work: OrderList, packed: Packed) -> None:
        units: Counter[str] = Counter()
        for task in work.tasks:
            if task.fulfilment_id == fulfilment_id:
                units[task.sku] += task.remaining
        boxes = pack(units, self.products)
        for number, box in enumerate(boxes, start=1):
            parcel = await self.door.post(
                f"/staff/fulfilments/{fulfilment_id}/parcels",
                self._parcel_body(box, alone=len(boxes) == 1),
                key=key_of("parcel", fulfilment_id, number),
                shape=Parcel,
            )
            packed.parcels.append(parcel.id)
            self.tally.parcels += 1
        self._packed.setdefault(work.tasks[0].order_id, []).append(packed)

    def _parcel_body(self, box: Box, *, alone: bool) -> dict[str, object]:
        length, width, height = outer_size(box, self.products)
        contents = [{"barcode": code, "quantity": count} for code, count in sorted(box.units.items())]
        measured = {"weight_grams": box.grams, "length_mm": length, "width_mm": width, "height_mm": height}
        return {"contents": None if alone else contents, **measured, "close": True}

    async def _let_go(self, packed: Packed) -> list[Accepted]:
        """Scan parcels onto the truck; wait for the label of those that have none yet, once."""
        left, stayed = await self._scan_out(packed.location, packed.parcels, 1)
        waiting = [refusal.parcel_id for refusal in stayed if refusal.parcel_id and refusal.code in _NEED_LABEL]
        if waiting:
            await asyncio.gather(*(self._await_label(parcel_id) for parcel_id in waiting))
            more, stayed = await self._scan_out(packed.location, waiting, 2)
            left += more
        if stayed:
            raise Stuck(f"parcels stay at seller {packed.location}: {', '.join(sorted({r.code for r in stayed}))}")
        return left

    async def _scan_out(self, location: str, parcels: list[UUID], attempt: int) -> tuple[list[Accepted], list[Refusal]]:
        ids = sorted(map(str, parcels))
        body = {"location": location, "carrier": CARRIER, "parcel_ids": ids}
        try:
            key = key_of("hand-over", attempt, *ids)
            outcome = await self.door.post("/staff/hand-overs", body, key=key, shape=HandOver)
        except Refused as refused:
            if refused.status != _CONFLICT:
                raise
            outcome = HandOver.model_validate({"refused": refused.problem.get("refused", [])})
        return outcome.accepted, outcome.refused

    async def _await_label(self, parcel_id: UUID) -> None:
        self.tally.labels_awaited += 1
        for attempt in range(_LABEL_CALLS):
            key = key_of("label", parcel_id, attempt)
            answer = await self.door.post(f"/staff/parcels/{parcel_id}/label", {}, key=key, shape=Labelled)
            if answer.parcel.label.state == "live":
                return
        raise Stuck(f"parcel {parcel_id} has no label: {answer.parcel.label.state}")


_NEED_LABEL = frozenset({"no_live_label"})
