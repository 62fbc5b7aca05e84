"""Verifications of callers, looks at personal data, and other orders of the same person."""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.orders.models import PromiseRow
from services.orders.queries.orders import as_model
from shared.db import Transaction

# Relays and proxies never link people; neither does a name in a house of many, nor a phone number without its country.
_RELATED = """
select o.id, o.number, o.reference, o.storefront_id, o.state, o.placed_at, array_agg(distinct theirs.kind) as kinds
from orders mine join look_up ours on ours.order_id = mine.id
  and (ours.kind = 'email' and coalesce(mine.customer->>'email_kind', 'real') = 'real'
    or ours.kind = 'phone' and coalesce(mine.customer->>'phone_kind', 'real') = 'real')
join look_up theirs on theirs.value = ours.value and theirs.kind = ours.kind and theirs.order_id <> mine.id
  and ours.value !~ '^[(?]'
join orders o on o.id = theirs.order_id and o.storefront_id = mine.storefront_id
  and coalesce(o.customer->>(theirs.kind || '_kind'), 'real') = 'real'
where mine.id = $1 group by o.id order by o.placed_at desc, o.id desc limit $2
"""
_VERIFIED_AT = """
select max(at) from caller_verification where order_id = $1 and actor = $2 and verified and at > $3
"""
_FAILED = "select count(*) from caller_verification where order_id = $1 and not verified and at > $2"


async def find_related(tx: Transaction, order_id: UUID, limit: int) -> list[asyncpg.Record]:
    """Find the same storefront's orders with the same real e-mail or phone, newest first."""
    return await tx.fetch(_RELATED, order_id, limit)


async def get_verified_at(tx: Transaction, order_id: UUID, actor: str, since: datetime) -> datetime | None:
    """Say when this agent last verified the caller of an order, if since `since`."""
    found: datetime | None = await tx.value(_VERIFIED_AT, order_id, actor, since)
    return found


async def count_failed(tx: Transaction, order_id: UUID, since: datetime) -> int:
    """Count tries that proved nothing, whoever made them."""
    return int(await tx.value(_FAILED, order_id, since))


async def list_promises(tx: Transaction, order_id: UUID) -> list[PromiseRow]:
    """List all promises of an order, the original first."""
    rows = await tx.fetch("select * from promise where order_id = $1 order by revision", order_id)
    return [as_model(PromiseRow, row) for row in rows]
