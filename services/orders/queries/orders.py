"""Orders: their row locks in one order, and their rows loaded as sets."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import asyncpg
from sqlmodel import SQLModel

from services.orders.models import (
    Cancellation,
    Erasure,
    Hold,
    Order,
    OrderLine,
    OrderRecord,
    OrderRelease,
    Parcel,
    PromiseRow,
    Refund,
    Remedy,
)
from services.orders.models.columns import OrdersTable
from services.orders.states import (
    CancellationState,
    ErasureState,
    HoldReason,
    HoldState,
    OrderState,
    RefundState,
    ReleaseState,
    RemedyKind,
    RemedyState,
)
from shared.db import Transaction

M = TypeVar("M", bound=OrdersTable)

Owner = tuple[UUID, bool]
"""A storefront, and whether its tests are meant: they share nothing with its live orders."""
Name = tuple[UUID, bool, str]
"""Storefront, test or live, and the storefront's reference: unique among orders."""

_ORIGINALS = """
with recursive up(reship_of) as (
  select reship_of from orders where id = any($1::uuid[]) and reship_of is not null
  union select o.reship_of from up join orders o on o.id = up.reship_of where o.reship_of is not null
)
select reship_of from up
"""
_LOCK = "select id from orders where id = any($1::uuid[]) order by id for no key update"
_LOAD = """
select o as head,
  array(select l from order_line l where l.order_id = o.id order by l.position) as lines,
  (select p from promise p where p.order_id = o.id order by p.revision desc limit 1) as promise,
  array(select h from hold h where h.order_id = o.id order by h.id) as holds,
  array(select r from order_release r where r.order_id = o.id order by r.release_no) as releases,
  array(select c from cancellation c where c.order_id = o.id order by c.id) as cancellations,
  array(select p from parcel p where p.order_id = o.id order by p.id) as parcels,
  array(select r from remedy r where r.order_id = o.id order by r.id) as remedies,
  array(select f from refund f where f.order_id = o.id order by f.id) as refunds
from orders o where o.id = any($1::uuid[]) order by o.id
"""


def named_orders(first: int) -> str:
    """Make a `from` of the orders `o` that three parameters name, from `first` on: storefronts, tests, references.

    A parameter behind a select is not looked into for planning. Else the server finds that a plan for just these few is
    cheaper than one for any, plans anew for every batch, and spends more on that than on the search.
    """
    return f"""orders o
join unnest((select ${first}::uuid[]), (select ${first + 1}::bool[]), (select ${first + 2}::text[]))
  as r(storefront_id, test, reference) using (storefront_id, test, reference)"""


BY_REFERENCE = f"select o.storefront_id, o.test, o.reference, o.id, o.fingerprint from {named_orders(1)}"
_UNPAID = """
select storefront_id, count(*) as waiting from orders
where payment_due_at is not null and storefront_id = any($1::uuid[]) group by storefront_id
"""
_PAGE = """
select id from orders where storefront_id = $1 and test = $2 and ($3::text is null or reference = $3)
  and ($4::timestamptz is null or updated_at > $4) and ($5::uuid is null or id > $5)
order by id limit $6
"""

_ENUMS: Mapping[type[SQLModel], Mapping[str, type[StrEnum]]] = {
    Order: {"state": OrderState},
    Hold: {"state": HoldState, "reason": HoldReason},
    OrderRelease: {"state": ReleaseState},
    Cancellation: {"state": CancellationState},
    Erasure: {"state": ErasureState},
    Remedy: {"state": RemedyState, "kind": RemedyKind},
    Refund: {"state": RefundState},
}


def as_model(model: type[M], record: asyncpg.Record | Mapping[str, object]) -> M:
    """Make a row object of a whole database row."""
    values: dict[str, object] = dict(record)
    for name, kind in _ENUMS.get(model, {}).items():
        values[name] = kind(str(values[name]))
    return model.of(values)


async def lock_orders(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, OrderRecord]:
    """Lock the heads in the order of their ids, then load what is committed; unknown ids are absent."""
    if not order_ids:
        return {}
    # A statement of its own: rows read beside a lock are those of before the wait.
    await tx.fetch(_LOCK, list(order_ids))
    return await load_orders(tx, order_ids)


async def load_orders(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, OrderRecord]:
    """Load orders with all their rows, without a lock."""
    rows = await tx.fetch(_LOAD, list(order_ids))
    return {row["head"]["id"]: _record(row) for row in rows}


def _record(row: asyncpg.Record) -> OrderRecord:
    def all_of(model: type[M], name: str) -> list[M]:
        return [as_model(model, entry) for entry in row[name]]

    return OrderRecord(
        head=as_model(Order, row["head"]),
        lines=all_of(OrderLine, "lines"),
        promise=as_model(PromiseRow, row["promise"]),
        holds=all_of(Hold, "holds"),
        releases=all_of(OrderRelease, "releases"),
        cancellations=all_of(Cancellation, "cancellations"),
        parcels=all_of(Parcel, "parcels"),
        remedies=all_of(Remedy, "remedies"),
        refunds=all_of(Refund, "refunds"),
    )


async def find_references(tx: Transaction, wanted: Sequence[Name]) -> dict[Name, tuple[UUID, str]]:
    """Give (order id, fingerprint) by name for those that exist."""
    rows = await tx.fetch(BY_REFERENCE, *([name[part] for name in wanted] for part in range(3)))
    return {(row["storefront_id"], row["test"], row["reference"]): (row["id"], row["fingerprint"]) for row in rows}


async def count_unpaid(tx: Transaction, storefront_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Give how many orders of each storefront wait for their money; one that has none is absent."""
    rows = await tx.fetch(_UNPAID, list(storefront_ids))
    return {row["storefront_id"]: row["waiting"] for row in rows}


async def get_order_id(tx: Transaction, storefront_id: UUID | None, named: str, *, test: bool) -> UUID | None:
    """Find an order by id, `ref:<reference>` or number.

    A storefront (None is staff, who see all) finds its own only, its tests with a test key only; of one
    reference staff finds the live order first.
    """
    column, value = _named(named)
    if column is None:
        return None
    found: UUID | None = await tx.value(
        f"select id from orders where {column} = $1 and ($2::uuid is null or storefront_id = $2 and test = $3) "
        "order by test, id desc limit 1",
        value,
        storefront_id,
        test,
    )
    return found


def _named(named: str) -> tuple[str | None, object]:
    if named.startswith("ref:"):
        return "reference", named.removeprefix("ref:")
    try:
        return "id", UUID(named)
    except ValueError:
        return ("number", named.strip().upper()) if named else (None, None)


async def list_order_ids(
    tx: Transaction, owner: Owner, reference: str | None, updated_after: object, cursor: UUID | None, limit: int
) -> list[UUID]:
    """List a page of one storefront's orders by id, which is the order they came in."""
    rows = await tx.fetch(_PAGE, *owner, reference, updated_after, cursor, limit)
    return [row["id"] for row in rows]


async def originals_of(tx: Transaction, order_ids: Sequence[UUID]) -> list[UUID]:
    """Give the orders that some of these are reshipments of, and those that these again are reshipments of."""
    rows = await tx.fetch(_ORIGINALS, list(order_ids))
    return [row["reship_of"] for row in rows]


async def get_order_of_remedy(tx: Transaction, remedy_id: UUID) -> UUID:
    """Give the order a remedy was granted for."""
    order_id: UUID = await tx.value("select order_id from remedy where id = $1", remedy_id)
    return order_id


async def due_order_ids(tx: Transaction, column: str, limit: int) -> list[UUID]:
    """Give orders whose timer `column` (one of ours) has come, longest due first."""
    rows = await tx.fetch(f"select id from orders where {column} <= $1 order by {column}, id limit $2", tx.now, limit)
    return [row["id"] for row in rows]


async def releases_due(tx: Transaction, limit: int) -> list[UUID]:
    """Give orders that may be released by now and whose release is not paused."""
    rows = await tx.fetch(
        "select id from orders o where release_due_at <= $1 and not exists (select from pause_switch p "
        "where p.kind = 'release' and p.scope in ('*', o.storefront_id::text)) order by release_due_at, id limit $2",
        tx.now,
        limit,
    )
    return [row["id"] for row in rows]
