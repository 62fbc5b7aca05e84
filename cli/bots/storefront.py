"""The storefront bot: posts orders, reports payments, cancels for customers, and confirms refunds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from cli.bots.door import Door, Refused, key_of
from shared import clock
from shared.jobs import in_parallel

_PAGE = 100
_OVERLAP = timedelta(seconds=1)


class Read(BaseModel):
    """A part of an answer the bot reads; what it does not need is ignored."""

    model_config = ConfigDict(extra="ignore")


class Amount(Read):
    """Money as it is on the wire."""

    amount: int
    currency: str


class Line(Read):
    """A line with its buckets."""

    id: UUID
    reference: str
    sku: str
    quantity: int
    lost: int = 0
    returned_to_sender: int = 0


class PromiseView(Read):
    """The current promise."""

    deliver_by_latest: datetime | None = None


class OrderView(Read):
    """An order as its storefront sees it."""

    id: UUID
    number: str
    reference: str
    status: str
    fulfilment_status: str
    payment_status: str = ""
    lines: list[Line] = []
    promise: PromiseView | None = None


class OrderPage(Read):
    """A page of orders."""

    data: list[OrderView]
    next_cursor: str | None = None


class Refund(Read):
    """An instruction to pay money back."""

    id: UUID
    order_id: UUID
    kind: str = "refund"
    state: str = ""
    amount: Amount | None = None


class RefundPage(Read):
    """Open refund instructions."""

    data: list[Refund]


class Created(Read):
    """A thing made by staff; `key` is shown once."""

    id: UUID
    key: str = ""


@dataclass(slots=True)
class StorefrontBot:
    """One storefront's software."""

    door: Door
    currency: str = "EUR"
    captured: set[UUID] = field(default_factory=set)
    posted: int = 0
    refunds: int = 0
    followed: dict[UUID, OrderView] = field(default_factory=dict)
    _followed_at: datetime | None = None

    async def place(self, body: Mapping[str, object]) -> OrderView:
        """Post one order; the reference is its key, so a second post is the same order."""
        order = await self.door.post("/v1/orders", body, key=key_of("place", body["reference"]), shape=OrderView)
        self.posted += 1
        return order

    async def report_payment(self, order_id: UUID, kind: str, amount: int, *, refund_id: UUID | None = None) -> None:
        """Report that money was authorised, captured, voided or refunded."""
        body: dict[str, object] = {"type": kind, "amount": {"amount": amount, "currency": self.currency}}
        if refund_id is not None:
            body["refund_id"] = str(refund_id)
        key = key_of("payment", order_id, kind, refund_id, amount)
        await self.door.act(f"/v1/orders/{order_id}/payments", body, key=key)

    async def cancel(self, order_id: UUID) -> bool:
        """Ask to cancel all of an order; say whether that was accepted as a request."""
        try:
            await self.door.act(
                f"/v1/orders/{order_id}/cancellations", {"reason": "customer"}, key=key_of("cancel", order_id)
            )
        except Refused as refused:
            if refused.status == 409:  # noqa: PLR2004 - it has ended meanwhile
                return False
            raise
        return True

    async def follow(self) -> list[OrderView]:
        """Give every order, of which only those that changed since the last look are read."""
        now = clock.now()
        since = self._followed_at - _OVERLAP if self._followed_at else None
        self.followed.update({order.id: order for order in await self.orders(changed_after=since)})
        self._followed_at = now
        return list(self.followed.values())

    async def orders(self, *, changed_after: datetime | None = None) -> list[OrderView]:
        """Read every order of this storefront, or those that changed after a moment."""
        found: list[OrderView] = []
        cursor: str | None = None
        after = changed_after.isoformat() if changed_after else None
        while True:
            page = await self.door.get("/v1/orders", OrderPage, limit=_PAGE, cursor=cursor, updated_after=after)
            found.extend(page.data)
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def capture(self, shipped: Iterable[tuple[UUID, int]]) -> None:
        """Capture the money of orders whose first parcel has left; `shipped` is (order, total)."""
        fresh = [(order_id, total) for order_id, total in shipped if order_id not in self.captured]
        self.captured.update(order_id for order_id, _ in fresh)
        await in_parallel(self.report_payment(order_id, "captured", total) for order_id, total in fresh)

    async def confirm_refunds(self) -> int:
        """Pay every open refund instruction and say so."""
        page = await self.door.get("/v1/refunds", RefundPage, state="requested")
        for refund in page.data:
            amount = refund.amount.amount if refund.amount else 0
            kind = "voided" if "authorization" in refund.kind else "refunded"
            await self.report_payment(refund.order_id, kind, amount, refund_id=refund.id)
            self.refunds += 1
        return len(page.data)


async def open_storefront(staff: Door, code: str, name: str, *, notifications: str = "doorstep") -> str:
    """Create a storefront and give the API key it is shown once; the same code again makes a fresh key."""
    body = {"code": code, "name": name, "notifications": notifications}
    created = await staff.post("/staff/storefronts", body, key=key_of("storefront", code), shape=Created)
    made = await staff.post(
        f"/staff/storefronts/{created.id}/keys", {"test": False, "label": "bot"}, key=key_of("key", code), shape=Created
    )
    return made.key
