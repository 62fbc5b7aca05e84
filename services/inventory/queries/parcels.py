"""Reads and writes of parcels, their contents and hand-overs; a parcel is guarded by its order's lock."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.inventory.models.warehouse import HandOver, Parcel, ParcelContent
from shared.db import Transaction
from shared.errors import ConflictError

_SAVE = """
update parcel p set state = n.state, since = n.since, version = p.version + 1, weight_grams = n.weight_grams,
  length_mm = n.length_mm, width_mm = n.width_mm, height_mm = n.height_mm, tare_grams = n.tare_grams,
  expected_grams = n.expected_grams, label_state = n.label_state, label_problem = n.label_problem,
  shipment_id = n.shipment_id, carrier = n.carrier, service = n.service, tracking_number = n.tracking_number,
  hand_over_id = n.hand_over_id
from unnest($1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::int[], $6::int[], $7::int[], $8::int[],
  $9::int[], $10::int[], $11::text[], $12::text[], $13::uuid[], $14::text[], $15::text[], $16::text[], $17::uuid[])
  as n(id, version, state, since, weight_grams, length_mm, width_mm, height_mm, tare_grams, expected_grams,
  label_state, label_problem, shipment_id, carrier, service, tracking_number, hand_over_id)
where p.id = n.id and p.version = n.version
"""
_SAVED = (
    "id", "version", "state", "since", "weight_grams", "length_mm", "width_mm", "height_mm", "tare_grams",
    "expected_grams", "label_state", "label_problem", "shipment_id", "carrier", "service", "tracking_number",
    "hand_over_id",
)  # fmt: skip
# Carriers recycle tracking numbers: the parcel that was packed last is meant.
_BY_NUMBER = """
select distinct on (tracking_number) * from parcel
where tracking_number = any($1::text[]) and state <> 'discarded' order by tracking_number, id desc
"""
_CONTENTS = """
select c.parcel_id, t.line_id, t.sku, s.name, s.weight_grams, sum(c.quantity)::int as quantity
from parcel_content c join pick_task t on t.id = c.task_id join sku s on s.code = t.sku
where c.parcel_id = any($1::uuid[]) group by c.parcel_id, t.line_id, t.sku, s.name, s.weight_grams
order by c.parcel_id, t.line_id
"""


# The unfinished fulfilment orders of a location have an index; a parcel that has not left belongs to one.
_WAITING = """
select p.* from fulfilment f join parcel p on p.fulfilment_id = f.id
where ($1::text is null or f.location = $1) and f.state not in ('handed_over', 'cancelled')
  and p.state not in ('handed_over', 'discarded') and (cardinality($2::text[]) = 0 or p.state = any($2))
  and ($3::text is null or lower(p.carrier) = lower($3))
order by f.cut_off_at, p.id limit $4
"""


@dataclass(frozen=True, slots=True)
class ParcelFilter:
    """Which parcels to show; no state means all that have not left."""

    location: str | None
    states: Sequence[str]
    tracking_number: str | None
    limit: int
    carrier: str | None = None


@dataclass(frozen=True, slots=True)
class ContentLine:
    """Units of a line in a parcel."""

    parcel_id: UUID
    line_id: UUID
    sku: str
    name: str
    weight_grams: int
    quantity: int


async def get_parcels(tx: Transaction, parcel_ids: Collection[UUID]) -> dict[UUID, Parcel]:
    """Read parcels; lock their orders first to rely on them."""
    rows = await tx.fetch("select * from parcel where id = any($1::uuid[]) order by id", sorted(set(parcel_ids)))
    return {row["id"]: Parcel(**dict(row)) for row in rows}


async def find_by_numbers(tx: Transaction, tracking_numbers: Collection[str]) -> dict[str, Parcel]:
    """Find parcels by tracking number."""
    rows = await tx.fetch(_BY_NUMBER, sorted(set(tracking_numbers)))
    return {row["tracking_number"]: Parcel(**dict(row)) for row in rows}


async def list_waiting(tx: Transaction, wanted: ParcelFilter) -> list[Parcel]:
    """List parcels that have not left by cut-off; by tracking number the one it names, wherever it is."""
    if wanted.tracking_number is not None:
        return list((await find_by_numbers(tx, [wanted.tracking_number])).values())
    rows = await tx.fetch(_WAITING, wanted.location, list(wanted.states), wanted.carrier, wanted.limit)
    return [Parcel(**dict(row)) for row in rows]


async def list_of_order(tx: Transaction, order_id: UUID) -> list[Parcel]:
    """List the parcels of an order, discarded ones too."""
    rows = await tx.fetch("select * from parcel where order_id = $1 order by fulfilment_id, parcel_no", order_id)
    return [Parcel(**dict(row)) for row in rows]


async def next_number(tx: Transaction, fulfilment_id: UUID) -> int:
    """Give the number of a fulfilment order's next parcel."""
    number: int = await tx.value(
        "select coalesce(max(parcel_no), 0) + 1 from parcel where fulfilment_id = $1", fulfilment_id
    )
    return number


async def insert_parcel(tx: Transaction, parcel: Parcel) -> None:
    """Insert an open parcel."""
    await tx.execute(
        "insert into parcel (id, fulfilment_id, order_id, parcel_no, location, state, since, packer) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8)",
        parcel.id,
        parcel.fulfilment_id,
        parcel.order_id,
        parcel.parcel_no,
        parcel.location,
        parcel.state,
        parcel.since,
        parcel.packer,
    )


async def save_parcels(tx: Transaction, parcels: Sequence[Parcel]) -> None:
    """Save parcels; raises ConflictError when somebody else changed one."""
    if not parcels:
        return
    touched = await tx.execute(_SAVE, *[[getattr(parcel, name) for parcel in parcels] for name in _SAVED])
    if touched != len(parcels):
        raise ConflictError("somebody else changed this parcel meanwhile; send the request again")
    for parcel in parcels:
        parcel.version += 1


async def add_contents(tx: Transaction, contents: Sequence[ParcelContent]) -> None:
    """Put units into parcels."""
    await tx.execute_many(
        "insert into parcel_content (parcel_id, task_id, quantity) values ($1, $2, $3) "
        "on conflict (parcel_id, task_id) do update set quantity = parcel_content.quantity + excluded.quantity",
        [(c.parcel_id, c.task_id, c.quantity) for c in contents],
    )


async def contents_of(tx: Transaction, parcel_ids: Collection[UUID]) -> list[ParcelContent]:
    """List what lies in parcels by pick task."""
    rows = await tx.fetch(
        "select * from parcel_content where parcel_id = any($1::uuid[]) order by parcel_id, task_id",
        sorted(set(parcel_ids)),
    )
    return [ParcelContent(**dict(row)) for row in rows]


async def content_lines(tx: Transaction, parcel_ids: Collection[UUID]) -> dict[UUID, list[ContentLine]]:
    """List what lies in parcels by order line, with names and the weight of one unit."""
    lines: dict[UUID, list[ContentLine]] = {}
    for row in await tx.fetch(_CONTENTS, sorted(set(parcel_ids))):
        lines.setdefault(row["parcel_id"], []).append(ContentLine(**dict(row)))
    return lines


async def insert_hand_over(tx: Transaction, row: HandOver) -> None:
    """Insert a hand-over."""
    await tx.execute(
        "insert into hand_over (id, location, carrier, manifest, actor, at) values ($1, $2, $3, $4, $5, $6)",
        row.id,
        row.location,
        row.carrier,
        row.manifest,
        row.actor,
        row.at,
    )


async def read_circumstances(tx: Transaction, parcel_ids: Collection[UUID]) -> dict[UUID, asyncpg.Record]:
    """Read of which order and by which cut-off parcels leave."""
    rows = await tx.fetch(
        "select p.id, o.number, o.reference, o.service_level, o.country_code, o.postal_zone, f.cut_off_at "
        "from parcel p join fulfilment f on f.id = p.fulfilment_id join warehouse_order o on o.order_id = p.order_id "
        "where p.id = any($1::uuid[])",
        sorted(set(parcel_ids)),
    )
    return {row["id"]: row for row in rows}
