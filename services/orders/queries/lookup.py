"""The look-up index: orders by whatever a caller has in hand."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from shared.db import Transaction

# Carriers recycle tracking numbers: the newest orders come first.
FIND = """
select o.id, o.number, o.reference, o.storefront_id, o.state, o.placed_at, array_agg(distinct l.kind) as kinds
from unnest($1::text[], $2::text[]) as q(kind, value) join look_up l on l.value = q.value and l.kind = q.kind
join orders o on o.id = l.order_id
group by o.id order by o.placed_at desc, o.id desc limit $3
"""
_PERSONAL = ["email", "phone", "name_postcode"]


async def find_orders(tx: Transaction, keys: Sequence[tuple[str, str]], limit: int) -> list[asyncpg.Record]:
    """Find orders by any of these (kind, value) keys, newest first."""
    return await tx.fetch(FIND, [kind for kind, _ in keys], [value for _, value in keys], limit)


async def find_by_number(tx: Transaction, number: str) -> asyncpg.Record | None:
    """Find (id, postal_code) of an order by its plain number."""
    return await tx.row(
        "select o.id, o.address->>'postal_code' as postal_code from look_up l join orders o on o.id = l.order_id "
        "where l.kind = 'number' and l.value = $1 and o.erased_at is null order by o.placed_at desc limit 1",
        number,
    )


async def list_numbers(tx: Transaction, order_ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """List (order_id, number) of those of the ids that are orders."""
    return await tx.fetch("select id as order_id, number from orders where id = any($1::uuid[])", list(order_ids))


async def forget_person(tx: Transaction, order_id: UUID) -> None:
    """Drop what led to an order by its person; new entries follow."""
    await tx.execute("delete from look_up where order_id = $1 and kind = any($2)", order_id, _PERSONAL)
