"""The pack bench: what lies in front of the packer, and what they do with it."""

import asyncio
import base64
from dataclasses import dataclass
from uuid import UUID

from services.console.actions.articles import read_articles
from services.console.actions.documents import label_page
from services.console.actions.scans import tracking_number
from services.console.actions.workload import Pile, read_workload
from services.console.errors import ServiceAwayError
from services.console.neighbours import Caller
from services.console.schemas.stock import Sku
from services.console.schemas.warehouse import (
    Enclosure,
    Fulfilment,
    Fulfilments,
    Labelled,
    OrderWork,
    Parcel,
    Parcels,
    Places,
    WorkLine,
)
from shared.errors import NotFoundError

_SERVICE = "inventory"
_MOST = 100
_OPEN = frozenset({"open", "verified"})
_UNLABELLED = frozenset({"closed", "labelled"})
_LABELLED = frozenset({"labelled", "staged", "handed_over"})
_BOXED = _UNLABELLED | {"staged"}  # what is cancelled lies in one of them and must come out
_PICTURES = frozenset({"image/png", "image/jpeg"})
NEW = "new"


@dataclass(frozen=True, slots=True)
class BenchLine:
    """A line of the order on the bench."""

    line: WorkLine
    name: str
    fragile: bool
    in_hand: int  # units in the parcel in front of the packer
    boxed: int  # units in any open parcel
    told: str  # what it was ordered with beyond its SKU, such as an engraving
    bin: str  # where it lies at this location; empty when nobody has said

    @property
    def to_scan(self) -> int:
        """Units that still lie in the tote."""
        return max(self.line.picked - self.line.packed - self.boxed, 0)


@dataclass(frozen=True, slots=True)
class Bench:
    """One fulfilment order on the bench; `parcel` is the one in front of the packer."""

    work: OrderWork
    fulfilment: Fulfilment
    parcel: Parcel | None
    others: list[Parcel]
    lines: list[BenchLine]
    enclosure: Enclosure | None  # None while orders does not answer: packing goes on

    @property
    def to_scan(self) -> int:
        """Units that still lie in the tote."""
        return sum(line.to_scan for line in self.lines)

    @property
    def put_back_due(self) -> int:
        """Cancelled units that must go back to their shelf."""
        return sum(entry.line.put_back_due for entry in self.lines)

    @property
    def to_pick(self) -> int:
        """Units that are not picked yet."""
        return sum(max(entry.line.quantity - entry.line.picked, 0) for entry in self.lines)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a packer at a location."""

    ready: Pile[Fulfilment]
    open_parcels: Pile[Parcel]
    without_label: Pile[Parcel]
    put_backs: Pile[Fulfilment]


async def read_waiting(caller: Caller, location: str) -> Waiting:
    """Read what waits for a packer."""

    async def works(**which: str) -> list[Fulfilment]:
        page = await caller.get(_SERVICE, "/staff/fulfilments", Fulfilments, location=location, limit=_MOST, **which)
        return page.data

    async def parcels(*states: str) -> list[Parcel]:
        page = await caller.get(_SERVICE, "/staff/parcels", Parcels, location=location, state=states, limit=_MOST)
        return page.data

    load, ready, put_backs, begun, closed = await asyncio.gather(
        read_workload(caller, location),
        works(stage="picked"),
        works(state="cancel_requested"),
        parcels(*_OPEN),
        parcels("closed"),
    )
    return Waiting(
        Pile(ready, load.at_stage("picked")),
        Pile(begun, load.parcels_in(*_OPEN)),
        Pile(closed, load.parcels_in("closed")),
        Pile(put_backs, load.at_stage("cancel_requested")),
    )


async def find(caller: Caller, location: str, read: str) -> tuple[Parcel | None, list[Fulfilment]]:
    """Find what a scan at the bench names: a parcel by its label, else orders by number, reference or tote."""
    labelled = await caller.get(_SERVICE, "/staff/parcels", Parcels, tracking_number=tracking_number(read))
    if labelled.data:
        return labelled.data[0], []
    found = await caller.get(_SERVICE, "/staff/fulfilments", Fulfilments, location=location, named=read, limit=_MOST)
    # A tote is emptied by packing: its name then belongs to the next cart.
    unpacked = [work for work in found.data if work.state != "packed" or work.number == read]
    return None, unpacked or found.data


async def read_bench(caller: Caller, order_id: UUID, fulfilment_id: UUID, wanted: str = "") -> Bench:
    """Read a fulfilment order with its parcels; `wanted` is a parcel's id, or NEW. Raises NotFoundError."""
    work = await caller.get(_SERVICE, f"/staff/orders/{order_id}", OrderWork)
    fulfilment = next((entry for entry in work.fulfilments if entry.id == fulfilment_id), None)
    if fulfilment is None:
        raise NotFoundError("this order has no such part")
    parcels = [p for p in work.parcels if p.fulfilment_id == fulfilment_id and p.state != "discarded"]
    is_cancelled = any(line.put_back_due for line in fulfilment.lines)
    parcel = choose(parcels, wanted, _BOXED if is_cancelled else _UNLABELLED)
    articles, enclosure = await asyncio.gather(
        read_articles(caller, [line.sku for line in fulfilment.lines]), _read_enclosure(caller, order_id)
    )
    told = enclosure.told if enclosure is not None else {}
    return Bench(
        work,
        fulfilment,
        parcel,
        [other for other in parcels if parcel is None or other.id != parcel.id],
        [
            _line(
                line, _Article(articles.get(line.sku), told.get(line.line_id, ""), fulfilment.location), parcel, parcels
            )
            for line in fulfilment.lines
        ],
        enclosure,
    )


async def _read_enclosure(caller: Caller, order_id: UUID) -> Enclosure | None:
    try:
        return await caller.get("orders", f"/internal/orders/{order_id}/enclosure", Enclosure)
    except ServiceAwayError:
        return None


async def read_printers(caller: Caller, bench: Bench) -> str:
    """Give what the label printers of the bench read, once there is a label: png, pdf or zpl."""
    if bench.parcel is None or bench.parcel.state not in _LABELLED:
        return ""
    places = await caller.get(_SERVICE, "/staff/locations", Places, limit=_MOST)
    return next((place.label_format for place in places.data if place.code == bench.parcel.location), "png")


def choose(parcels: list[Parcel], wanted: str, closed: frozenset[str] = _UNLABELLED) -> Parcel | None:
    """Give the parcel that is worked on: the one asked for, else an open one, else one in a state of `closed`."""
    if wanted == NEW:
        return None
    ordered = (
        *(parcel for parcel in parcels if str(parcel.id) == wanted),
        *(parcel for parcel in parcels if parcel.state in _OPEN),
        *(parcel for parcel in parcels if parcel.state in closed),
    )
    return ordered[0] if ordered else None


@dataclass(frozen=True, slots=True)
class _Article:
    sku: Sku | None
    told: str
    location: str


def _line(line: WorkLine, article: _Article, parcel: Parcel | None, parcels: list[Parcel]) -> BenchLine:
    sku = article.sku

    def count(these: list[Parcel]) -> int:
        return sum(c.quantity for p in these for c in p.contents if c.line_id == line.line_id)

    return BenchLine(
        line,
        name=sku.name if sku is not None else line.sku,
        fragile=sku is not None and sku.fragile,
        in_hand=count([parcel]) if parcel is not None else 0,
        boxed=count([p for p in parcels if p.state in _OPEN]),
        told=article.told,
        bin=sku.bin_at(article.location) if sku is not None else "",
    )


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A label as the carrier gave it, or on a page."""

    name: str
    media_type: str
    content: bytes


async def read_label(caller: Caller, parcel_id: UUID, wanted: str = "") -> LabelFile:
    """Read the label of a parcel as its bench prints it, or as pdf or zpl: a picture is put onto a page.

    Raises NotFoundError while there is none, and RefusedError for a format that the carrier does not give.
    """
    found = await caller.get(_SERVICE, f"/staff/parcels/{parcel_id}/label", Labelled)
    if found.label is None:
        raise NotFoundError("this parcel has no label yet")
    label = found.label
    name, printed = label.tracking_number or str(parcel_id), label.format.lower()
    content = base64.b64decode(label.content_base64)
    if wanted in {"", printed}:
        return LabelFile(f"{name}.{printed or 'bin'}", label.media_type, content)
    if wanted == "pdf" and label.media_type in _PICTURES:
        return LabelFile(f"{name}.pdf", "application/pdf", label_page(content))
    given = await caller.fetch("shipping", f"/staff/shipments/{label.shipment_id}/label", format=wanted)
    return LabelFile(f"{name}.{wanted}", given.headers.get("content-type", ""), given.content)
