"""Wishes to forget customers, the orders they reach, and what is still open of those."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.orders.models import Erasure
from services.orders.queries.orders import Owner, as_model
from services.orders.states import OrderState
from shared.db import Transaction

# A relay's or proxy's address is many people's: nobody is found by it.
_OF_EMAIL = """
select o.id from look_up l join orders o on o.id = l.order_id
where l.kind = 'email' and l.value = $1 and coalesce(o.customer->>'email_kind', 'real') = 'real'
  and ($2::uuid is null or o.storefront_id = $2 and o.test = $3)
order by o.id limit $4
"""
# Reshipments went to the same person, and may have reshipments of their own.
_FAMILY = """
with recursive family(id) as (
  select unnest($1::uuid[])
  union
  select linked.id from family f cross join lateral (
    select r.reship_order_id as id from remedy r where r.order_id = f.id and r.reship_order_id is not null
    union all select o.reship_of from orders o where o.id = f.id and o.reship_of is not null
  ) linked
)
select id from family order by id
"""
_PUT = """
insert into erasure (order_id, state, asked_by, reason, asked_at, since, due_at, look_at, waits_for)
select id, 'waiting', $2, $3, $4, $4, $5, $4, '' from unnest($1::uuid[]) as id order by id
on conflict (order_id) do nothing returning order_id
"""
# What care last said of each case of an order: one that is at its end is no reason to wait.
_OPEN_CASES = """
select order_id, number from (
  select distinct on (details->>'case_id') order_id, details->>'number' as number, fact, details->>'state' as state
  from timeline where order_id = any($1::uuid[]) and fact in ('case_opened', 'case_updated', 'case_resolved')
  order by details->>'case_id', id desc
) last
where fact <> 'case_resolved' and coalesce(state, '') <> all(
  array['resolved', 'closed', 'self_healed', 'false_positive'])
"""
_PAGE = """
select e.*, o.number from erasure e join orders o on o.id = e.order_id
where ($1::text is null or e.state = $1) and ($2::uuid is null or e.order_id > $2) order by e.order_id limit $3
"""
_NAMED = """
select e.*, o.number from erasure e join orders o on o.id = e.order_id where e.order_id = any($1::uuid[])
order by e.order_id
"""
_OLD = """
select id from orders o where state = any($1) and since < $2 and erased_at is null
  and not exists (select from erasure e where e.order_id = o.id) order by id limit $3
"""


async def find_by_email(tx: Transaction, email: str, owner: Owner | None, limit: int) -> list[UUID]:
    """Find the orders with a real e-mail address, one storefront's or all."""
    storefront_id, test = owner if owner is not None else (None, False)
    rows = await tx.fetch(_OF_EMAIL, email.strip().casefold(), storefront_id, test, limit)
    return [row["id"] for row in rows]


async def family_of(tx: Transaction, order_ids: Sequence[UUID]) -> list[UUID]:
    """Give these orders, those they reship, and the reshipments of any of them."""
    return [row["id"] for row in await tx.fetch(_FAMILY, list(order_ids))]


async def put_erasures(
    tx: Transaction, order_ids: Sequence[UUID], asked_by: str, reason: str, due_at: datetime
) -> list[UUID]:
    """Note the wish for each order that has none yet; gives those."""
    rows = await tx.fetch(_PUT, list(order_ids), asked_by, reason, tx.now, due_at)
    return [row["order_id"] for row in rows]


async def due_order_ids(tx: Transaction, limit: int) -> list[UUID]:
    """Give orders whose erasure is to be looked at."""
    rows = await tx.fetch("select order_id from erasure where look_at <= $1 order by look_at limit $2", tx.now, limit)
    return [row["order_id"] for row in rows]


async def get_waiting(tx: Transaction, order_ids: Sequence[UUID]) -> list[Erasure]:
    """Give the wishes that are not fulfilled; the locks of their orders guard them."""
    rows = await tx.fetch(
        "select * from erasure where order_id = any($1::uuid[]) and state = 'waiting' order by order_id",
        list(order_ids),
    )
    return [as_model(Erasure, row) for row in rows]


async def list_open_cases(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Give the numbers of care's open cases by order."""
    found: dict[UUID, list[str]] = {}
    for row in await tx.fetch(_OPEN_CASES, list(order_ids)):
        found.setdefault(row["order_id"], []).append(row["number"])
    return found


async def list_erasures(tx: Transaction, state: str | None, after: UUID | None, limit: int) -> list[asyncpg.Record]:
    """List a page of wishes with the number of each order."""
    return await tx.fetch(_PAGE, state, after, limit)


async def get_erasures(tx: Transaction, order_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """Give the wishes of these orders."""
    return await tx.fetch(_NAMED, list(order_ids))


async def list_old_orders(tx: Transaction, before: datetime, limit: int) -> list[UUID]:
    """Give orders that ended before a moment and whose customers are still known."""
    ended = [OrderState.COMPLETED.value, OrderState.CANCELLED.value, OrderState.REJECTED.value]
    return [row["id"] for row in await tx.fetch(_OLD, ended, before, limit)]
