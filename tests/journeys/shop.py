"""A small shop for one journey: its storefront, its warehouse people, its carrier's driver and its care agents."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from pydantic import JsonValue

from cli.bots.carrier import CarrierBot
from cli.bots.door import Door, StaffToken
from cli.bots.storefront import StorefrontBot, open_storefront
from cli.bots.warehouse import Fulfilment, FulfilmentLine, Parcel, Task, WarehouseBot
from deploy.local import names
from deploy.local.driver import Driver
from deploy.local.stack import LocalStack
from shared import clock
from shared.auth import Role
from shared.ids import new_id

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PRICE = 2000
STAGES = ("open", "backordered", "reserved", "picked", "packed", "in_transit")
ENDS = ("delivered", "cancelled", "lost", "returned_to_sender", "written_off")
WEIGHT = 500
Json = dict[str, Any]
BUCKETS = (
    "open", "backordered", "reserved", "picked", "packed", "in_transit", "delivered", "cancelled", "lost",
    "returned_to_sender", "written_off",
)  # fmt: skip


class Luck:
    """What goes wrong in this shop's warehouse: nothing, until a test says so."""

    def __init__(self) -> None:
        self.shelf: dict[str, tuple[int, str]] = {}
        self.bench: dict[str, int] = {}

    def at_shelf(self, task: Task) -> tuple[int, str]:
        return self.shelf.pop(task.sku, (0, ""))

    def at_bench(self, _fulfilment: Fulfilment, line: FulfilmentLine) -> int:
        return self.bench.pop(line.sku, 0) if line.picked else 0


@dataclass
class Shop:
    """One test's own storefront, locations NORTH and SOUTH, and articles."""

    driver: Driver
    storefront: StorefrontBot
    warehouses: dict[str, WarehouseBot]
    carrier: CarrierBot
    stock: Door
    care: Door
    lead: Door
    support: Door
    skus: list[str]
    luck: Luck
    tag: str
    doors: list[Door] = field(default_factory=list)
    placed: int = 0
    totals: dict[UUID, int] = field(default_factory=dict)

    @property
    def north(self) -> str:
        return f"N{self.tag}"

    @property
    def south(self) -> str:
        return f"S{self.tag}"

    async def place(
        self, *quantities: int, location: str | None = None, country: str = "DE", **changes: object
    ) -> "PlacedOrder":
        """Post an order for so many of each article, paid unless `payment` says otherwise, and let it rest."""
        body = {**self.draft(*quantities, location=location, country=country), **changes}
        order = await self.storefront.place(body)
        self.totals[order.id] = sum(quantities) * PRICE
        await self.driver.rest()
        return PlacedOrder(self, order.id, str(body["reference"]))

    def draft(self, *quantities: int, location: str | None = None, country: str = "DE") -> Json:
        """Write an order for so many of each article, paid, under a reference of its own."""
        self.placed += 1
        reference = f"{self.tag}-{self.placed}"
        lines = [
            {
                "reference": str(number),
                "sku": self.skus[number],
                "quantity": quantity,
                "unit_price": _euro(PRICE),
                "total": _euro(PRICE * quantity),
                **({"location": location} if location else {}),
            }
            for number, quantity in enumerate(quantities)
            if quantity
        ]
        total = _euro(sum(quantities) * PRICE)
        return {
            "reference": reference,
            "service_level": "standard",
            "customer": {"email": f"{reference.lower()}@example.com", "phone": "+4915112345678", "locale": "en"},
            "shipping_address": {
                "name": "Ada Albers", "line1": "Graben 1", "city": "Berlin", "postal_code": "10115",
                "country_code": country,
            },
            "lines": lines,
            "total": total,
            "payment": {"status": "authorized", "amount": total},
        }  # fmt: skip

    async def receive(self, location: str, quantity: int, *, sku: int = 0, inbound_id: str | None = None) -> None:
        """Put goods on the shelf."""
        line = {"sku": self.skus[sku], "location": location, "quantity": quantity}
        body = {"lines": [line], "reference": "delivery", "inbound_id": inbound_id}
        await self.stock.act("/staff/stock/receive", body, key=str(new_id()))
        await self.driver.rest()

    async def announce(self, location: str, quantity: int, expected_at: datetime, *, sku: int = 0) -> str:
        """Announce a purchase; give the inbound's id."""
        body = {
            "kind": "purchase", "location": location, "reference": f"PO-{self.tag}",
            "expected_at": expected_at.isoformat(), "lines": [{"sku": self.skus[sku], "quantity": quantity}],
        }  # fmt: skip
        answer: Any = await self.stock.act("/staff/inbounds", body, key=str(new_id()))
        await self.driver.rest()
        return str(answer["id"])

    async def on_shelf(self, location: str, *, sku: int = 0) -> Json:
        """Read the stock of an article at a location."""
        answer: Any = await self.stock.act_get(f"/staff/stock?sku={self.skus[sku]}&location={location}")
        return dict(answer["data"][0])

    async def pick(self) -> None:
        """Work all pick lists, then rest."""
        for warehouse in self.warehouses.values():
            await warehouse.pick_all()
        await self.driver.rest()

    async def pack(self) -> list[Parcel]:
        """Pack and label all that is picked; give the labelled parcels."""
        labelled: list[Parcel] = []
        for warehouse in self.warehouses.values():
            parcels = await warehouse.pack_all()
            await self.driver.rest()
            labelled.extend([await warehouse.label(parcel) for parcel in parcels])
        await self.driver.rest()
        return labelled

    async def hand_over(self, parcels: Iterable[Parcel]) -> list[str]:
        """Hand parcels to the carrier; give the tracking numbers that left."""
        waiting = list(parcels)
        left: list[str] = []
        for location, warehouse in self.warehouses.items():
            mine = [parcel for parcel in waiting if parcel.location == location]
            accepted = await warehouse.hand_over(mine, clock.now())
            left.extend(parcel.tracking_number for parcel in accepted)
        await self.carrier.collect(left, clock.now())
        await self.driver.rest()
        return left

    async def ship(self) -> list[str]:
        """Pick, pack, label and hand over all there is."""
        await self.pick()
        return await self.hand_over(await self.pack())

    async def step(self, duration: timedelta) -> None:
        """Let business time pass."""
        await self.driver.run_until(clock.now() + duration, HOUR * 6)

    async def until_morning(self) -> None:
        """Let business time pass until a working day, 08:00 UTC."""
        now = clock.now()
        target = now.replace(hour=8, minute=0, second=0, microsecond=0)
        while target < now or target.weekday() >= 5:
            target += DAY
        await self.driver.run_until(target, HOUR * 6)

    async def script(self, order: "PlacedOrder", *steps: Json) -> None:
        """Tell the carrier's simulator how the parcels of an order will travel."""
        await self.carrier.script(order.reference, [dict(step) for step in steps], scan_hours=None)

    async def cases(self, order: "PlacedOrder") -> list[Json]:
        """Read all cases of an order."""
        answer: Any = await self.care.act_get(f"/staff/cases?order_id={order.id}")
        return list(answer["data"])

    async def exceptions(self, order: "PlacedOrder") -> dict[str, Json]:
        """Read the newest exception of each kind of an order."""
        answer: Any = await self.care.act_get(f"/staff/exceptions?order_id={order.id}")
        return {entry["kind"]: entry for entry in sorted(answer["data"], key=lambda entry: entry["detected_at"])}

    async def grant(self, case: Json, kind: str, **body: object) -> Json:
        """Ask for a remedy as an agent, have the lead approve it where that is needed, and rest."""
        path = f"/staff/cases/{case['id']}/remedies"
        answer: Any = await self.care.act(
            path, {"kind": kind, "reason": "as the case demands", **body}, key=str(new_id())
        )
        if answer["state"] == "waiting_approval":
            answer = await self.lead.act(f"/staff/remedies/{answer['id']}/approve", None, key=str(new_id()))
        await self.driver.rest()
        return dict(answer)

    async def close(self) -> None:
        for door in self.doors:
            await door.close()


@dataclass(frozen=True)
class PlacedOrder:
    """An order of the shop, as its storefront sees it."""

    shop: Shop
    id: UUID
    reference: str

    async def read(self) -> Json:
        answer: Any = await self.shop.storefront.door.act_get(f"/v1/orders/{self.id}")
        return dict(answer)

    async def status(self) -> tuple[str, str]:
        """Give (status, fulfilment_status)."""
        order = await self.read()
        return order["status"], order["fulfilment_status"]

    async def buckets(self, line: int = 0) -> Json:
        """Give the non-empty buckets of a line."""
        order = await self.read()
        found: Json = order["lines"][line]
        return {name: found[name] for name in (*STAGES, *ENDS) if found[name]}

    async def cancel(self, **body: object) -> dict[str, int]:
        """Ask to cancel, rest, and give the units by outcome."""
        path = f"/v1/orders/{self.id}/cancellations"
        asked: Any = await self.shop.storefront.door.act(path, {"reason": "customer", **body}, key=str(new_id()))
        await self.shop.driver.rest()
        answer: Any = await self.shop.storefront.door.act_get(f"{path}/{asked['id']}")
        assert answer["status"] == "answered"
        outcomes: dict[str, int] = {}
        for entry in answer["lines"]:
            outcomes[entry["outcome"]] = outcomes.get(entry["outcome"], 0) + entry["quantity"]
        return outcomes

    async def amend(self, **body: object) -> None:
        """Change it as its customer wants, and rest."""
        door = self.shop.storefront.door
        headers = {"Authorization": f"Bearer {door.credential()}", "Idempotency-Key": str(new_id())}
        async with httpx.AsyncClient(base_url=door.url, headers=headers, trust_env=False) as client:
            (await client.patch(f"/v1/orders/{self.id}", json=body)).raise_for_status()
        await self.shop.driver.rest()

    async def timeline(self) -> list[str]:
        """Give the facts of the public timeline, oldest first."""
        answer: Any = await self.shop.storefront.door.act_get(f"/v1/orders/{self.id}/timeline")
        return [entry["fact"] for entry in answer["data"]]

    async def pay(self, kind: str = "authorized") -> None:
        """Report a payment of the whole order."""
        await self.shop.storefront.report_payment(self.id, kind, self.shop.totals[self.id])
        await self.shop.driver.rest()


async def open_shop(stack: LocalStack, driver: Driver) -> Shop:
    """Create a storefront, two locations and three articles, ten of each in the north."""
    tag = new_id().hex[-8:].upper()
    doors: list[Door] = []

    def door(service: str, role: Role) -> Door:
        made = Door(service, stack.urls[service], StaffToken(stack.staff_key, role, f"{role}-{tag}"))
        doors.append(made)
        return made

    stock = door("inventory", Role.OPERATOR)
    skus = [f"{tag}-{letter}" for letter in "ABC"]
    await stock.act("/staff/locations", {"locations": [_location(f"{side}{tag}") for side in "NS"]}, key=f"loc {tag}")
    await stock.act("/staff/skus", {"skus": [_sku(code) for code in skus]}, key=f"sku {tag}")
    lines = [{"sku": code, "location": f"N{tag}", "quantity": 10} for code in skus]
    await stock.act("/staff/stock/receive", {"lines": lines, "reference": "opening"}, key=f"open {tag}")
    await driver.rest()
    api_key = await open_storefront(door("orders", Role.ADMIN), tag.lower(), f"Shop {tag}")
    storefront = Door("orders", stack.urls["orders"], lambda: api_key)
    doors.append(storefront)
    luck = Luck()
    picker = door("inventory", Role.WAREHOUSE_LEAD)
    return Shop(
        driver=driver,
        storefront=StorefrontBot(storefront),
        warehouses={f"{side}{tag}": WarehouseBot(picker, f"{side}{tag}", luck, _weigh) for side in "NS"},
        carrier=CarrierBot(door(names.SIMULATOR, Role.OPERATOR)),
        stock=stock,
        care=door("care", Role.CARE),
        lead=door("care", Role.CARE_LEAD),
        support=door("orders", Role.SUPPORT),
        skus=skus,
        luck=luck,
        tag=tag,
        doors=doors,
    )


def _weigh(fulfilment: Fulfilment) -> int:
    return sum(WEIGHT * (line.picked - line.packed) for line in fulfilment.lines)


def _location(code: str) -> Json:
    cut_offs = [
        {"service_level": level, "weekday": weekday, "order_by": "14:00", "truck_at": "17:00"}
        for level in ("economy", "standard", "express")
        for weekday in range(5)
    ]
    return {
        "code": code, "name": code, "line1": "Dock 1", "city": "Hamburg", "postal_code": "20457", "country_code": "DE",
        "zone": "eu", "time_zone": "Europe/Berlin", "cut_offs": cut_offs,
    }  # fmt: skip


def _sku(code: str) -> Json:
    return {
        "code": code, "name": f"Article {code}", "weight_grams": WEIGHT,
        "length_mm": 100, "width_mm": 100, "height_mm": 50,
    }  # fmt: skip


def _euro(amount: int) -> JsonValue:
    return {"amount": amount, "currency": "EUR"}
