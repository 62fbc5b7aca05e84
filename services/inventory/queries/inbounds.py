"""Reads and locks of inbounds and the supply they promise."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.inventory.states.stock import InboundState
from shared.db import Transaction

_INBOUND = "id, kind, state, location, source, reference, expected_at, since, version"


@dataclass(frozen=True, slots=True)
class Inbound:
    """An expected delivery to a location; `source` is where a transfer comes from."""

    id: UUID
    kind: str
    state: InboundState
    location: str
    source: str | None
    reference: str
    expected_at: datetime
    since: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class InboundFilter:
    """Which inbounds to show, newest first; `expected` are those that are not closed, the earliest first."""

    ids: Sequence[UUID] | None
    location: str | None
    state: str | None
    limit: int
    expected: bool = False


@dataclass(frozen=True, slots=True)
class Supply:
    """Units of a SKU that will come to a location."""

    sku: str
    location: str
    expected_at: datetime
    quantity: int


async def insert_inbound(tx: Transaction, inbound: Inbound, lines: Sequence[tuple[str, int]]) -> None:
    """Enter an inbound with its lines: (SKU, quantity expected)."""
    await tx.execute(
        "insert into inbound (id, kind, state, location, source, reference, expected_at, announced_at, since) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        inbound.id,
        inbound.kind,
        inbound.state,
        inbound.location,
        inbound.source,
        inbound.reference,
        inbound.expected_at,
        tx.now,
    )
    await tx.execute(
        "insert into inbound_line (inbound_id, sku, expected) select $1, * from unnest($2::text[], $3::int[])",
        inbound.id,
        [sku for sku, _ in lines],
        [quantity for _, quantity in lines],
    )


async def lock_inbound(tx: Transaction, inbound_id: UUID) -> Inbound | None:
    """Lock an inbound."""
    row = await tx.row(f"select {_INBOUND} from inbound where id = $1 for no key update", inbound_id)
    return Inbound(**{**dict(row), "state": InboundState(row["state"])}) if row is not None else None


async def move_inbound(tx: Transaction, old: Inbound, state: InboundState) -> int:
    """Move an inbound on, guarded by its state and version."""
    return await tx.execute(
        "update inbound set state = $4, since = $5, version = version + 1 "
        "where id = $1 and state = $2 and version = $3",
        old.id,
        old.state,
        old.version,
        state,
        tx.now,
    )


async def set_expected_at(tx: Transaction, inbound_id: UUID, moment: datetime) -> None:
    """Change when an inbound is expected."""
    await tx.execute("update inbound set expected_at = $2, version = version + 1 where id = $1", inbound_id, moment)


async def add_received(tx: Transaction, inbound_id: UUID, lines: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Add received units to lines, making those nobody announced; give (SKU, received in total)."""
    rows = await tx.fetch(
        "insert into inbound_line (inbound_id, sku, expected, received) "
        "select $1, l.sku, 0, l.quantity from unnest($2::text[], $3::int[]) as l(sku, quantity) order by l.sku "
        "on conflict (inbound_id, sku) do update set received = inbound_line.received + excluded.received "
        "returning sku, received",
        inbound_id,
        [sku for sku, _ in lines],
        [quantity for _, quantity in lines],
    )
    tx.wrote = True
    return sorted((row["sku"], row["received"]) for row in rows)


async def is_complete(tx: Transaction, inbound_id: UUID) -> bool:
    """Say whether everything announced has been received."""
    return not await tx.value(
        "select exists (select from inbound_line where inbound_id = $1 and received < expected)", inbound_id
    )


async def list_lines(tx: Transaction, inbound_ids: Collection[UUID]) -> list[asyncpg.Record]:
    """List the lines of inbounds."""
    return await tx.fetch(
        "select inbound_id, sku, expected, received, over, short from inbound_line "
        "where inbound_id = any($1::uuid[]) order by inbound_id, sku",
        list(inbound_ids),
    )


async def list_inbounds(tx: Transaction, wanted: InboundFilter) -> list[Inbound]:
    """List inbounds."""
    rows = await tx.fetch(
        f"select {_INBOUND} from inbound where ($1::uuid[] is null or id = any($1)) "
        "and ($2::text is null or location = $2) and ($3::text is null or state = $3) "
        "and (not $5 or state <> 'closed') order by case when $5 then expected_at end, id desc limit $4",
        list(wanted.ids) if wanted.ids is not None else None,
        wanted.location,
        wanted.state,
        wanted.limit,
        wanted.expected,
    )
    return [Inbound(**{**dict(row), "state": InboundState(row["state"])}) for row in rows]


async def list_supply(tx: Transaction, skus: Collection[str]) -> list[Supply]:
    """List what open inbounds will still bring, earliest first."""
    rows = await tx.fetch(
        "select l.sku, i.location, i.expected_at, l.short as quantity from inbound_line l "
        "join inbound i on i.id = l.inbound_id "
        "where l.sku = any($1::text[]) and i.state <> 'closed' and l.short > 0 order by l.sku, i.expected_at, i.id",
        list(skus),
    )
    return [Supply(**dict(row)) for row in rows]
