"""Storefronts and their keys."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.orders.models import ApiKey, StorefrontRow
from services.orders.queries.orders import as_model
from shared.db import Transaction

_KEY = """
select k.storefront_id, k.test, k.scopes, s.code, k.id from api_key k join storefront s on s.id = k.storefront_id
where k.hash = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)
"""


async def get_storefronts(tx: Transaction, storefront_ids: Sequence[UUID]) -> list[StorefrontRow]:
    """Give storefronts by id."""
    rows = await tx.fetch("select * from storefront where id = any($1::uuid[])", list(storefront_ids))
    return [as_model(StorefrontRow, row) for row in rows]


async def list_storefronts(tx: Transaction) -> list[StorefrontRow]:
    """List all storefronts by code."""
    return [as_model(StorefrontRow, row) for row in await tx.fetch("select * from storefront order by code")]


async def find_code(tx: Transaction, code: str) -> bool:
    """Say whether a storefront has this code."""
    return bool(await tx.value("select exists (select from storefront where code = $1)", code))


async def list_keys(tx: Transaction, storefront_id: UUID) -> list[ApiKey]:
    """List a storefront's keys, newest first."""
    rows = await tx.fetch("select * from api_key where storefront_id = $1 order by id desc", storefront_id)
    return [as_model(ApiKey, row) for row in rows]


async def lock_key(tx: Transaction, key_id: UUID) -> ApiKey | None:
    """Lock a key."""
    row = await tx.row("select * from api_key where id = $1 for no key update", key_id)
    return as_model(ApiKey, row) if row is not None else None


async def get_live_key(tx: Transaction, key_hash: str, now: datetime) -> asyncpg.Record | None:
    """Give the storefront of a key that is neither revoked nor expired at this real time."""
    return await tx.row(_KEY, key_hash, now)
