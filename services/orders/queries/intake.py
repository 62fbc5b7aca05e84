"""What intake must know of the goods, storefronts and earlier requests of a list of orders, in one round trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.orders.models import StorefrontRow
from services.orders.queries.catalogue import CATALOGUE, Catalogue, as_catalogue
from services.orders.queries.orders import Name, as_model, named_orders
from shared.db import Transaction

INTAKE_SWITCH = "intake"
# Its parameters stand behind a select, see `named_orders`.
READ = f"""
select {CATALOGUE},
  array(select s from storefront s where s.id = any((select $5::uuid[])::uuid[])) as storefronts,
  array(select scope from pause_switch where kind = $6) as paused,
  array(select (o.storefront_id, o.test, o.reference, o.id, o.fingerprint) from {named_orders(7)}) as existing,
  array(select i from idempotency i
    join unnest((select $10::text[]), (select $11::text[])) as c(scope, key) using (scope, key)) as answered
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of orders names."""

    skus: set[str]
    pins: set[str]
    quotes: Sequence[UUID]
    storefronts: set[UUID]
    names: Sequence[Name]
    claims: Sequence[tuple[str, str]]  # scope and key


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of it; intake is paused for the storefronts whose ids are among `paused`, or for all by `*`."""

    catalogue: Catalogue
    storefronts: Mapping[UUID, StorefrontRow]
    paused: frozenset[str]
    existing: dict[Name, tuple[UUID, str]]  # order and fingerprint
    answered: Mapping[tuple[str, str], asyncpg.Record]


async def read_known(tx: Transaction, wanted: Wanted) -> Known:
    """Read it, and draw an order number for each order."""
    row = await tx.row(
        READ,
        sorted(wanted.skus),
        wanted.quotes,
        len(wanted.names),
        sorted(wanted.pins),
        sorted(wanted.storefronts),
        INTAKE_SWITCH,
        *(list(column) for column in zip(*wanted.names, strict=True)),
        *(list(column) for column in zip(*wanted.claims, strict=True)),
    )
    if row is None:
        raise LookupError("no row")
    storefronts = [as_model(StorefrontRow, entry) for entry in row["storefronts"]]
    return Known(
        as_catalogue(row),
        {one.id: one for one in storefronts},
        frozenset(row["paused"]),
        {(owner, test, reference): (order_id, told) for owner, test, reference, order_id, told in row["existing"]},
        {(entry["scope"], entry["key"]): entry for entry in row["answered"]},
    )
