"""Reads and locks of stock, its ledger, snapshots and count tasks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from shared.db import Transaction
from shared.ids import new_id

Key = tuple[str, str]
"""A SKU and a location."""

_COLUMNS = "s.sku, s.location, s.on_hand, s.reserved, s.damaged, s.quarantined, s.safety_stock, s.version"
_LOCK = f"""
select {_COLUMNS} from unnest($1::text[], $2::text[]) as k(sku, location) join stock s using (sku, location)
order by s.sku, s.location for no key update of s
"""
_LOCK_REACHABLE = f"""
select {_COLUMNS} from stock s
where s.sku = any($1::text[])
  and (s.sku = any($2::text[]) or (s.sku, s.location) in (select * from unnest($3::text[], $4::text[])))
order by s.sku, s.location for no key update
"""
_APPLY = """
update stock s set on_hand = s.on_hand + d.on_hand, reserved = s.reserved + d.reserved,
  damaged = s.damaged + d.damaged, quarantined = s.quarantined + d.quarantined, version = s.version + 1,
  changed_at = $7
from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], $6::int[])
  as d(sku, location, on_hand, reserved, damaged, quarantined)
where s.sku = d.sku and s.location = d.location
"""
_LEDGER = """
insert into ledger (at, sku, location, act, quantity, on_hand, reserved, damaged, quarantined, document, actor, cause)
select $1, e.sku, e.location, e.act, e.quantity, e.on_hand, e.reserved, e.damaged, e.quarantined, e.document,
  e.actor, $2
from unnest($3::text[], $4::text[], $5::text[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[], $11::text[],
  $12::text[]) as e(sku, location, act, quantity, on_hand, reserved, damaged, quarantined, document, actor)
"""
_MARK = """
insert into snapshot (sku, location, due_at)
select k.sku, k.location, $3 from unnest($1::text[], $2::text[]) as k(sku, location) order by k.sku, k.location
on conflict (sku, location) do update
set due_at = greatest(excluded.due_at, snapshot.sent_at + make_interval(secs => $4))
where snapshot.due_at is null
"""
_CLAIM_SNAPSHOTS = """
with due as (
  select sku, location from snapshot where due_at <= $1 order by due_at, sku, location limit $2 for update skip locked
)
update snapshot set due_at = null, sent_at = $1 from due
where snapshot.sku = due.sku and snapshot.location = due.location returning snapshot.sku, snapshot.location
"""
_SNAPSHOTS = f"""
select {_COLUMNS}, k.active as sku_active, k.active and p.active as offered, (
  select min(i.expected_at) from inbound i join inbound_line l on l.inbound_id = i.id
  where i.location = s.location and l.sku = s.sku and i.state <> 'closed' and l.received < l.expected
) as next_available_at
from stock s join sku k on k.code = s.sku join location p on p.code = s.location
where (s.sku, s.location) in (select * from unnest($1::text[], $2::text[])) order by s.sku, s.location
"""


@dataclass(frozen=True, slots=True)
class Stock:
    """What lies of one SKU at one location."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    damaged: int
    quarantined: int
    safety_stock: int
    version: int

    @property
    def free(self) -> int:
        """Units that no reservation holds and nothing blocks."""
        return self.on_hand - self.reserved - self.damaged - self.quarantined

    @property
    def available(self) -> int:
        """Units that a new reservation may draw."""
        return max(0, self.free - self.safety_stock)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stock row to be told: `offered` says that its SKU and its location are active, so that it may be drawn from."""

    stock: Stock
    sku_active: bool
    offered: bool
    next_available_at: datetime | None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One effect as the ledger keeps it: the deltas of the four buckets."""

    sku: str
    location: str
    act: str
    quantity: int
    deltas: tuple[int, int, int, int]
    document: str
    actor: str


def _stock(row: asyncpg.Record) -> Stock:
    return Stock(
        row["sku"], row["location"], row["on_hand"], row["reserved"], row["damaged"], row["quarantined"],
        row["safety_stock"], row["version"],
    )  # fmt: skip


def _columns(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    ordered = sorted(set(keys))
    return [sku for sku, _ in ordered], [location for _, location in ordered]


async def lock_stock(tx: Transaction, keys: Collection[Key]) -> dict[Key, Stock]:
    """Lock stock rows in (SKU, location) order; rows that do not exist are absent."""
    return {(row["sku"], row["location"]): _stock(row) for row in await tx.fetch(_LOCK, *_columns(keys))}


async def lock_reachable(tx: Transaction, anywhere: Collection[str], keys: Collection[Key]) -> dict[Key, Stock]:
    """Lock SKUs' stock at all locations, and single rows, in (SKU, location) order."""
    skus = {*anywhere, *(sku for sku, _ in keys)}
    rows = await tx.fetch(_LOCK_REACHABLE, sorted(skus), sorted(anywhere), *_columns(keys))
    return {(row["sku"], row["location"]): _stock(row) for row in rows}


async def lock_active(tx: Transaction, table: Literal["location", "sku"], codes: Collection[str]) -> dict[str, bool]:
    """Lock locations or SKUs and say of each whether it is active, as its stock must be to be offered.

    Unknown ones are absent.
    """
    rows = await tx.fetch(
        f"select code, active from {table} where code = any($1::text[]) order by code for no key update", list(codes)
    )
    return {row["code"]: row["active"] for row in rows}


async def ensure_stock(tx: Transaction, keys: Collection[Key]) -> None:
    """Have a row for each (SKU, location), empty where there was none."""
    await tx.execute(
        "insert into stock (sku, location, on_hand, reserved, damaged, quarantined, changed_at) "
        "select k.sku, k.location, 0, 0, 0, 0, $3 from unnest($1::text[], $2::text[]) as k(sku, location) "
        "order by k.sku, k.location on conflict do nothing",
        *_columns(keys),
        tx.now,
    )


async def change_stock(tx: Transaction, deltas: dict[Key, list[int]]) -> int:
    """Add deltas to locked rows' buckets in one statement; give the number of rows; a CHECK refuses overselling."""
    keys = sorted(deltas)
    buckets = [[deltas[key][place] for key in keys] for place in range(4)]
    return await tx.execute(_APPLY, [k[0] for k in keys], [k[1] for k in keys], *buckets, tx.now)


async def insert_ledger(tx: Transaction, rows: Sequence[LedgerRow]) -> None:
    """Append to the ledger."""
    await tx.write(
        _LEDGER,
        tx.now,
        tx.cause,
        [r.sku for r in rows],
        [r.location for r in rows],
        [r.act for r in rows],
        [r.quantity for r in rows],
        *[[r.deltas[place] for r in rows] for place in range(4)],
        [r.document for r in rows],
        [r.actor for r in rows],
    )


async def mark_snapshots(tx: Transaction, keys: Collection[Key], *, gap_seconds: float) -> None:
    """Have a snapshot of each row sent, `gap_seconds` after its last one at the earliest."""
    await tx.write(_MARK, *_columns(keys), tx.now, gap_seconds)


async def claim_snapshots(tx: Transaction, limit: int) -> list[Snapshot]:
    """Take due snapshots off the list and read the rows."""
    claimed = await tx.fetch(_CLAIM_SNAPSHOTS, tx.now, limit)
    if not claimed:
        return []
    tx.wrote = True
    rows = await tx.fetch(_SNAPSHOTS, [row["sku"] for row in claimed], [row["location"] for row in claimed])
    return [Snapshot(_stock(row), row["sku_active"], row["offered"], row["next_available_at"]) for row in rows]


async def list_keys(tx: Transaction, *, skus: Collection[str] = (), locations: Collection[str] = ()) -> list[Key]:
    """List the rows of these SKUs and those at these locations."""
    rows = await tx.fetch(
        "select sku, location from stock where sku = any($1::text[]) or location = any($2::text[])",
        sorted(skus),
        sorted(locations),
    )
    return [(row["sku"], row["location"]) for row in rows]


async def list_stock(tx: Transaction, *, sku: str | None, location: str | None, after: Key, limit: int) -> list[Stock]:
    """List stock by SKU and location, after a key."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from stock s where ($1::text is null or s.sku = $1) "
        "and ($2::text is null or s.location = $2) and (s.sku, s.location) > ($3, $4) "
        "order by s.sku, s.location limit $5",
        sku,
        location,
        *after,
        limit,
    )
    return [_stock(row) for row in rows]


async def get_stock(tx: Transaction, keys: Collection[Key]) -> list[Stock]:
    """Read stock rows without locking them."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from stock s where (s.sku, s.location) in (select * from unnest($1::text[], $2::text[])) "
        "order by s.sku, s.location",
        *_columns(keys),
    )
    return [_stock(row) for row in rows]


async def list_ledger(
    tx: Transaction, *, sku: str | None, location: str | None, document: str | None, page: tuple[int, int]
) -> list[asyncpg.Record]:
    """List ledger rows, oldest first; `page` is (after this id, how many)."""
    return await tx.fetch(
        "select id, at, sku, location, act, quantity, on_hand, reserved, damaged, quarantined, document, actor "
        "from ledger where ($1::text is null or sku = $1) and ($2::text is null or location = $2) "
        "and ($3::text is null or document = $3) and id > $4 order by id limit $5",
        sku,
        location,
        document,
        *page,
    )


async def set_safety_stock(tx: Transaction, lines: Sequence[tuple[str, str, int]]) -> int:
    """Set how many units allocation leaves alone; give the number of rows."""
    return await tx.execute(
        "update stock s set safety_stock = n.safety_stock, version = s.version + 1, changed_at = $4 "
        "from unnest($1::text[], $2::text[], $3::int[]) as n(sku, location, safety_stock) "
        "where s.sku = n.sku and s.location = n.location",
        [line[0] for line in lines],
        [line[1] for line in lines],
        [line[2] for line in lines],
        tx.now,
    )


async def open_count_task(tx: Transaction, sku: str, location: str, reason: str) -> None:
    """Have the units of a SKU counted at a location; one open task is enough."""
    await tx.execute(
        "insert into count_task (id, sku, location, reason, opened_at) values ($1, $2, $3, $4, $5) "
        "on conflict (sku, location) where done_at is null do nothing",
        new_id(),
        sku,
        location,
        reason,
        tx.now,
    )


async def close_count_tasks(tx: Transaction, counted: Sequence[tuple[str, str, int]]) -> None:
    """Close the open count tasks of what was counted."""
    await tx.execute(
        "update count_task t set done_at = $4, counted = c.counted "
        "from unnest($1::text[], $2::text[], $3::int[]) as c(sku, location, counted) "
        "where t.sku = c.sku and t.location = c.location and t.done_at is null",
        [line[0] for line in counted],
        [line[1] for line in counted],
        [line[2] for line in counted],
        tx.now,
    )


async def list_count_tasks(tx: Transaction, *, location: str | None, limit: int) -> list[asyncpg.Record]:
    """List open count tasks, oldest first."""
    return await tx.fetch(
        "select id, sku, location, reason, opened_at from count_task "
        "where done_at is null and ($1::text is null or location = $1) order by opened_at, id limit $2",
        location,
        limit,
    )
