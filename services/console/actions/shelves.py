"""Stock as the people at the shelves see it: deliveries, counts, transfers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.console.actions.articles import read_articles
from services.console.actions.workload import Pile, read_workload
from services.console.neighbours import Caller
from services.console.schemas.stock import Changed, CountTask, CountTasks, Inbound, Inbounds, Received, Sku
from shared.errors import InvalidError

_SERVICE = "inventory"
_MOST = 100


@dataclass(frozen=True, slots=True)
class Shelves:
    """What is to be done at a location's shelves."""

    inbounds: Pile[Inbound]
    counts: Pile[CountTask]
    articles: dict[str, Sku]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Units of an article that came in; the key is the scan's id."""

    sku: str
    location: str
    quantity: int
    damaged: int
    inbound: UUID | None
    reference: str
    key: str


@dataclass(frozen=True, slots=True)
class Load:
    """Units of an article that leave for another location."""

    sku: str
    quantity: int


async def read_shelves(caller: Caller, location: str) -> Shelves:
    """Read what is to be done."""
    load, inbounds, counts = await asyncio.gather(
        read_workload(caller, location),
        caller.get(_SERVICE, "/staff/inbounds", Inbounds, location=location, expected="true", limit=_MOST),
        caller.get(_SERVICE, "/staff/count-tasks", CountTasks, location=location, limit=_MOST),
    )
    return Shelves(
        Pile(inbounds.data, load.inbounds),
        Pile(counts.data, load.counts),
        await read_articles(caller, [task.sku for task in counts.data]),
    )


async def read_inbound(caller: Caller, inbound_id: UUID) -> Inbound:
    """Read a delivery."""
    return await caller.get(_SERVICE, f"/staff/inbounds/{inbound_id}", Inbound)


async def receive(caller: Caller, receipt: Receipt) -> Received:
    """Book units in; raises RefusedError."""
    line = {
        "sku": receipt.sku, "location": receipt.location, "quantity": receipt.quantity, "damaged": receipt.damaged,
    }  # fmt: skip
    body = {"lines": [line], "inbound_id": receipt.inbound, "reference": receipt.reference or "free receipt"}
    return Received.model_validate(await caller.act(_SERVICE, "/staff/stock/receive", body, key=receipt.key))


async def count(caller: Caller, line: dict[str, object], reason: str, key: str) -> Changed:
    """Book a count; raises RefusedError."""
    body = {"lines": [line], "reason": reason}
    return Changed.model_validate(await caller.act(_SERVICE, "/staff/stock/count", body, key=key))


async def transfer(caller: Caller, body: dict[str, object], key: str) -> Inbound:
    """Send units to another location; raises RefusedError."""
    return Inbound.model_validate(await caller.act(_SERVICE, "/staff/stock/transfer", body, key=key))


def read_loads(lines: Sequence[str]) -> list[Load]:
    """Read `quantity SKU` lines of a form; those that say nothing sensible are left out."""
    loads: list[Load] = []
    for line in lines:
        quantity, _, sku = line.partition(" ")
        if sku and quantity.isdecimal() and int(quantity) > 0:
            loads.append(Load(sku, int(quantity)))
    return loads


def add_load(loads: Sequence[Load], sku: str, quantity: int) -> list[Load]:
    """Add units to the line of their article, or begin one."""
    before = sum(load.quantity for load in loads if load.sku == sku)
    return [*(load for load in loads if load.sku != sku), Load(sku, before + quantity)]


def moment_of(local_time: str, zone: str) -> datetime:
    """Read what a date-and-time field says, in the console's zone; raises InvalidError."""
    try:
        return datetime.fromisoformat(local_time).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise InvalidError("say when it is expected: a day and a time") from None
