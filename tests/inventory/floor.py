"""The warehouse floor of the laboratory: orders released to it, and what people do there with a scanner."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from deploy.local.stack import LocalStack
from shared.events import inventory, orders, shipping
from shared.events.base import Destination
from shared.ids import new_id
from tests.clients import RoleAuth
from tests.inventory.lab import Json, Lab, Line, order_placed, step


@dataclass
class Released:
    """An order that the warehouse has."""

    placed: orders.OrderPlaced
    release_no: int = 1

    @property
    def order_id(self) -> UUID:
        return self.placed.order_id

    def line_id(self, number: int = 0) -> UUID:
        return self.placed.lines[number].line_id


class Floor:
    """People at work in one laboratory; `picker` is who scans unless somebody else is named."""

    def __init__(self, lab: Lab, stack: LocalStack) -> None:
        self.lab = lab
        self._stack = stack
        self.picker = f"ann-{str(new_id())[-6:]}"

    async def post(self, path: str, body: Json | None = None, **who: str) -> httpx.Response:
        """Post as a picker, or as the `role` and `subject` given; `key` is the Idempotency-Key."""
        auth = RoleAuth(self._stack.staff_key, who.get("role", "picker"), who.get("subject", self.picker))
        headers = {"Idempotency-Key": who.get("key") or str(new_id())}
        return await self.lab.client.post(path, json=body or {}, headers=headers, auth=auth)

    async def do(self, path: str, body: Json | None = None, **who: str) -> Json:
        """Post and expect success."""
        answer = await self.post(path, body, **who)
        assert answer.is_success, answer.text
        done: Json = answer.json()
        return done

    async def refused(self, path: str, body: Json | None = None, **who: str) -> Json:
        """Post and expect a refusal; give the problem."""
        answer = await self.post(path, body, **who)
        assert answer.is_client_error, answer.text
        problem: Json = answer.json()
        return problem

    async def release(self, *lines: Line, **changes: Any) -> Released:  # noqa: ANN401 - any field of the order
        """Place an order, then release all that is reserved, as orders does."""
        placed = order_placed(*lines, **changes)
        await self.lab.tell(placed)
        order = Released(placed)
        await self.lab.tell(await self.released_fact(order))
        return order

    async def released_fact(self, order: Released) -> orders.OrderReleased:
        """Make the fact that an order's reserved units may be picked."""
        rows = (await self.lab.get("/staff/reservations", order_id=str(order.order_id)))["data"]
        placed = order.placed
        return orders.OrderReleased(
            order_id=placed.order_id,
            release_no=order.release_no,
            number=placed.number,
            reference=placed.reference,
            lines=tuple(
                orders.ReleasedLine(line_id=r["line_id"], sku=r["sku"], quantity=r["quantity"], location=r["location"])
                for r in rows
                if r["state"] == "allocated"
            ),
            service_level=placed.service_level,
            destination=Destination(country_code="DE", postal_zone="10"),
            ship_by=placed.promise.ship_by,
            priority=placed.priority,
            progress=step("open"),
        )

    async def next_list(self, location: str, mode: str = "single", **who: str) -> Json:
        """Take the next list."""
        return await self.do("/staff/pick-lists/next", {"location": location, "mode": mode}, **who)

    async def scan(self, picks: Json, sku: str, quantity: int = 1, tote: str | None = None, **who: str) -> Json:
        """Scan an item into a tote."""
        body = {"barcode": sku, "quantity": quantity, "tote": tote}
        return await self.do(f"/staff/pick-lists/{picks['id']}/scans", body, **who)

    async def pick_all(self, location: str) -> Json:
        """Take the next list and scan all of it; give the list as it was."""
        picks = await self.next_list(location)
        for task in picks["tasks"]:
            await self.scan(picks, task["sku"], task["remaining"], task["tote"])
        return picks

    async def pack(self, fulfilment_id: str, *, variance: int = 0, **more: Any) -> Json:  # noqa: ANN401
        """Pack all that lies in the tote, weigh and close."""
        weighing = {"weight_grams": 1, "length_mm": 300, "width_mm": 200, "height_mm": 100}
        parcel = await self.do(f"/staff/fulfilments/{fulfilment_id}/parcels", more)
        weighing["weight_grams"] = parcel["expected_grams"] + variance
        await self.do(f"/staff/parcels/{parcel['id']}/weighings", weighing)
        return await self.do(f"/staff/parcels/{parcel['id']}/closings")

    async def book(self, parcel: Json, carrier: str = "USPS") -> shipping.ShipmentBooked:
        """Tell that shipping bought the parcel's label."""
        booked = shipping.ShipmentBooked(
            order_id=parcel["order_id"],
            shipment_id=new_id(),
            parcel_id=parcel["id"],
            carrier=carrier,
            service="Ground",
            tracking_number=f"94{str(new_id())[-12:]}",
            progress=step("label_purchased"),
        )
        await self.lab.tell(booked)
        return booked

    async def void(self, booked: shipping.ShipmentBooked) -> None:
        """Tell that shipping gives the label back."""
        await self.lab.tell(
            shipping.LabelVoidRequested(
                order_id=booked.order_id,
                shipment_id=booked.shipment_id,
                parcel_id=booked.parcel_id,
                tracking_number=booked.tracking_number,
                reason="test",
            )
        )

    async def hand_over(self, location: str, *numbers: str, carrier: str = "USPS") -> Json:
        """Scan parcels into the carrier's truck."""
        body = {"location": location, "carrier": carrier, "tracking_numbers": list(numbers)}
        return await self.do("/staff/hand-overs", body)

    async def ready(self, sku: str, location: str, quantity: int = 1) -> tuple[Released, Json, str]:
        """Bring a new order to the dock: (order, parcel, tracking number)."""
        order = await self.release(Line(sku, quantity))
        picks = await self.pick_all(location)
        parcel = await self.pack(picks["tasks"][0]["fulfilment_id"])
        booked = await self.book(parcel)
        return order, parcel, booked.tracking_number

    async def work(self, order: Released) -> Json:
        """Read all about an order in the warehouse."""
        return await self.lab.get(f"/staff/orders/{order.order_id}")

    async def states(self, order: Released) -> list[str]:
        """List the states of an order's fulfilment orders."""
        return [f["state"] for f in (await self.work(order))["fulfilments"]]

    async def hold(self, order: Released, reason: str = "manual") -> None:
        """Tell that something holds the order."""
        await self.lab.tell(
            orders.HoldApplied(
                order_id=order.order_id, hold_id=new_id(), reason=reason, holder="care", progress=step("on_hold")
            )
        )

    async def let_go(self, order: Released, *remaining: str) -> None:
        """Tell that a hold is gone."""
        await self.lab.tell(
            orders.HoldReleased(
                order_id=order.order_id, hold_id=new_id(), reason="manual", remaining=remaining, progress=step("open")
            )
        )

    async def picked(self, order: Released) -> list[int]:
        """List the picked totals as they were told, one sum a fact."""
        facts = await self.lab.facts(inventory.PickConfirmed, order.order_id)
        return [sum(line.quantity for line in fact.lines) for fact in facts]
