"""The picker, packer and dispatcher bots: they work lists with a scanner, over the same routes as people."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from cli.bots.door import Door, Refused, key_of
from shared.jobs import in_parallel

_MOST_OF_A_LOAD = 500  # parcels that one hand-over takes
_LABEL_CALLS = 6


class Read(BaseModel):
    """A part of an answer a bot reads; what it does not need is ignored."""

    model_config = ConfigDict(extra="ignore")


class Barcode(Read):
    """A code on an article and the units one scan of it counts."""

    code: str
    units: int


class Task(Read):
    """One line to pick."""

    task_id: UUID
    fulfilment_id: UUID
    order_id: UUID
    line_id: UUID
    number: str
    tote: str | None = None
    sku: str
    barcodes: list[Barcode] = []
    remaining: int


class PickList(Read):
    """A list in walking order."""

    id: UUID
    tasks: list[Task]


class Short(Read):
    """What became of units that were not there."""

    backordered: int = 0


class LabelState(Read):
    """Whether a parcel may leave."""

    state: str
    carrier: str | None = None
    tracking_number: str | None = None


class Parcel(Read):
    """A parcel on the bench or the dock."""

    id: UUID
    fulfilment_id: UUID
    order_id: UUID
    location: str
    state: str
    label: LabelState


class Labelled(Read):
    """The bench's answer to asking for a label."""

    parcel: Parcel


class FulfilmentLine(Read):
    """Where the units of a line stand in one fulfilment order."""

    line_id: UUID
    sku: str
    quantity: int
    picked: int = 0
    packed: int = 0
    handed_over: int = 0
    put_back_due: int = 0


class Fulfilment(Read):
    """One location's part of an order."""

    id: UUID
    order_id: UUID
    number: str
    location: str
    state: str
    lines: list[FulfilmentLine]


class Page(Read):
    """A page of fulfilment orders."""

    data: list[Fulfilment]
    next_cursor: str | None = None


class Refusal(Read):
    """Why a parcel may not leave."""

    parcel_id: UUID | None = None
    code: str


class Accepted(Read):
    """A parcel that left."""

    parcel_id: UUID
    order_id: UUID
    tracking_number: str


class HandOver(Read):
    """The outcome of a dispatch scan, parcel by parcel."""

    accepted: list[Accepted] = []
    refused: list[Refusal] = []


class OrderParcels(Read):
    """All parcels of one order."""

    parcels: list[Parcel] = []


class Fortune(Protocol):
    """What goes wrong at the shelf and on the bench, decided by the order and line alone."""

    def at_shelf(self, task: Task) -> tuple[int, str]:
        """Give (units that cannot be picked, reason)."""
        ...

    def at_bench(self, fulfilment: Fulfilment, line: FulfilmentLine) -> int:
        """Give the units found damaged while packing."""
        ...


@dataclass(slots=True)
class Tally:
    """What the bots did."""

    scans: int = 0
    shorts: int = 0
    damages: int = 0
    parcels: int = 0
    handed_over: int = 0
    put_backs: int = 0


@dataclass(slots=True)
class WarehouseBot:
    """The people at one location."""

    door: Door
    location: str
    fortune: Fortune
    weigh: Callable[[Fulfilment], int]  # grams of what lies in the parcel
    pickers: Sequence[Door] = ()  # who picks beside the one at `door`
    benches: int = 1  # at which parcels are packed
    tally: Tally = field(default_factory=Tally)

    async def pick_all(self, mode: str = "multi_order_cart", max_orders: int = 12) -> int:
        """Work lists until there is nothing to pick; give the number of lists. All begin once one has found a list."""
        wanted = {"location": self.location, "mode": mode, "max_orders": max_orders}
        first = await self._next_list(self.door, wanted)
        if first is None:
            return 0
        crew = [self._pick_lists(door, wanted) for door in self.pickers]
        return sum(await asyncio.gather(self._pick_lists(self.door, wanted, first), *crew))

    async def _pick_lists(self, door: Door, wanted: Mapping[str, object], found: PickList | None = None) -> int:
        lists = 0
        pick_list = found or await self._next_list(door, wanted)
        while pick_list is not None:
            lists += 1
            for task in pick_list.tasks:
                if task.remaining:
                    await self._pick(door, pick_list.id, task)
            pick_list = await self._next_list(door, wanted)
        return lists

    async def _next_list(self, door: Door, wanted: Mapping[str, object]) -> PickList | None:
        key = key_of("next", self.location, door.calls, self.tally.scans)
        answer = await door.act("/staff/pick-lists/next", wanted, key=key)
        return None if answer is None else PickList.model_validate(answer)

    async def _pick(self, door: Door, list_id: UUID, task: Task) -> None:
        missing, reason = self.fortune.at_shelf(task)
        missing = min(missing, task.remaining)
        try:
            if task.remaining - missing:
                await self._scan(door, list_id, task, task.remaining - missing)
            if missing:
                body = {"task_id": str(task.task_id), "quantity": missing, "reason": reason}
                await door.act(f"/staff/pick-lists/{list_id}/shorts", body, key=key_of("short", list_id, task.task_id))
                self.tally.shorts += missing
        except Refused as refused:
            if refused.code not in {"cancelled", "on_hold", "over_scan", "list_done"}:
                raise

    async def _scan(self, door: Door, list_id: UUID, task: Task, units: int) -> None:
        single = next((barcode.code for barcode in task.barcodes if barcode.units == 1), task.sku)
        body = {"barcode": single, "tote": task.tote, "quantity": units}
        await door.act(f"/staff/pick-lists/{list_id}/scans", body, key=key_of("scan", list_id, task.task_id, units))
        self.tally.scans += 1

    async def put_back_all(self) -> None:
        """Bring cancelled units back to their shelves."""
        for fulfilment in await self.fulfilments("cancel_requested"):
            for line in fulfilment.lines:
                if line.put_back_due:
                    await self._put_back(fulfilment, line)

    async def _put_back(self, fulfilment: Fulfilment, line: FulfilmentLine) -> None:
        path = f"/staff/fulfilments/{fulfilment.id}/put-backs"
        body = {"barcode": line.sku, "quantity": line.put_back_due}
        scan = (fulfilment.id, line.line_id, line.put_back_due)
        try:
            await self.door.act(path, body, key=key_of("put-back", *scan))
        except Refused as refused:
            if refused.code != "void_first":
                raise
            await self._unpack(fulfilment)
            await self.door.act(path, body, key=key_of("put-back unpacked", *scan))
        self.tally.put_backs += line.put_back_due

    async def _unpack(self, fulfilment: Fulfilment) -> None:
        """Open the boxes of a fulfilment order, whose labels are given back, and lay their contents into the tote."""
        order = await self.door.get(f"/staff/orders/{fulfilment.order_id}", OrderParcels)
        for parcel in order.parcels:
            if parcel.fulfilment_id != fulfilment.id or parcel.state in {"handed_over", "discarded"}:
                continue
            if parcel.state not in {"open", "verified"}:
                reason = {"reason": "units were cancelled"}
                await self.door.act(f"/staff/parcels/{parcel.id}/reopenings", reason, key=key_of("reopen", parcel.id))
            await self.door.act(f"/staff/parcels/{parcel.id}/discards", {}, key=key_of("discard", parcel.id))

    async def fulfilments(self, state: str) -> list[Fulfilment]:
        """Give all fulfilment orders of this location in a state."""
        found: list[Fulfilment] = []
        cursor: str | None = None
        while True:
            page = await self.door.get(
                "/staff/fulfilments", Page, location=self.location, state=state, limit=100, cursor=cursor
            )
            found.extend(page.data)
            cursor = page.next_cursor
            if cursor is None:
                return sorted(found, key=lambda fulfilment: fulfilment.number)

    async def pack_all(self) -> list[Parcel]:
        """Pack every fulfilment order whose picking is done; give the parcels closed."""
        # An incomplete one ships what it has where that is allowed; else the bench refuses it.
        ready, incomplete = await asyncio.gather(self.fulfilments("in_progress"), self.fulfilments("incomplete"))
        packed = await in_parallel((self._pack(fulfilment) for fulfilment in [*ready, *incomplete]), self.benches)
        return [parcel for parcel in packed if parcel is not None]

    async def _pack(self, fulfilment: Fulfilment) -> Parcel | None:
        for line in fulfilment.lines:
            damaged = min(self.fortune.at_bench(fulfilment, line), line.picked - line.packed)
            if damaged > 0:
                body = {"sku": line.sku, "quantity": damaged}
                key = key_of("damage", fulfilment.id, line.line_id)
                await self.door.act(f"/staff/fulfilments/{fulfilment.id}/damages", body, key=key)
                self.tally.damages += damaged
        to_pack = sum(line.picked - line.packed for line in fulfilment.lines)
        if not to_pack:
            return None
        body = {
            "weight_grams": self.weigh(fulfilment), "length_mm": 300, "width_mm": 200, "height_mm": 150, "close": True,
        }  # fmt: skip
        key = key_of("parcel", fulfilment.id, *((line.line_id, line.picked, line.packed) for line in fulfilment.lines))
        try:
            parcel = await self.door.post(f"/staff/fulfilments/{fulfilment.id}/parcels", body, key=key, shape=Parcel)
        except Refused as refused:
            if refused.status == 409:  # noqa: PLR2004 - not ready: still being picked, on hold or cancelled
                return None
            raise
        self.tally.parcels += 1
        return parcel

    async def label(self, parcel: Parcel) -> Parcel:
        """Ask for the label and wait for it; gives the parcel as it then is."""
        current = parcel
        for attempt in range(_LABEL_CALLS):
            labelled = await self.door.post(
                f"/staff/parcels/{parcel.id}/label", {}, key=key_of("label", parcel.id, attempt), shape=Labelled
            )
            current = labelled.parcel
            if current.label.state in {"live", "failed", "voided"}:
                break
        return current

    async def hand_over(self, parcels: list[Parcel], moment: datetime) -> list[Accepted]:
        """Scan parcels onto the carriers' trucks; give those that left."""
        by_carrier: dict[str, list[Parcel]] = defaultdict(list)
        for parcel in parcels:
            if parcel.label.carrier:
                by_carrier[parcel.label.carrier].append(parcel)
        left: list[Accepted] = []
        loads = [
            (carrier, [str(parcel.id) for parcel in group[start : start + _MOST_OF_A_LOAD]])
            for carrier, group in sorted(by_carrier.items())
            for start in range(0, len(group), _MOST_OF_A_LOAD)
        ]
        for carrier, ids in loads:
            body = {"location": self.location, "carrier": carrier, "parcel_ids": ids}
            key = key_of("hand-over", self.location, carrier, moment.isoformat(), *sorted(ids))
            try:
                outcome = await self.door.post("/staff/hand-overs", body, key=key, shape=HandOver)
            except Refused as refused:
                if refused.code != "nothing_handed_over":
                    raise
                continue
            left.extend(outcome.accepted)
        self.tally.handed_over += len(left)
        return left
