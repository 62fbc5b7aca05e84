"""Storefronts and their API keys: made, rotated with an overlap, revoked; each act is audited."""

import asyncio
from datetime import timedelta
from uuid import UUID

from services.orders.errors import CodeExistsError, KeyNotFoundError, StorefrontNotFoundError
from services.orders.models import ApiKey, StorefrontRow
from services.orders.queries import rows, storefronts
from services.orders.schemas.staff import (
    CreateKey,
    CreateStorefront,
    KeyList,
    KeyView,
    NewKeyView,
    RevokeKey,
    RotateKey,
    StorefrontList,
    StorefrontView,
)
from services.orders.settings import settings
from shared import clock
from shared.audit import audit
from shared.auth import Principal, Scope, hash_api_key, make_api_key
from shared.db import Database, Transaction
from shared.ids import new_id

_PREFIX_LENGTH = 13
_MOST_CACHED = 10_000


async def create_storefront(tx: Transaction, who: Principal, body: CreateStorefront) -> StorefrontView:
    """Make a storefront; raises CodeExistsError."""
    if await storefronts.find_code(tx, body.code):
        raise CodeExistsError(f"a storefront with the code {body.code!r} exists")
    row = StorefrontRow(id=new_id(), created_at=tx.now, **body.model_dump())
    await rows.save(tx, [row])
    await audit(tx, actor=who.actor, act="create_storefront", subject=str(row.id), reason=body.code)
    return StorefrontView.model_validate(row)


async def list_storefronts(tx: Transaction) -> StorefrontList:
    """List all storefronts."""
    found = await storefronts.list_storefronts(tx)
    return StorefrontList(data=[StorefrontView.model_validate(row) for row in found])


async def create_key(tx: Transaction, who: Principal, storefront_id: UUID, body: CreateKey) -> NewKeyView:
    """Make a key, which is shown this once; raises StorefrontNotFoundError."""
    if not await storefronts.get_storefronts(tx, [storefront_id]):
        raise StorefrontNotFoundError("no such storefront")
    row, view = _make(storefront_id, test=body.test, label=body.label)
    row.expires_at = view.expires_at = body.expires_at
    await rows.save(tx, [row])
    await audit(tx, actor=who.actor, act="create_key", subject=str(row.id), reason=body.label or "new key")
    return view


async def rotate_key(tx: Transaction, who: Principal, key_id: UUID, body: RotateKey) -> NewKeyView:
    """Make a successor; the old key ends after the overlap. Raises KeyNotFoundError."""
    old = await _live(tx, key_id)
    row, view = _make(old.storefront_id, test=old.test, label=old.label)
    ends = clock.real() + timedelta(hours=body.overlap_hours)
    old.expires_at = min(old.expires_at or ends, ends)
    await rows.save(tx, [old, row])
    await audit(
        tx, actor=who.actor, act="rotate_key", subject=str(key_id), reason=f"{body.overlap_hours} h overlap",
        change=(None, {"successor": str(row.id)}),
    )  # fmt: skip
    return view


async def revoke_key(tx: Transaction, who: Principal, key_id: UUID, body: RevokeKey) -> KeyView:
    """End a key; it is refused everywhere within the time a process may remember it."""
    row = await _live(tx, key_id)
    row.revoked_at, row.revoked_by = clock.real(), who.actor
    await rows.save(tx, [row])
    await audit(tx, actor=who.actor, act="revoke_key", subject=str(key_id), reason=body.reason)
    return KeyView.model_validate(row)


async def list_keys(tx: Transaction, storefront_id: UUID) -> KeyList:
    """List a storefront's keys without their secrets."""
    found = await storefronts.list_keys(tx, storefront_id)
    return KeyList(data=[KeyView.model_validate(row) for row in found])


async def _live(tx: Transaction, key_id: UUID) -> ApiKey:
    row = await storefronts.lock_key(tx, key_id)
    if row is None or row.revoked_at is not None:
        raise KeyNotFoundError("no such live key")
    return row


def _make(storefront_id: UUID, *, test: bool, label: str) -> tuple[ApiKey, NewKeyView]:
    key = make_api_key(test=test)
    row = ApiKey(
        id=new_id(),
        storefront_id=storefront_id,
        prefix=key[:_PREFIX_LENGTH],
        hash=hash_api_key(key),
        test=test,
        label=label,
        scopes=[Scope.STOREFRONT],
        created_at=clock.real(),
    )
    return row, NewKeyView(key=key, **{name: getattr(row, name) for name in KeyView.model_fields})


class CachedKeys:
    """Finds the storefront of a key; remembers found keys for the seconds of the settings, at most 30.

    Callers who ask for the same key at the same time share one question to the database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Principal]] = {}
        self._asking: dict[str, asyncio.Task[Principal | None]] = {}

    async def __call__(self, key_hash: str) -> Principal | None:
        """Give the caller of a key, None when it is unknown, expired or revoked."""
        known = self._known.get(key_hash)
        if known is not None and known[0] > clock.monotonic():
            return known[1]
        task = self._asking.get(key_hash)
        if task is None:
            task = self._asking[key_hash] = asyncio.create_task(self._ask(key_hash))
            task.add_done_callback(lambda _: self._asking.pop(key_hash, None))
        return await asyncio.shield(task)

    async def _ask(self, key_hash: str) -> Principal | None:
        async with self._database.transaction() as tx:
            row = await storefronts.get_live_key(tx, key_hash, clock.real())
        if row is None:
            self._known.pop(key_hash, None)
            return None
        principal = Principal(
            # A test key's calls are those of another caller: an idempotency key of one says nothing to the other.
            subject=f"{row['code']}/test" if row["test"] else row["code"],
            scopes=frozenset(Scope(scope) for scope in row["scopes"]),
            storefront_id=row["storefront_id"],
            test=row["test"],
        )
        if len(self._known) >= _MOST_CACHED:
            self._known.clear()
        self._known[key_hash] = clock.monotonic() + settings().key_cache_seconds, principal
        return principal
