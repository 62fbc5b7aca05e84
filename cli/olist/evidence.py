"""What the running services say at the end, read page by page through their doors."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from pydantic import Field

from cli.bots.door import Door
from cli.bots.storefront import Read

ORDERS_PAGE = 100
PAGE = 100
MOST_PAGES = 10_000
RISKS = ("preship_risk", "transit_risk")


class LineSeen(Read):
    """A line with its buckets."""

    sku: str
    quantity: int
    location: str | None = None
    open: int = 0
    backordered: int = 0
    reserved: int = 0
    picked: int = 0
    packed: int = 0
    in_transit: int = 0
    delivered: int = 0
    cancelled: int = 0
    lost: int = 0
    returned_to_sender: int = 0
    written_off: int = 0

    @property
    def accounted(self) -> int:
        """Add the buckets up."""
        inside = self.open + self.backordered + self.reserved + self.picked + self.packed
        ended = self.delivered + self.cancelled + self.lost + self.returned_to_sender + self.written_off
        return inside + self.in_transit + ended


class ParcelSeen(Read):
    """A parcel of an order."""

    tracking_number: str = ""
    status: str = ""
    handed_over_at: datetime | None = None
    delivered_at: datetime | None = None


class PromiseSeen(Read):
    """A promise and its outcome."""

    revision: int = 1
    deliver_by_latest: datetime
    outcome: str | None = None


class OrderSeen(Read):
    """An order as its storefront sees it at the end."""

    id: UUID
    reference: str
    status: str
    promise: PromiseSeen
    lines: list[LineSeen]
    shipments: list[ParcelSeen] = Field(default_factory=list)


class CaseSeen(Read):
    """A case."""

    order_id: UUID
    kind: str
    family: str
    state: str


class LevelSeen(Read):
    """When an exception reached a level."""

    at: datetime
    level: str


class ExceptionSeen(Read):
    """An exception with the levels it went through."""

    order_id: UUID | None
    kind: str
    levels: list[LevelSeen] = Field(default_factory=list)


class StockSeen(Read):
    """What lies of a SKU at a location."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    available: int


class EffectSeen(Read):
    """A row of the stock ledger."""

    sku: str
    location: str
    act: str
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int


class RawPage(Read):
    """A page of anything."""

    data: list[dict[str, object]]
    next_cursor: str | int | None = None


R = TypeVar("R", bound=Read)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is judged."""

    orders: list[OrderSeen]
    cases: list[CaseSeen]
    risks: list[ExceptionSeen]
    stock: list[StockSeen]
    effects: list[EffectSeen]


async def pages(door: Door, path: str, shape: type[R], limit: int, **params: str | int | None) -> AsyncIterator[R]:
    """Read a list to its end."""
    cursor: str | int | None = None
    for _ in range(MOST_PAGES):
        page = await door.get(path, RawPage, limit=limit, cursor=cursor, **params)
        for row in page.data:
            yield shape.model_validate(row)
        cursor = page.next_cursor
        if cursor is None:
            return
    raise RuntimeError(f"{path} has more than {MOST_PAGES} pages")


async def read_orders(storefront: Door) -> list[OrderSeen]:
    """Read every order of the storefront."""
    return [order async for order in pages(storefront, "/v1/orders", OrderSeen, ORDERS_PAGE)]


async def read_cases(care: Door) -> list[CaseSeen]:
    """Read every case."""
    return [case async for case in pages(care, "/staff/cases", CaseSeen, PAGE)]


async def read_evidence(storefront: Door, inventory: Door, care: Door) -> Evidence:
    """Read everything that is judged."""
    risks = [found for kind in RISKS async for found in pages(care, "/staff/exceptions", ExceptionSeen, 500, kind=kind)]
    return Evidence(
        orders=await read_orders(storefront),
        cases=await read_cases(care),
        risks=risks,
        stock=[row async for row in pages(inventory, "/staff/stock", StockSeen, PAGE)],
        effects=[row async for row in pages(inventory, "/staff/ledger", EffectSeen, PAGE)],
    )
