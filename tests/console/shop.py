"""A shop in real time, with one warehouse: orders are placed, and shipped when a test says so."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cli.bots.carrier import CarrierBot
from cli.bots.door import Door, StaffToken
from cli.bots.storefront import StorefrontBot, open_storefront
from cli.bots.warehouse import Fulfilment, FulfilmentLine, Parcel, Task, WarehouseBot
from deploy.local import names
from deploy.local.stack import LocalStack
from shared import clock
from shared.auth import Role
from shared.ids import new_id
from tests.waiting import wait_until

Json = dict[str, Any]
_WEIGHT = 500


class NoMishap:
    """Nothing goes wrong in this warehouse."""

    def at_shelf(self, _task: Task) -> tuple[int, str]:
        return 0, ""

    def at_bench(self, _fulfilment: Fulfilment, _line: FulfilmentLine) -> int:
        return 0


@dataclass
class Order:
    """An accepted order, and what its customer would know of it."""

    id: UUID
    number: str
    reference: str
    email: str
    phone: str
    name: str
    tracking: str = ""


@dataclass
class Shop:
    """One test's own storefront, location and articles."""

    tag: str
    storefront: StorefrontBot
    warehouse: WarehouseBot
    carrier: CarrierBot
    support: Door
    skus: list[str]
    doors: list[Door] = field(default_factory=list)
    placed: int = 0

    async def place(self, **changes: object) -> Order:
        """Place an order of a mug and two books, and wait until it is in the warehouse."""
        self.placed += 1
        reference = f"{self.tag}-{self.placed}"
        number = f"{int(self.tag, 16) % 10**7 + self.placed:08d}"
        order = Order(
            new_id(), "", reference, f"ada.{reference.lower()}@example.com", f"+49 151 {number}", "Ada Albers"
        )
        body = {
            "reference": reference,
            "customer": {"email": order.email, "phone": order.phone, "locale": "en"},
            "shipping_address": {
                "name": order.name, "line1": f"Graben {self.placed}", "city": "Berlin", "postal_code": "10115",
                "country_code": "DE",
            },
            "lines": [_line(index, sku, 1 + index) for index, sku in enumerate(self.skus)],
            "payment": {"status": "authorized"},
            **changes,
        }  # fmt: skip
        view = await self.storefront.place(body)
        order.id, order.number = view.id, view.number
        await self.until(order, "allocated")
        return order

    async def until(self, order: Order, status: str) -> None:
        """Wait until an order is so far."""

        async def is_so() -> bool:
            answer: Any = await self.support.act_get(f"/staff/orders/{order.id}")
            return bool(answer["fulfilment_status"] == status)

        await wait_until(is_so, what=f"{order.reference} is {status}")

    async def ship(self, order: Order) -> None:
        """Pick, pack and label all there is, hand it to the carrier, and wait until the order knows."""
        packed: list[Parcel] = []

        async def all_packed() -> bool:
            await self.warehouse.pick_all()
            packed.extend(await self.warehouse.pack_all())
            return any(parcel.order_id == order.id for parcel in packed)

        await wait_until(all_packed, what=f"{order.reference} is packed")
        labelled = [await self.warehouse.label(parcel) for parcel in packed]
        await self.warehouse.hand_over(labelled, clock.now())
        await self.until(order, "shipped")
        order.tracking = next(parcel.label.tracking_number or "" for parcel in labelled if parcel.order_id == order.id)

    async def deliver(self, order: Order) -> None:
        """Let the carrier take a shipped order's parcel and bring it at once, and wait until the order knows."""
        arrived = {"after_hours": 0, "status": "delivered", "status_detail": "arrived_at_destination"}
        journey = {"tracking_code": order.tracking, "steps": [arrived]}
        await self.carrier.door.act("/simulator/journeys", journey, key=f"journey {order.tracking}")
        await self.carrier.collect([order.tracking], clock.now())
        await self.until(order, "delivered")

    async def close(self) -> None:
        for door in self.doors:
            await door.close()


async def open_shop(stack: LocalStack, notifications: str = "doorstep") -> Shop:
    """Make a storefront, a location that ships every day, and two articles; `notifications` says who writes."""
    tag = new_id().hex[-8:].upper()
    doors: list[Door] = []

    def door(service: str, role: Role) -> Door:
        made = Door(service, stack.urls[service], StaffToken(stack.staff_key, role, f"{role}-{tag}"))
        doors.append(made)
        return made

    stock = door("inventory", Role.OPERATOR)
    skus = [f"MUG-{tag}", f"BOOK-{tag}"]
    await stock.act("/staff/locations", {"locations": [location_of(tag)]}, key=f"loc {tag}")
    await stock.act("/staff/skus", {"skus": [_sku(skus[0], "Blue mug"), _sku(skus[1], "Atlas")]}, key=f"sku {tag}")
    lines = [{"sku": code, "location": tag, "quantity": 100} for code in skus]
    await stock.act("/staff/stock/receive", {"lines": lines, "reference": "opening"}, key=f"open {tag}")
    api_key = await open_storefront(door("orders", Role.ADMIN), tag.lower(), f"Shop {tag}", notifications=notifications)
    storefront = Door("orders", stack.urls["orders"], lambda: api_key)
    doors.append(storefront)
    support = door("orders", Role.SUPPORT)
    await wait_until(lambda: _are_known(storefront, skus), what="orders knows the articles")
    picker = door("inventory", Role.WAREHOUSE_LEAD)
    warehouse = WarehouseBot(picker, tag, NoMishap(), _weigh)
    carrier = CarrierBot(door(names.SIMULATOR, Role.OPERATOR))
    return Shop(tag, StorefrontBot(storefront), warehouse, carrier, support, skus, doors)


async def _are_known(storefront: Door, skus: list[str]) -> bool:
    answer: Any = await storefront.act_get(f"/v1/availability?sku={','.join(skus)}")
    return len([entry for entry in answer["data"] if entry["available"] > 0]) == len(skus)


def _weigh(fulfilment: Fulfilment) -> int:
    return sum(_WEIGHT * (line.picked - line.packed) for line in fulfilment.lines)


def _line(index: int, sku: str, quantity: int) -> Json:
    return {
        "reference": str(index), "sku": sku, "name": ("Blue mug", "Atlas")[index], "quantity": quantity,
        "unit_price": {"amount": 1290, "currency": "EUR"},
    }  # fmt: skip


def location_of(code: str) -> Json:
    """A warehouse whose trucks leave every day."""
    cut_offs = [
        {"service_level": level, "weekday": weekday, "order_by": "14:00", "truck_at": "17:00"}
        for level in ("economy", "standard", "express")
        for weekday in range(7)
    ]
    return {
        "code": code, "name": code, "line1": "Dock 1", "city": "Hamburg", "postal_code": "20457", "country_code": "DE",
        "zone": "eu", "time_zone": "Europe/Berlin", "cut_offs": cut_offs,
    }  # fmt: skip


def _sku(code: str, name: str) -> Json:
    return {
        "code": code, "name": name, "weight_grams": _WEIGHT, "length_mm": 100, "width_mm": 100, "height_mm": 50,
    }  # fmt: skip
